// Package web serves the pages of one tenant behind its own key: tickets with live
// progress, one ticket with its counters, pages, decisions and bill, crawlers, results as
// download, and small forms that submit and steer tickets. Whatever a key does not open
// is the same 404.
//
// It reads the stores as the command line does and changes nothing but through Temporal,
// by internal/client. It decides nothing and knows no crawler. The pages are rendered
// here and read without JavaScript; the one script only fetches the same page again while
// something on it changes. `crawlfleet web` serves it.
package web
