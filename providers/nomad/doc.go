// Package nomad runs crawlers as batch jobs of a HashiCorp Nomad cluster, one job for
// each GUID.
//
// A job is registered, not dispatched: only a job of its own can be constrained to a
// country, a pool or an address. Its specification is nomad-jobs/crawler.nomad.hcl,
// parsed once by the servers; name, labels, place and environment are set here.
//
// What Nomad keeps of a crawler:
//
//	job crawl-<fleet>-<guid>              from its launch until it was stopped
//	variable nomad/jobs/crawl-<fleet>-<guid>
//	                                      its mark: while it lives what the crawler may
//	                                      not show (its token), afterwards how it ended
//
// The mark is written before the job and is the job's only way to its token. A job
// whose mark is gone or says "ended" cannot start, whatever registers or places it, and
// a marked GUID is never launched anew. So a job may be purged as soon as its crawler was
// stopped, and a late placement starts nothing.
//
// Nomad restarts and moves nothing here: the workflow decides. What Nomad cannot exclude
// (a node that was cut off and still runs its crawler) the fence of the tenant's rows
// makes harmless.
//
// The package leaves to others which crawler to start, and when to stop it.
package nomad
