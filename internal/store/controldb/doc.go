// Package controldb is the dispatcher's memory: tenants and their plans, crawlers,
// sessions, tickets, leases, cool-downs, decisions with their reasons, and the
// ledger. Each method is one short transaction; what is decided in it is decided by
// workflows/plan from the rows that the same transaction reads and writes.
//
// It starts nothing and tells nobody: whom to tell after a commit is in the answers
// (fleet.Follow). The tenants' databases and their fences are tenantdb's. The
// activities write through fleet.Control, the doors read through fleet.Reader.
package controldb
