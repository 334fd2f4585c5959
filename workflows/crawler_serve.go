package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// serving is what a serving crawler is watched by.
type serving struct {
	*crawler
	serve workflow.Future // its liveness
	since time.Time       // when this Serve was asked for
	fails int             // Serves that failed one soon after the other
	idle  workflow.Future // when to look whether it is still of use
}

// serve keeps the crawler until it is idle, lost, drained or withdrawn.
func (c *crawler) serve(ctx workflow.Context) leaving {
	s := &serving{crawler: c}
	s.watch(ctx)
	s.arm(ctx, c.in.IdleAfter.Std())
	for {
		var out *leaving
		workflow.NewSelector(ctx).
			AddFuture(s.serve, func(f workflow.Future) { out = s.silent(ctx, f.Get(ctx, nil)) }).
			AddReceive(c.exited, func(ch workflow.ReceiveChannel, _ bool) {
				ch.ReceiveAsync(nil)
				out = s.gone(ctx)
			}).
			AddReceive(c.drains, func(ch workflow.ReceiveChannel, _ bool) { out = drain(ch) }).
			AddFuture(s.idle, func(workflow.Future) { out = s.look(ctx) }).
			Select(ctx)
		if ctx.Err() != nil {
			return *withdraw()
		}
		if out != nil {
			return *out
		}
	}
}

func (s *serving) watch(ctx workflow.Context) {
	s.since = workflow.Now(ctx)
	s.serve = workflow.ExecuteActivity(
		workflow.WithActivityOptions(ctx, serveOptions(s.in.GUID)),
		fleet.ActivityServe, fleet.ServeInput{GUID: s.in.GUID})
}

func (s *serving) arm(ctx workflow.Context, d time.Duration) {
	s.idle = workflow.NewTimerWithOptions(ctx, max(d, idleLeast), workflow.TimerOptions{
		Summary: summary("idle kill after %s", s.idleKill()),
	})
}

// look retires the crawler if it has been idle long enough: one statement on its
// row, so that a busy one cannot be killed. Else it looks again when that can be.
func (s *serving) look(ctx workflow.Context) *leaving {
	var a *activities.Crawlers
	var answer fleet.RetireAnswer
	err := workflow.ExecuteLocalActivity(local(ctx, "retire it if it is idle"), a.Retire, s.in.GUID).
		Get(ctx, &answer)
	switch {
	case ctx.Err() != nil:
		return withdraw()
	case err != nil: // its row is gone: somebody else buried it
		return &leaving{how: lost, reason: message(err)}
	case answer.Done:
		return &leaving{how: retired, reason: "idle for " + spoken(s.in.IdleAfter.Std())}
	}
	age := workflow.Now(ctx).Sub(s.row.Times.Serving)
	s.arm(ctx, max(answer.Left.Std(), age/idleShare))
	return nil
}

// silent reads the end of Serve. A crawler that the provider still has is asked
// once more after a missed heartbeat, or a Serve that failed by it: Temporal or the
// network may have been away.
func (s *serving) silent(ctx workflow.Context, err error) *leaving {
	if ctx.Err() != nil {
		return withdraw()
	}
	if out := s.gone(ctx); out != nil {
		return out
	}
	if workflow.Now(ctx).Sub(s.since) > serveSteady {
		s.fails = 0
	}
	s.fails++
	e := activities.FromTemporal(err)
	switch {
	case err == nil, e != nil && e.Code == fleet.CodeDraining: // its host told it, or despair
		return &leaving{how: drained, reason: "it is leaving by itself", grace: drainGrace}
	case unpicked(err):
		return &leaving{how: lost, reason: fmt.Sprintf("silent, and not back within %s", servePickup)}
	case s.fails > serveFails:
		return &leaving{how: drained, reason: "its Serve fails: " + message(err), grace: drainGrace}
	default:
		s.watch(ctx)
		return nil
	}
}

// gone asks the provider whether the crawler is no more.
func (s *serving) gone(ctx workflow.Context) *leaving {
	if d := s.describe(ctx); d.Gone {
		return &leaving{how: lost, reason: ended(d)}
	}
	return nil
}
