package main

import (
	"context"
	"fmt"
	"io"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// substrates has each provider look at what its launches need.
func (d *doctor) substrates(ctx context.Context) {
	for _, kind := range d.cfg.Providers {
		s := substrates()[kind]
		if s.check == nil {
			continue
		}
		checker, err := s.check(d.cfg.Config, d.dir, substrateParts{
			asked: d.cfg.Config, environ: d.app.Environ, log: zap.NewNop(),
		})
		if err != nil {
			d.broke(string(kind), err, "crawlfleet config show")
			continue
		}
		d.findings(ctx, kind, checker)
	}
}

func (d *doctor) findings(ctx context.Context, kind fleet.ProviderKind, c fleet.Checker) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	for _, f := range c.Check(ctx) {
		check := fmt.Sprintf("%s %s", kind, f.Thing)
		switch {
		case f.Fails:
			d.fail(check, f.Says, f.Type)
		case f.Type != "":
			d.warn(check, f.Says, f.Type)
		default:
			d.ok(check, f.Says)
		}
	}
	if closer, ok := c.(io.Closer); ok {
		if err := closer.Close(); err != nil {
			d.warn(string(kind), "its connection does not close: "+err.Error(), "crawlfleet doctor")
		}
	}
}
