package e2e

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/crashpoint"
	"github.com/crawlfleet/crawlfleet/workers"
)

// lanes is how many tenants are in a scenario at one time. Each death of the control worker
// is everybody's, so that one death meets the healing of others.
const lanes = 8

// TestKill_EveryActivity kills whoever runs an activity, before and after each one that the
// workers register, and likewise between the steps of those that write two databases, on
// one fleet. Where a point is, the scenarios tell: they run once without a kill.
func TestKill_EveryActivity(t *testing.T) {
	t.Parallel()
	d := crashing(t, Options{Settings: map[string]string{
		"crawler-idle-after": "1s", "process-offerings": places(),
	}})
	stop := d.keepWorker()
	defer stop()
	all := scenarios()
	began := time.Now()
	d.inLanes(lanes, len(all), func(i int) { d.explore(all[i]) })
	if t.Failed() {
		t.FailNow()
	}
	cases := d.cases(all)
	t.Logf("%d points in %d scenarios, found within %s", len(cases), len(all),
		time.Since(began).Round(time.Millisecond))
	began = time.Now()
	calm := slices.IndexFunc(cases, func(p point) bool { return p.calm })
	d.inLanes(lanes, calm, func(i int) { d.die(cases[i]) })
	// All of these die at the same time, and have the rest of it undisturbed.
	d.inLanes(len(cases)-calm, len(cases)-calm, func(i int) { d.die(cases[calm+i]) })
	t.Logf("each killed within %s; the control worker died %d times",
		time.Since(began).Round(time.Millisecond), d.deaths.Load())
	if !t.Failed() {
		d.judge()
	}
}

// matrix is a drill whose programs die at crash points.
type matrix struct {
	*drill
	folder crashpoint.Folder
	deaths atomic.Int64 // of the control worker
}

func crashing(t *testing.T, o Options) *matrix {
	t.Helper()
	p, err := the.crashing()
	require.NoError(t, err)
	f, err := Start(t.Context(), p, o)
	require.NoError(t, err)
	d := drillOn(t, f, 0)
	t.Cleanup(func() {
		for _, k := range d.tickets { // what a failure has left behind
			_ = k.Client.CancelTicket(context.Background(), k.WorkflowID)
		}
		require.NoError(t, f.Close(context.Background()))
	})
	return &matrix{drill: d, folder: d.points()}
}

// keepWorker starts the control worker again whenever it has died, until it is told to stop.
func (d *matrix) keepWorker() (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	var loop sync.WaitGroup
	loop.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-d.Worker.done:
				d.deaths.Add(1)
				if err := d.StartWorker(); err != nil { // it may have died again already
					d.t.Log("start the control worker:", err)
				}
			}
		}
	})
	return func() { cancel(); loop.Wait() }
}

// inLanes does n things, so many at a time.
func (d *matrix) inLanes(lanes, n int, do func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range lanes {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// point is one case: a place, in a scenario that comes by it.
type point struct {
	scenario
	moment crashpoint.Moment
	call   string
}

func (p point) String() string { return fmt.Sprintf("%s %s (%s)", p.moment, p.call, p.name) }

// explore runs a scenario without a kill.
func (d *matrix) explore(s scenario) {
	l := &life{drill: d.drill, a: d.tenant("see-" + s.name)}
	if !s.opens {
		l.a.AwaitReady()
		l.a.AwaitNoCrawlers() // the proof's end is of the opening
		l.settle()
		require.NoError(d.t, d.folder.Forget(l.a.ID))
	}
	s.run(l)
	if s.opens {
		l.a.AwaitReady()
		l.a.AwaitNoCrawlers()
	}
}

// cases are all points that were seen, each with the first scenario that came by it. An
// activity that none came by has no case, and fails the test.
func (d *matrix) cases(all []scenario) []point {
	seen, err := d.folder.Seen()
	require.NoError(d.t, err)
	found := map[string]point{}
	for at := len(all) - 1; at >= 0; at-- {
		for _, p := range seen {
			// The opening's own are killed there only if nobody else comes by.
			if p.Tenant == fleet.TenantID("see-"+all[at].name) && !(all[at].opens && found[key(p)].run != nil) {
				found[key(p)] = point{all[at], p.Moment, p.Call}
			}
		}
	}
	for _, name := range workers.Activities() {
		for _, m := range []crashpoint.Moment{crashpoint.Before, crashpoint.After} {
			if found[key(crashpoint.Point{Moment: m, Call: name})].run == nil {
				d.t.Errorf("%s %s: no scenario comes by; add one to scenarios()", m, name)
			}
		}
	}
	// The end from outside has two causes.
	at := slices.IndexFunc(all, func(s scenario) bool { return s.name == "expired" })
	cases := append(slices.Collect(maps.Values(found)), point{all[at], crashpoint.After, "control.Intend"})
	slices.SortFunc(cases, func(a, b point) int { return a.compare(b, all) })
	return cases
}

// compare has the longer scenarios go first, and those that need calm last.
func (p point) compare(o point, all []scenario) int {
	at := func(p point) int {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.name == p.name })
		if p.calm {
			i -= len(all)
		}
		return i
	}
	return cmp.Or(cmp.Compare(at(o), at(p)), cmp.Compare(p.String(), o.String()))
}

func key(p crashpoint.Point) string { return string(p.Moment) + " " + p.Call }

// dieTries is how often a scenario is played until somebody dies at a point of it: what it
// comes by may hang on what the others do, as a queue for the only place does.
const dieTries = 3

// die runs a scenario in which somebody is killed at the point.
func (d *matrix) die(p point) {
	id := fmt.Sprintf("%s-%s-%s", p.name, p.moment, p.call)
	for try := 1; !d.dies(p, id, try == dieTries); try++ {
		d.t.Logf("%s: nobody came by, once more", p)
		id = fmt.Sprintf("%s-%d", tenantID(p.name), try) + "-" + string(p.moment)
	}
}

// dies reports whether somebody died. At the last try it has to be.
func (d *matrix) dies(p point, id string, last bool) bool {
	l := &life{drill: d.drill}
	at := crashpoint.Point{Moment: p.moment, Call: p.call}
	began := time.Now()
	if p.opens {
		at.Tenant = tenantID(id)
		l.arm(at.String())
		l.a = d.tenant(id)
	} else {
		l.a = d.tenant(id)
		at.Tenant = l.a.ID
		l.a.AwaitReady()
		l.a.AwaitNoCrawlers()
		l.arm(at.String())
	}
	ready := time.Since(began)
	l.lose(1)
	p.run(l)
	if p.opens {
		l.a.AwaitReady()
	}
	if p.call == activities.ActivityLaunch && !last && d.folder.Armed(at) {
		return false
	}
	Await(d.t, "a death at "+p.String(), func() (bool, string) { return !d.folder.Armed(at), l.open() })
	d.t.Logf("%s: healed, %s after %s", p, time.Since(began).Round(time.Millisecond), ready.Round(time.Millisecond))
	return true
}

// tenantID is an account's name from a case's.
func tenantID(name string) fleet.TenantID {
	return fleet.TenantID(strings.ToLower(strings.ReplaceAll(name, ".", "-")))
}

// tenant opens an account. The start of its workflow is asked for again while a dying
// server or worker does not answer.
func (d *matrix) tenant(name string) *Tenant {
	a := &Tenant{Fleet: d.Fleet, ID: tenantID(name), t: d.t}
	require.NoError(d.t, d.Client.StartTenant(d.t.Context(), fleet.TenantInput{
		Tenant: a.ID, Plan: fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2},
	}))
	return a
}
