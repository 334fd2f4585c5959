package crawler

import (
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
)

// reasonRatio is of a page that is fetched all the same, as far as it is good for
// anything.
const reasonRatio = "unpacks to more than 250 times its size, cut"

// accept is the question whether a content type is wanted, nil where all are.
func accept(types []string) func(string) bool {
	if len(types) == 0 {
		return nil
	}
	return func(media string) bool {
		major, _, _ := strings.Cut(media, "/")
		return slices.Contains(types, media) || slices.Contains(types, major+"/*")
	}
}

// typeOf is the type of a page that is not wanted, for people.
func typeOf(resp fetch.Response) string {
	media, _, _ := strings.Cut(shortType(resp.ContentType), ";")
	if media = strings.TrimSpace(media); media == "" {
		return "unknown"
	}
	return strings.ToLower(media)
}

// cutReason says what the mark "truncated" alone does not.
func cutReason(c fetch.Cut) string {
	if c == fetch.CutRatio {
		return reasonRatio
	}
	return ""
}
