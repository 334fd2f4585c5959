package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// roll is many crawlers, the newest first, of which the last cannot be read.
type roll struct {
	all   []fleet.CrawlerRow
	asked []int // the sizes of the answers
	limit int   // how many can be read
}

func (r *roll) AllCrawlers(_ context.Context, f fleet.CrawlerFilter) ([]fleet.CrawlerRow, error) {
	at := 0
	for i, c := range r.all {
		if c.GUID == f.Before {
			at = i + 1
		}
	}
	if at >= r.limit {
		return nil, errors.New("away")
	}
	page := r.all[at:min(at+f.Limit, len(r.all))]
	r.asked = append(r.asked, len(page))
	return page, nil
}

func TestEveryCrawler_ReadsPageByPageAndEndsWithAnError(t *testing.T) {
	t.Parallel()
	walk := func(r *roll) (n int, err error) {
		for _, e := range fleet.EveryCrawler(t.Context(), r, "acme") {
			if e != nil {
				return n, e
			}
			n++
		}
		return n, nil
	}
	var all []fleet.CrawlerRow
	for i := range 1200 {
		all = append(all, fleet.CrawlerRow{GUID: fleet.GUID(fmt.Sprint(i))})
	}
	r := &roll{all: all, limit: len(all)}
	n, err := walk(r)
	require.NoError(t, err)
	require.Equal(t, 1200, n)
	require.Equal(t, []int{500, 500, 200}, r.asked)
	r = &roll{all: all, limit: 700}
	n, err = walk(r)
	require.ErrorContains(t, err, "away")
	require.Equal(t, 1000, n)
	r = &roll{all: all, limit: len(all)}
	for range fleet.EveryCrawler(t.Context(), r, "acme") {
		break
	}
	require.Equal(t, []int{500}, r.asked, "no more than is wanted")
}
