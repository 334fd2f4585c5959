// Package dataplane serves the crawlers their only way to a tenant's database: claim a
// crawl, exchange pages for work, and hear one's own address, as JSON over POST.
//
// Each crawler has a credential that gives it its own tenant and GUID and nothing else;
// a claim is checked against the lease in the control store, every batch after it by the
// fence in the tenant's database. The package stores nothing itself and keeps no state
// between calls that matters, so that a restart in the middle of a crawl costs a crawler
// one retry. Where a page was fetched from is what the connection says, not the crawler.
//
// The control worker serves it on loopback, without TLS and without compression; off the
// box the gateway does.
package dataplane
