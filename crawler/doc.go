// Package crawler is the crawl itself: it claims a ticket's crawl at the data
// plane, fetches what it is handed, and gives pages and links back in batches,
// until the data plane says that the crawl has ended or is another's.
//
// The frontier, the dedupe, the limits and the end of a crawl are the data
// plane's; a crawler holds a bounded window of it and nothing that would be lost.
// Politeness, robots.txt, scope, retries and what a page says are decided here.
//
// It knows nothing of Temporal, of databases or of how the data plane is reached.
// Used by the crawler's program, which gives it a DataPlane over HTTP.
package crawler
