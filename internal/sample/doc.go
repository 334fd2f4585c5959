// Package sample is the world that a crawler is judged in: a small, pleasant, entirely predictable
// web site on two loopback hosts, and any directory of static HTML served the same way.
//
// A Site is generated from a seed. It has a shop on one host and a journal on the other, and in
// between them everything a crawler meets outside: pagination, one page under many spellings of
// its URL, redirects of each kind, a loop, broken links, a page that fails once, a slow one, a big
// one, traps without an end, robots.txt with a group of our own, files that are not HTML.
// A FileSite serves a directory.
//
// Both keep an AccessLog, which is the truth about what was asked of them and from which address.
// Both know the Truth about what should have been asked: Site.Truth walks the definitions of the
// pages, FileTruth the links in the files. Neither uses a crawler, and neither parses what the
// other side of a connection said, so a crawler can be measured against them.
//
// Left to others: crawling, extraction, and every judgement about the difference. Used by the demo,
// the end-to-end tests and the benchmarks; never by a program that serves real tenants.
package sample
