// Package remote is the crawler's side of the data plane over HTTP: it claims a crawl,
// exchanges pages for work and asks for the crawler's own address.
//
// It repeats what may be repeated until the data plane is back or its patience ends, so
// that a crawl outlives a restart of the control side; it decides nothing about the
// crawl. The crawl engine uses it through the interface it declares, and needs neither a
// database driver nor a database's credential.
package remote
