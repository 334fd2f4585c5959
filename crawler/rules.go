package crawler

import (
	"context"
	"net/http"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/robots"
)

// robotsTimeout bounds one request for a robots.txt: long enough for a slow site,
// short enough that an unreachable one is known before a page's own timeout
// would have passed.
const robotsTimeout = 15 * time.Second

// newRules makes a cache of the robots.txt files that a client is told. They are asked for
// over the same guarded connections as pages, and who has an identity of its own (jar is not
// nil) asks as that: over its proxy, with its headers and cookies. Where jar is nil they are
// everybody's, and no cookie is sent or kept.
func newRules(client *fetch.Client, jar http.CookieJar) *robots.Cache {
	return robots.NewCache(Product, func(ctx context.Context, url string) (robots.Response, error) {
		resp, err := client.NewVisitor(jar).Get(ctx, fetch.Request{
			// One byte more, so that a file that was cut is known to be.
			URL: url, Timeout: robotsTimeout, MaxBody: robots.MaxSize + 1,
		})
		if err != nil {
			return robots.Response{}, err
		}
		return robots.Response{
			Status: resp.Status, Body: resp.Body, Header: resp.Header,
			Location: resolveOrNone(url, resp.Location),
		}, nil
	})
}
