// Command crawlbench measures the crawl engine beside what it could cost at least and
// beside its peers, over one real site on loopback.
//
//	L0    net/http over the known list, bodies thrown away
//	L1    tokenizer and a map as frontier: it finds the site itself
//	L2    a parse tree, title and links
//	L3    Colly, asynchronous, with fragments cut and connections kept
//	L4    the whole engine: robots.txt, canonical keys, exact dedupe, five selectors, rows in
//	      batches under a fence, counters
//	wget  an outsider
//
// Only ratios count: machines drift by a factor of two within minutes. So all run in one
// run, interleaved, in reversed order from one round to the next. The site and the data
// plane are processes of their own; CPU time is the crawler's by getrusage, the data
// plane's is told beside it and in the total.
//
// It then measures a site with latency, a polite crawl of many hosts and a frontier of a
// million URLs. Used by `make bench-crawl`; what it has printed is in docs/performance.md.
package main
