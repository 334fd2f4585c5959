package fleet

// RedeliveryWorkflow is the wire name of the workflow that has messages of a ticket
// brought again (RedeliverRequest in, []DeliveryRef out).
const RedeliveryWorkflow = "Redelivery"

// RedeliveryWorkflowID is the workflow id of a request to tell a ticket's webhooks again.
func RedeliveryWorkflowID(t TenantID, id TicketID) string {
	return "redelivery/" + string(t) + "/" + string(id)
}

// Validate names the first field that is wrong.
func (r RedeliverRequest) Validate() error {
	if err := r.Tenant.Validate(); err != nil {
		return err
	}
	return r.Ticket.Validate()
}
