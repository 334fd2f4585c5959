package crawler

import (
	"context"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// DataPlane is the frontier that URLs come from and the sink that pages go to.
// Implementations are safe for concurrent use and retry by themselves while the
// data plane is away; their errors are *fleet.Error and final.
type DataPlane interface {
	// Claim starts a crawl under a lease and raises its fence.
	Claim(ctx context.Context, r fleet.ClaimRequest) (fleet.ClaimAnswer, error)
	// Exchange commits a batch under the claim's fence and takes more work.
	Exchange(ctx context.Context, r fleet.ExchangeRequest) (fleet.ExchangeAnswer, error)
}

// Fetcher gets one URL at a time. A status is never an error; its errors are put
// into words by fetch.Reason.
type Fetcher interface {
	Get(ctx context.Context, r fetch.Request) (fetch.Response, error)
}
