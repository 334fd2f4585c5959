package fleet

import (
	"context"
	"iter"
)

// crawlerPage is how many crawlers are read at a time where all of them are looked at:
// those that are gone are kept for more than a year.
const crawlerPage = 500

// EveryCrawler yields all crawlers of a tenant, of all tenants when t is empty, gone ones
// too, the newest first. They are read page by page. An error is the last that it yields.
func EveryCrawler(ctx context.Context, r interface {
	AllCrawlers(ctx context.Context, f CrawlerFilter) ([]CrawlerRow, error)
}, t TenantID,
) iter.Seq2[CrawlerRow, error] {
	return func(yield func(CrawlerRow, error) bool) {
		for f := (CrawlerFilter{Tenant: t, Limit: crawlerPage}); ; {
			page, err := r.AllCrawlers(ctx, f)
			if err != nil {
				yield(CrawlerRow{}, err)
				return
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
			}
			if len(page) < f.Limit {
				return
			}
			f.Before = page[len(page)-1].GUID
		}
	}
}
