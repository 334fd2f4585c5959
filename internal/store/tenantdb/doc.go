// Package tenantdb is the tenants' databases: one SQLite file for each tenant, with
// its crawls, their frontiers and the pages that were stored.
//
// It keeps three promises, whatever interleaving of claims, batches, repeats and
// kills it is given: a writer whose fence has been raised stores nothing, no page is
// stored twice, and every discovered URL is queued, in flight or at its one end,
// with counters that add up in every snapshot. Each call is one transaction.
//
// It does not know leases (the data plane asks the control store before it claims),
// does not canonicalise URLs (links come with their key) and does not fetch. The
// data plane claims and exchanges, the control side raises, closes and reopens, the
// doors read.
package tenantdb
