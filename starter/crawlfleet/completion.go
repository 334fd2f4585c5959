package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCompletionCommand(app *App) *cobra.Command {
	c := &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "print a shell's completion script",
		Long: "Prints a script that completes commands and flags, for the shell that is named.",
		Example: `  source <(crawlfleet completion bash)
  crawlfleet completion fish > ~/.config/fish/completions/crawlfleet.fish`,
		DisableFlagsInUseLine: true,
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(c, "one shell is wanted")
		}
		switch root := c.Root(); args[0] {
		case "bash":
			return root.GenBashCompletionV2(app.Out, true)
		case "zsh":
			return root.GenZshCompletion(app.Out)
		case "fish":
			return root.GenFishCompletion(app.Out, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(app.Out)
		}
		return usage(c, fmt.Sprintf("unknown shell %q", args[0]))
	}
	return c
}
