package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Register registers the workflows under their wire names.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Tenant, workflow.RegisterOptions{Name: fleet.TenantWorkflow})
	r.RegisterWorkflowWithOptions(Conductor, workflow.RegisterOptions{Name: fleet.ConductorWorkflow})
	r.RegisterWorkflowWithOptions(Crawler, workflow.RegisterOptions{Name: fleet.CrawlerWorkflow})
	r.RegisterWorkflowWithOptions(Delivery, workflow.RegisterOptions{Name: fleet.DeliveryWorkflow})
	r.RegisterWorkflowWithOptions(Redelivery, workflow.RegisterOptions{Name: fleet.RedeliveryWorkflow})
	r.RegisterWorkflowWithOptions(Ticket, workflow.RegisterOptions{Name: fleet.TicketWorkflow})
}
