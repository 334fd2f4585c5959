package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
	"github.com/crawlfleet/crawlfleet/internal/sample"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

const (
	// slots of the one crawler of each side: as many as tickets in flight at most, so
	// that none waits.
	slots = 64
	// crawlerPollers is what a crawler of so many slots polls with.
	crawlerPollers = 4
	// startWithin is for a machine that compiles something beside.
	startWithin = time.Minute
	// tidyWithin bounds the drain of the fleet and the audit of its books.
	tidyWithin = 2 * time.Minute
	// benchLife is how long a crawler without a fleet lives when the benchmark is killed.
	benchLife = "30m"
)

const ticketTenant, coldTenant = fleet.TenantID("bench"), fleet.TenantID("cold")

// where says where a rig's crawlers are, if not on this machine's loopback.
type where struct {
	hosts    []string          // that the site listens on
	allow    string            // the network that crawlers may reach, for the site is there
	gateway  bool              // between the crawlers and the fleet
	settings map[string]string // of the fleet
}

// rig is a fleet and the bare side on the same Temporal server, with a site.
type rig struct {
	o     options
	at    where
	fleet *e2e.Fleet
	site  *sample.Site
	page  string
	dir   string // of the bare side

	secret  fleet.Secret
	plane   string // of the bare side
	data    *tenantdb.Store
	control *child
	nothing *child
	bare    *child     // the bare side's warm crawler
	guid    fleet.GUID // its name
	fresh   memory     // of the fleet's crawler before any load
	dirs    []string   // of rivals
	// database is the rival's that needs one; nil before it is started.
	database *pgtest.Server
}

// newRig starts everything and does a first piece of work with each side.
func newRig(ctx context.Context, o options, stderr io.Writer) (*rig, error) {
	r, err := newRigAt(ctx, o, stderr, where{allow: "127.0.0.0/8"})
	if err != nil {
		return nil, err
	}
	if err := r.first(ctx); err != nil {
		return nil, errors.Join(err, r.close(context.WithoutCancel(ctx)))
	}
	return r, nil
}

// newRigAt starts everything.
func newRigAt(ctx context.Context, o options, stderr io.Writer, at where) (_ *rig, err error) {
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	o.bin = bin
	site := sample.New(sample.Options{Hosts: at.hosts})
	r := &rig{o: o, at: at, site: site, secret: fleet.Secret(uuid.NewString())}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := r.site.Start(ctx); err != nil {
		return nil, err
	}
	r.page = r.site.URL()
	settings := map[string]string{"crawler-idle-after": "1h", "allow-private": at.allow}
	maps.Copy(settings, at.settings)
	r.fleet, err = e2e.Start(ctx, r.fleetPrograms(), e2e.Options{Settings: settings, Gateway: at.gateway})
	if err != nil {
		return nil, err
	}
	if err := r.startBare(ctx); err != nil {
		return nil, err
	}
	for _, t := range []fleet.TenantID{ticketTenant, coldTenant} {
		plan := fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: slots}
		if err := r.newTenant(ctx, t, plan); err != nil {
			return nil, err
		}
	}
	_, _ = fmt.Fprintln(stderr, "bench: both sides run in", r.fleet.Dir) // for who wants to look
	return r, nil
}

// first does one piece of work with each side, and looks at the fresh crawler.
func (r *rig) first(ctx context.Context) error {
	for _, s := range r.sides() {
		if _, err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	select { // for what a start leaves behind
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(3 * time.Second):
	}
	r.fresh = r.memory("after its first ticket")
	return nil
}

// idle looks at the crawler once more, when it has been idle for a moment.
func (r *rig) idle(ctx context.Context) memory {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second): // it gives back what it does not need after two
	}
	return r.memory("now")
}

func (r *rig) program(name string) string { return filepath.Join(r.o.bin, name) }

func (r *rig) newTenant(ctx context.Context, t fleet.TenantID, plan fleet.Plan) error {
	if err := r.fleet.Client.StartTenant(ctx, fleet.TenantInput{Tenant: t, Plan: plan}); err != nil {
		return err
	}
	return r.awaitTenant(ctx, t)
}

func (r *rig) awaitTenant(ctx context.Context, t fleet.TenantID) error {
	return until(ctx, "tenant "+string(t), func() (bool, error) {
		s, err := r.fleet.Control.Tenant(ctx, t)
		return err == nil && s.State == fleet.TenantReady, err
	})
}

