package main

import "github.com/spf13/cobra"

// commands lists the commands in the order of the help.
func commands(app *App) []*cobra.Command {
	return []*cobra.Command{
		newDemoCommand(app),
		newDevCommand(app),
		newWorkerCommand(app),
		newWebCommand(app),
		newGatewayCommand(app),
		newTenantCommand(app),
		newTicketCommand(app),
		newCrawlerCommand(app),
		newExtractCommand(app),
		newFleetCommand(app),
		newDoctorCommand(app),
		newBackupCommand(app),
		newRestoreCommand(app),
		newConfigCommand(app),
		newSchemaCommand(app),
		newVersionCommand(app),
		newCompletionCommand(app),
	}
}
