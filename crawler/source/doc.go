// Package source reads what names URLs without being a page: sitemaps and their indexes
// (sitemaps.org), feeds (RSS, RDF, Atom) and plain lists, packed with gzip or not.
//
// What it is given is taken for what it is, whatever its name or content type says, and
// what is wrong in the usual ways (a missing namespace, bare ampersands, an end that is cut
// off) is read as far as it goes. Whose the URLs are is the caller's business. Used by
// the crawl engine.
package source
