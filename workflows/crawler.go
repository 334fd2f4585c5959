package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// Crawler is the one life of one container: launched, greeted, kept as long as it
// is of use, stopped, its books closed. It is started by a Conductor (or, as a
// proof, by a Tenant) after its row was reserved; started by hand with another GUID
// it ends with not_found. Cancelling it drains it without grace. It answers the
// crawler's Hello.
func Crawler(ctx workflow.Context, in fleet.CrawlerInput) (fleet.Hello, error) {
	c := &crawler{
		in:     in,
		exited: hearing(ctx, fleet.SignalExited, "a hint that its process has ended: the provider is asked"),
		drains: hearing(ctx, fleet.SignalDrain, `take no new tickets and end: {"reason":"…","grace":"30s"}`),
	}
	if err := c.setup(ctx); err != nil {
		return fleet.Hello{}, err
	}
	return c.run(ctx)
}

type crawler struct {
	in     fleet.CrawlerInput
	exited workflow.ReceiveChannel
	drains workflow.ReceiveChannel
	row    fleet.CrawlerRow
	beside bool // launched by its first activity
	hello  fleet.Hello
	ended  time.Time // when it ended, where the provider said so
}

// leaving is how a crawler comes to its end, before it is stopped.
type leaving struct {
	how     manner
	reason  string
	grace   time.Duration
	failure fleet.LaunchFailure // with failed
}

type manner string

const (
	failed    manner = "failed"    // it never came to serve
	proven    manner = "proven"    // a proof that said Hello
	retired   manner = "retired"   // idle, and out of every route
	drained   manner = "drained"   // asked to end, or ending by itself
	lost      manner = "lost"      // the provider has it no more
	withdrawn manner = "withdrawn" // its workflow was cancelled
)

func (c *crawler) setup(ctx workflow.Context) error {
	c.row = fleet.CrawlerRow{
		Tenant: c.in.Tenant, GUID: c.in.GUID, State: fleet.CrawlerReserved, Offering: c.in.Offering,
		Provider: c.in.Provider, Account: c.in.Account, Address: c.in.Address,
		Slots: c.in.Slots, Proof: c.in.Proof,
	}
	return workflow.SetQueryHandlerWithOptions(ctx, fleet.CrawlerQuery,
		func() (fleet.CrawlerRow, error) { return c.row, nil },
		workflow.QueryHandlerOptions{Description: "the crawler as its workflow knows it"})
}

// run is the crawler's life. From the first line on it leaves in one way only:
// stopped until the provider has none, whatever else fails.
func (c *crawler) run(ctx workflow.Context) (fleet.Hello, error) {
	var a *activities.Crawlers
	var begun activities.Launching
	err := workflow.ExecuteLocalActivity(local(ctx, "launch: take its reservation"), a.Launching, c.in).Get(ctx, &begun)
	if err != nil && ctx.Err() == nil {
		return c.hello, plain(err) // nobody reserved it: there is nothing to undo
	}
	if err == nil {
		c.row, c.beside = begun.CrawlerRow, begun.Instance != nil
	}
	out := c.live(ctx)
	clean, _ := workflow.NewDisconnectedContext(ctx)
	return c.hello, c.leave(clean, out)
}

// live takes the crawler from its launch to the reason why it leaves.
func (c *crawler) live(ctx workflow.Context) leaving {
	for _, phase := range []func(workflow.Context) *leaving{c.launch, c.greet, c.admit} {
		if out := phase(ctx); out != nil {
			return *out
		}
	}
	if c.in.Proof {
		return leaving{how: proven, reason: "it proved the provisioning"}
	}
	return c.serve(ctx)
}

// at notes the crawler's state for readers; it costs no event.
func (c *crawler) at(ctx workflow.Context, s fleet.CrawlerState, reason string) {
	c.row.State, c.row.Reason = s, reason
	d := describe(s, "%s", reason).moment("since", workflow.Now(ctx)).
		line("place", "%s", c.in.Offering).line("address", "%s", c.row.Address).
		line("slots", "%d", c.in.Slots)
	if c.in.Proof {
		d.line("serves", "nobody: it proves the provisioning")
	} else {
		d.line("idle kill", "after %s", c.idleKill())
	}
	d.moment("launched", c.row.Times.Launched).moment("serving from", c.row.Times.Serving)
	d.show(ctx)
}

// idleKill is how long it may be idle, and why that suits its place.
func (c *crawler) idleKill() string {
	text := spoken(c.in.IdleAfter.Std())
	if billing := c.in.Grain.Billing(); billing != "" {
		text += ", " + billing
	}
	return text
}

// plain gives an activity's error its own type at the top, where callers look.
func plain(err error) error {
	if e := activities.FromTemporal(err); e != nil {
		return activities.ToTemporal(e)
	}
	return err
}
