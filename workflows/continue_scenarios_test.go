package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// across plays a scenario with every span. What it came to has to be the same, and
// runs are many where they are short.
func across(t *testing.T, play func(t *testing.T, l *life) []string) {
	t.Helper()
	t.Parallel()
	var want []string
	for _, span := range slices.Backward(spans) { // the longest says what is right
		t.Run(fmt.Sprintf("every %d messages", span), func(t *testing.T) {
			if want != nil {
				t.Parallel()
			}
			l := &life{t: t, span: span, store: activitytest.NewStore()}
			got := play(t, l)
			require.Empty(t, l.unheard(), "nothing is lost")
			if want == nil {
				require.Equal(t, 1, l.runs)
				want = got
				return
			}
			require.Equal(t, want, got)
			if span <= len(l.messages)/3 {
				require.Greater(t, l.runs, 2)
			}
		})
	}
}

// seen is what readers of a status see of it, without its times.
func seen(s fleet.TenantStatus) string {
	for i := range s.Keys {
		s.Keys[i].CreatedAt, s.Keys[i].RevokedAt = time.Time{}, time.Time{}
	}
	for i := range s.Steps {
		s.Steps[i].Took = 0
	}
	text, _ := json.Marshal(s) // it is made of strings and numbers
	return string(text)
}

// effects are the store's calls, without those that each run makes once more.
func (l *life) effects(but ...string) []string {
	return slices.DeleteFunc(l.store.Calls(), func(c string) bool { return slices.Contains(but, c) })
}

func TestContinue_ATenantOfManyUpdates(t *testing.T) {
	across(t, func(t *testing.T, l *life) []string {
		key := func(name string) string { return `{"name":"` + name + `","digest":"` + digest + `"}` }
		l.messages = []*message{
			ask(1*time.Minute, fleet.TenantPlan, `{"plan":{"maxCrawlers":3}}`),
			ask(2*time.Minute, fleet.TenantSuspend, `{"reason":"unpaid"}`),
			ask(2*time.Minute, fleet.TenantPlan, `{"plan":{"slotsPerCrawler":2}}`),
			ask(2*time.Minute, fleet.TenantAddKey, key("ci")),
			ask(2*time.Minute, fleet.TenantAddKey, key("web")),
			ask(3*time.Minute, fleet.TenantPlan, `{"plan":{"maxCrawlers":2000}}`), // refused
			ask(4*time.Minute, fleet.TenantRevokeKey, `{"name":"ci"}`),
			ask(4*time.Minute, fleet.TenantRevokeKey, `{"name":"none"}`), // fails
			ask(5*time.Minute, fleet.TenantResume, `{}`),
			ask(6*time.Minute, fleet.TenantApply,
				`{"tenant":"acme","name":"Acme","labels":{"a":"b"},"plan":{"maxCrawlers":4}}`),
			ask(7*time.Minute, fleet.TenantSuspend, `{"reason":"again"}`),
			ask(7*time.Minute, fleet.TenantResume, `{}`),
			ask(7*time.Minute, fleet.TenantSuspend, `{"reason":"for good"}`),
			ask(8*time.Minute, fleet.TenantPlan, `{"plan":{"maxCrawlers":5}}`),
			// One is under way when the deletion comes: fails too, whichever is first.
			ask(20*time.Minute, fleet.TenantRevokeKey, `{"name":"none"}`),
			ask(20*time.Minute, fleet.TenantDelete, `{"by":"ada@desk"}`),
		}
		var looks []string
		look := func() { looks = append(looks, seen(l.w.tenantStatus(t))) }
		l.events = map[time.Duration]func(){}
		for _, m := range l.messages[:14] {
			l.events[m.at+30*time.Second] = look
		}
		require.NoError(t, l.live(fleet.TenantWorkflow, json.RawMessage(`{"tenant":"acme"}`)))
		var end fleet.TenantStatus
		require.NoError(t, l.w.GetWorkflowResult(&end))
		require.Equal(t, fleet.TenantDeleted, end.State)
		require.Len(t, looks, 8)
		return slices.Concat(l.outcomes(), looks, []string{seen(end)},
			l.effects("OpenTenant", "RevokeKey"))
	})
}

