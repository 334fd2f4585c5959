// Package e2e proves the fleet from outside. It runs the programs that a person runs
// (the Temporal server, the control worker or the whole of crawlfleet dev, crawlers as
// processes, the two command lines) against sites on loopback, and judges them by what
// the site's access log, the databases and the process table say, never by what the
// program under test believes of itself.
//
// The harness is here: Build makes the programs, Start a Fleet in a directory of its
// own, with methods to kill and to restart each part; Close drains the fleet, audits
// its books and reports whatever was left. The tests are beside it; those that disturb
// nobody share one fleet and are kept apart by their tenants.
//
// Used by its own tests and by the benchmarks in internal/e2e/bench.
package e2e
