// Package urlkey turns links into the URL that is fetched and the canonical key
// that makes two spellings the same page.
//
// URLs are read as browsers read them (WHATWG). The fetched form is the link
// without fragment and user info; the key is in addition normalised as RFC 3986
// section 6.2.2 allows: escapes of unreserved characters decoded, the other
// escapes in capitals, an empty query dropped. The order of a query is kept.
//
// It knows nothing of scope, robots.txt or the network. Used by the crawl engine
// for seeds, links and redirects.
package urlkey