// until asks until it is so.
func until(ctx context.Context, what string, so func() (bool, error)) error {
	return untilWithin(ctx, startWithin, what, so)
}

func untilWithin(ctx context.Context, within time.Duration, what string, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		ok, err := so()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for %s: %w", what, ctx.Err()), err)
		case <-time.After(10 * time.Millisecond): // a read of a local database
		}
	}
}

// startBare starts the bare side: the workflow worker, the worker of nothing, a crawler.
func (r *rig) startBare(ctx context.Context) error {
	var err error
	if r.dir, err = os.MkdirTemp("", "crawlfleet-bench-"); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	env := append(r.temporal(), envDir+"="+filepath.Join(r.dir, "tenants"),
		envSecret+"="+r.secret.Reveal(), envURL+"="+r.page)
	var ready bareReady
	if r.control, err = r.start("bare", env, &ready, self, bareCommand); err != nil {
		return err
	}
	r.plane = ready.DataPlane
	if r.nothing, err = r.start("nothing", env, &ready, self, nothingCommand); err != nil {
		return err
	}
	if r.data, err = tenantdb.Open(tenantdb.Options{Dir: filepath.Join(r.dir, "tenants")}); err != nil {
		return err
	}
	r.guid = newGUID()
	if r.bare, err = r.fork(r.guid, slots); err != nil {
		return err
	}
	_, err = r.hello(ctx, r.guid) // or else it leaves
	return err
}

func (r *rig) temporal() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir,
		"TEMPORAL_ADDRESS=" + r.fleet.Temporal, "TEMPORAL_NAMESPACE=default",
	}
}

// fork starts the crawler's program without a fleet, as the process provider would.
func (r *rig) fork(g fleet.GUID, slots int) (*child, error) {
	return r.start("crawler-"+string(g), r.crawlerEnv(g, slots), nil, r.program(string(devserver.CrawlerProgram)),
		"--guid", string(g))
}

// crawlerEnv is a bare crawler's environment.
func (r *rig) crawlerEnv(g fleet.GUID, slots int) []string {
	token := dataplane.Token(r.secret, fleet.Key{Fleet: bareFleet, Tenant: bareTenant, GUID: g})
	return append(r.temporal(),
		fleet.EnvFleet+"="+string(bareFleet), fleet.EnvTenant+"="+string(bareTenant),
		fleet.EnvGUID+"="+string(g), fmt.Sprintf("%s=%d", fleet.EnvSlots, slots),
		fleet.EnvDataPlane+"="+r.plane, fleet.EnvToken+"="+token.Reveal(),
		fleet.EnvAllowPrivate+"="+r.at.allow, fleet.EnvContact+"=bench@example.org",
		fleet.EnvLaunchBudget+"="+benchLife, fleet.EnvOrphanAfter+"="+benchLife)
}

func newGUID() fleet.GUID { return fleet.GUID(uuid.Must(uuid.NewV7()).String()) }

// close ends both sides. The fleet's books are audited on the way.
func (r *rig) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tidyWithin)
	defer cancel()
	err := errors.Join(r.bare.stop(), r.nothing.stop(), r.control.stop())
	if r.data != nil {
		err = errors.Join(err, r.data.Shutdown())
	}
	if r.fleet != nil {
		err = errors.Join(err, r.booked(ctx, ticketTenant, coldTenant), r.fleet.Close(ctx))
	}
	if r.database != nil {
		err = errors.Join(err, r.database.Stop())
	}
	for _, dir := range append(r.dirs, r.dir) {
		if dir != "" {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return errors.Join(err, r.site.Stop(ctx))
}

// booked waits until the crawlers are gone and paid for by their tickets, thousands of
// them: the fleet's audit looks at the books at once.
func (r *rig) booked(ctx context.Context, tenants ...fleet.TenantID) error {
	for _, t := range tenants {
		if err := r.noCrawler(ctx, t); err != nil {
			return err
		}
		last, err := r.fleet.Control.Tickets(ctx, fleet.TicketFilter{Tenant: t, Limit: 1})
		if err != nil || len(last) == 0 {
			return err
		}
		err = until(ctx, "the bill", func() (bool, error) {
			b, err := r.fleet.Control.Bill(ctx, t, last[0].Input.ID)
			return b.Final, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
