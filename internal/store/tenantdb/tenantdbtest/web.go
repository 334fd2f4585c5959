package tenantdbtest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// web is a model of a site: what becomes of each URL and where it leads.
type web struct {
	seeds   []string
	outcome map[string]fleet.PageOutcome
	links   map[string][]string
}

// maxURLs keeps every chain of redirects under the cap of 10.
const maxURLs = 10

func drawWeb(t *rapid.T) web {
	n := rapid.IntRange(1, maxURLs).Draw(t, "urls")
	name := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("u%d", rapid.IntRange(0, n-1).Draw(t, "url"))
	})
	w := web{
		seeds:   rapid.SliceOfN(name, 1, 2).Draw(t, "seeds"),
		outcome: map[string]fleet.PageOutcome{}, links: map[string][]string{},
	}
	for i := range n {
		u := fmt.Sprintf("u%d", i)
		// Most pages are fetched, as on a real site.
		w.outcome[u] = rapid.SampledFrom([]fleet.PageOutcome{
			fleet.PageFetched, fleet.PageFetched, fleet.PageFetched,
			fleet.PageRedirected, fleet.PageFailed, fleet.PageSkipped,
		}).Draw(t, u)
		switch w.outcome[u] {
		case fleet.PageFetched:
			w.links[u] = rapid.SliceOfN(name, 0, 2).Draw(t, u+" links") // few, so that it is deep
		case fleet.PageRedirected:
			w.links[u] = []string{name.Draw(t, u+" target")}
		case fleet.PageFailed, fleet.PageSkipped: // lead nowhere
		}
	}
	return w
}

// reachable answers the URLs within a depth of the seeds with their distance: links are
// one away, a redirect's target is as far as its source.
func (w web) reachable(maxDepth int) map[string]int {
	depth := map[string]int{}
	var visit func(u string, d int)
	visit = func(u string, d int) {
		if known, ok := depth[u]; d > maxDepth || ok && known <= d {
			return
		}
		depth[u] = d
		for _, to := range w.links[u] {
			if w.outcome[u] == fleet.PageRedirected {
				visit(to, d)
			} else {
				visit(to, d+1)
			}
		}
	}
	for _, s := range w.seeds {
		visit(s, 0)
	}
	return depth
}
