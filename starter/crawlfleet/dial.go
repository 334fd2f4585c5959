package main

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

const (
	// temporalWithin is how long a control worker waits at its start for a Temporal server,
	// which may be starting too.
	temporalWithin = time.Minute
	// temporalAgain is the pause between two tries.
	temporalAgain = 250 * time.Millisecond
)

// dialPatiently connects to Temporal, again while nobody answers there, and says so once.
func dialPatiently(ctx context.Context, o client.Options, log *zap.Logger) (*client.Client, error) {
	give := time.Now().Add(temporalWithin)
	for said := false; ; said = true {
		c, err := client.Dial(ctx, o)
		if err == nil || fleet.CodeOf(err) != fleet.CodeUnavailable || time.Now().After(give) {
			return c, err
		}
		if !said {
			log.Warn("Temporal does not answer yet", zap.Error(err), zap.Duration("givesUpAfter", temporalWithin))
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(temporalAgain):
		}
	}
}
