// Package plan decides: which crawler serves a ticket, which crawlers to start
// and where, who gets a freed slot, and why a ticket waits. It is pure: state and
// time in, decisions with their reasons out; no I/O, no clock, no randomness.
//
// The control store runs it inside its transactions (Route, Decide, Record), the
// command line for --dry-run.
package plan
