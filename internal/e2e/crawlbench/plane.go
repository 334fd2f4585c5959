package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

const (
	planeCommand = "plane"
	benchTenant  = fleet.TenantID("bench")
	benchGUID    = fleet.GUID("00000000-0000-0000-0000-000000000001")
	benchFleet   = fleet.FleetID("bench")
	benchSecret  = fleet.Secret("a secret of this machine only")
)

// access is how a crawler reaches the data plane.
type access struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// leases is a control store in which every lease is held; tickets are files.
type leases struct{ dir string }

// Claimable implements dataplane.Leases.
func (l leases) Claimable(
	_ context.Context, _ fleet.TenantID, id fleet.TicketID, _ fleet.GUID, _ int64,
) (in fleet.TicketInput, err error) {
	b, err := os.ReadFile(filepath.Join(l.dir, string(id)+".json"))
	if err != nil {
		return in, err
	}
	return in, json.Unmarshal(b, &in)
}

// servePlane is the data plane's process: the real one, over a real tenant's database.
func servePlane(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	dir := args[0]
	data, err := tenantdb.Open(tenantdb.Options{Dir: filepath.Join(dir, "tenants")})
	if err != nil {
		return err
	}
	if err := data.Create(ctx, benchTenant); err != nil {
		return errors.Join(err, data.Shutdown())
	}
	h, err := dataplane.New(dataplane.Options{
		Data: data, Leases: leases{dir}, Tokens: dataplane.Tokens{Fleet: benchFleet, Secret: benchSecret},
	})
	if err != nil {
		return errors.Join(err, data.Shutdown())
	}
	s := &dataplane.Server{Handler: h}
	if err := s.Start(ctx); err != nil {
		return errors.Join(err, data.Shutdown())
	}
	token := dataplane.Token(benchSecret, fleet.Key{Fleet: benchFleet, Tenant: benchTenant, GUID: benchGUID})
	err = answer(stdin, stdout, access{URL: s.URL(), Token: token.Reveal()}, nil)
	return errors.Join(err, s.Stop(context.WithoutCancel(ctx)), data.Shutdown())
}
