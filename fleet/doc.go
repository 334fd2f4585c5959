// Package fleet holds the nouns and contracts of crawlfleet: tenants, tickets,
// leases, crawlers, sessions, offerings, the data plane's messages, every wire
// name, and the interfaces that the other rooms meet at.
//
// It imports the standard library only and does nothing by itself: no I/O, no
// clock, no randomness. Every other package may import it; it imports none.
package fleet
