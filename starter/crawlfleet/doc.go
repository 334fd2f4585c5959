// Command crawlfleet is the command line of the fleet: it starts one on this machine
// (dev, demo, worker), and it submits, steers and reads tenants, tickets and crawlers.
//
// Writes go through Temporal only (internal/client). Reads go straight to the control
// store and the tenants' databases, so that they work while no worker runs. Data is
// written to standard output, everything else to standard error.
//
// There is one file for each command; commands.go lists them.
package main
