// Package activities holds the only side effects of the workflows: it translates,
// calls one interface of package fleet, maps errors, and tells whom a committed
// transaction concerns. Each struct is named after what it holds; each exported
// method that takes a context is one activity, registered under its own name.
//
// Tickets, Conductors, Crawlers, Tenants and Deliveries run on the control queue (mostly
// as local activities), Machines on the launch queue of a substrate account, the requests
// of Deliveries on the deliver queue. Reaper, Keeper, Market and Watch are no activities:
// the control worker runs them beside its queues. The crawler's own activities (Hello, Serve,
// Crawl) are in this package too and share nothing with the control side's.
//
// It decides nothing: decisions are made by the control store with workflows/plan.
package activities
