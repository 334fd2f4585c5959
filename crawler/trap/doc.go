// Package trap tells links that lead ever deeper into nothing from links to pages: paths
// that repeat themselves and calendars that have no end.
//
// It looks at one URL at a time and remembers nothing; limits by depth, host and pattern
// are the frontier's. A site's honest pages must never look like a trap, so each rule
// errs on the side of following: what is left is bounded by the ticket's other limits.
// Used by the crawl engine.
package trap
