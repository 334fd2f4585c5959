// Package workflows holds the durable lives of a fleet: Tenant (an account),
// Conductor (its dispatcher while demand is unmet), Crawler (one container), Ticket
// (one crawl request), Delivery (one message to one webhook) and Redelivery (a request to
// bring a ticket's messages again).
//
// The code here only orders what happens; whatever looks at a clock, a row or a
// substrate is an activity of package activities, and what is decided is decided
// by package plan inside the control store's transactions. Each workflow is a short
// exported function over a struct that holds its state: setup registers handlers,
// run reads like the business.
//
// options.go names every timeout with its reason, versions.go the recorded
// versions of behaviour, continue.go what survives continuing as new. Package
// workers registers the workflows.
package workflows
