package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/web"
)

// readControl opens the control store for reading, beside the fleet that writes it.
// What a running fleet says of its places counts, not this program's configuration.
func readControl(ctx context.Context, d *config.Dir, c config.Config) (fleet.Reader, func() error, error) {
	var err error
	if c.Store, err = d.Store(c.Store); err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(d.Control()); c.Store == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &fleet.Error{
			Code: fleet.CodeNotFound, Field: "dataDir",
			Message: "the fleet in " + d.Path + " has not been started yet",
			Want:    "a fleet that has run", Hint: "crawlfleet dev",
		}
	}
	places := offerings(c)
	if r, err := d.Running(); err == nil && len(r.Offerings) > 0 {
		places, c.AllowPrivate, c.AllowPorts, c.IgnoreRobots = r.Offerings, r.AllowPrivate, r.AllowPorts, r.IgnoreRobots
	}
	s, err := controldb.Open(ctx, controlOptions(c, d, places, true))
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// What the tenants' pages read of the control store is there.
var _ web.Control = (*controldb.Store)(nil)

// readTenants opens the tenants' databases for reading.
func readTenants(
	_ context.Context, d *config.Dir, c config.Config,
) (fleet.TenantReader, func() error, error) {
	var err error
	if c.Store, err = d.Store(c.Store); err != nil {
		return nil, nil, err
	}
	s, err := openTenants(c, d, true)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Shutdown, nil
}