func TestContinue_ATicketThatWaitsLong(t *testing.T) {
	across(t, func(t *testing.T, l *life) []string {
		l.messages = []*message{
			tell(10*time.Second, fleet.SignalGranted),
			tell(20*time.Second, fleet.SignalGranted),
			tell(20*time.Second, fleet.SignalGranted),
			tell(20*time.Second, fleet.SignalGranted),
			ask(30*time.Second, fleet.TicketPause, `{"reason":"the site is slow"}`),
			tell(40*time.Second, fleet.SignalGranted), // forged
			tell(40*time.Second, fleet.SignalGranted),
			ask(50*time.Second, fleet.TicketPause, `{"reason":"twice"}`),
			tell(60*time.Second, fleet.SignalGranted),
			ask(3*time.Minute, fleet.TicketResume, `{"by":"ada@desk"}`),
			ask(4*time.Minute, fleet.TicketPause, `{"why":"x"}`), // refused
			ask(4*time.Minute, fleet.TicketPause, `{}`),
			ask(4*time.Minute, fleet.TicketResume, `{}`),
			tell(5*time.Minute, fleet.SignalGranted),
			ask(5*time.Minute, fleet.TicketResume, `{}`), // it is not paused
			tell(10*time.Minute, fleet.SignalGranted),
			tell(20*time.Minute, fleet.SignalGranted), // true
			ask(30*time.Minute, fleet.TicketPause, `{"reason":"in its crawl"}`),
			tell(31*time.Minute, fleet.SignalGranted),
			tell(32*time.Minute, fleet.SignalGranted),
			ask(40*time.Minute, fleet.TicketResume, `{}`),
		}
		var looks []string
		look := func() {
			s := l.w.ticketStatus(t)
			text := fmt.Sprintf("%s %s moves %d", s.Ticket, s.State, s.Moves)
			if s.Wait != nil {
				text += fmt.Sprintf(" %s %s", s.Wait.Code, s.Wait.Message)
			}
			looks = append(looks, text)
		}
		l.events = map[time.Duration]func(){
			15 * time.Second: look, 35 * time.Second: look, 55 * time.Second: look, 2 * time.Minute: look,
			3*time.Minute + time.Second: look, 4*time.Minute + time.Second: look, 6 * time.Minute: look,
			19 * time.Minute: func() { l.store.Crawler(1) },
			25 * time.Minute: look, 35 * time.Minute: look,
		}
		var mu sync.Mutex
		begun := 0
		l.prepare = func(w *world) {
			crawl := w.crawl
			w.crawl = func(ctx context.Context, in fleet.CrawlInput) (fleet.CrawlResult, error) {
				mu.Lock()
				defer mu.Unlock()
				if begun++; begun == 1 {
					return fleet.CrawlResult{}, activity.ErrResultPending
				}
				return crawl(ctx, in)
			}
		}
		require.NoError(t, l.live(fleet.TicketWorkflow, json.RawMessage(smallest)))
		r := l.w.result(t)
		require.Equal(t, fleet.OutcomeDone, r.Outcome)
		require.Equal(t, 2, l.crawls)
		require.Zero(t, l.store.Leased())
		require.Len(t, looks, 9)
		asked := l.w.count("Route")
		require.Less(t, asked, 3*len(l.messages), "it does not ask more for it")
		end := fmt.Sprintf("%s %+v moves %d", r.Outcome, r.Counters, r.Moves)
		return slices.Concat(l.outcomes(), looks, []string{end}, l.effects("Route", "Raise", "Told"))
	})
}

// wanted is a desk of which each demand wants one more crawler.
type wanted struct {
	mu       sync.Mutex
	reserved []fleet.CrawlerInput
	drains   []fleet.GUID
	made     int
	more     bool // demand is still to come
	midst    func()
}

func (d *wanted) decide(now time.Time) fleet.Decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.midst != nil {
		d.midst()
		d.midst = nil
	}
	a := fleet.Decision{
		Version: 1, Starts: slices.Clone(d.reserved), Drains: d.drains, Reason: "decided",
	}
	d.drains = nil
	if d.more {
		a.Wake = now.Add(time.Hour)
	}
	return a
}

// want reserves one crawler, and has another one drained.
func (d *wanted) want() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made++
	d.drains = append(d.drains, activitytest.GUID(100+d.made))
	d.reserved = append(d.reserved,
		fleet.CrawlerInput{Tenant: "acme", GUID: activitytest.GUID(d.made)})
}

func (d *wanted) started(in fleet.CrawlerInput) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reserved = slices.DeleteFunc(d.reserved,
		func(r fleet.CrawlerInput) bool { return r.GUID == in.GUID })
}

func TestContinue_AConductorOfManyDemands(t *testing.T) {
	across(t, func(t *testing.T, l *life) []string {
		desk := &wanted{more: true}
		l.events = map[time.Duration]func(){}
		const demands = 30
		for i := range demands {
			at := time.Duration(i/2+1) * time.Minute // two at once
			l.messages = append(l.messages, tell(at, fleet.SignalDemand))
			l.events[at-time.Second] = desk.want
		}
		late := tell(20*time.Minute, fleet.SignalDemand) // while it is decided
		l.messages = append(l.messages, late, tell(30*time.Minute, fleet.SignalDemand))
		l.events[19*time.Minute] = func() {
			desk.mu.Lock()
			defer desk.mu.Unlock()
			desk.midst = func() { l.send(late.at) }
		}
		l.events[19*time.Minute+time.Second] = func() { l.w.SignalWorkflow("anything that wakes", nil) }
		l.events[29*time.Minute] = func() {
			desk.want()
			desk.mu.Lock()
			defer desk.mu.Unlock()
			desk.more = false
		}
		var started, drained []string
		l.prepare = func(w *world) {
			w.OnActivity(activities.ActivityDecide, mock.Anything, mock.Anything).Return(
				func(context.Context, fleet.ConductorInput) (fleet.Decision, error) {
					return desk.decide(w.Now()), nil
				})
			w.OnWorkflow(fleet.CrawlerWorkflow, mock.Anything, mock.Anything).Return(
				func(_ workflow.Context, in fleet.CrawlerInput) (fleet.Hello, error) {
					desk.started(in)
					started = append(started, string(in.GUID))
					return fleet.Hello{}, nil
				})
			w.OnSignalExternalWorkflow(mock.Anything, mock.Anything, "", fleet.SignalDrain, mock.Anything).
				Return(func(_, id, _, _ string, _ any) error {
					drained = append(drained, "drain "+id)
					return nil
				})
		}
		require.NoError(t, l.live(fleet.ConductorWorkflow, fleet.ConductorInput{Tenant: "acme"}))
		require.Len(t, started, demands/2+1, "each of them once")
		require.Len(t, drained, demands/2+1)
		require.Empty(t, desk.reserved)
		return slices.Concat(started, drained)
	})
}
