package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

var bans = plan.BanTimes{First: 10 * time.Minute, Most: time.Hour}

func sighted(pages, refused, challenged int) fleet.EgressSight {
	return fleet.EgressSight{Pages: pages, Refused: refused, Challenged: challenged, Why: "status 429", Took: time.Duration(pages) * time.Second}
}

func TestStanding_Fold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before plan.Standing
		seen   fleet.EgressSight
		length time.Duration // of the ban; 0 for none
	}{
		"nothing is refused":                 {plan.Standing{}, sighted(10, 0, 0), 0},
		"two refusals":                       {plan.Standing{}, sighted(2, 2, 0), 0},
		"three refusals":                     {plan.Standing{}, sighted(3, 3, 0), 10 * time.Minute},
		"three, and most are answered":       {plan.Standing{}, sighted(7, 3, 0), 0},
		"half of them":                       {plan.Standing{}, sighted(6, 3, 0), 10 * time.Minute},
		"one challenge":                      {plan.Standing{}, sighted(1, 1, 1), 10 * time.Minute},
		"one challenge among many":           {plan.Standing{}, sighted(20, 1, 1), 0},
		"with what was refused before":       {plan.Standing{Window: now.Add(-time.Minute), Pages: 2, Refused: 2}, sighted(1, 1, 0), 10 * time.Minute},
		"with what was refused long before":  {plan.Standing{Window: now.Add(-time.Hour), Pages: 2, Refused: 2}, sighted(1, 1, 0), 0},
		"a clock that was set back":          {plan.Standing{Window: now.Add(time.Hour), Pages: 90}, sighted(3, 3, 0), 10 * time.Minute},
		"while it is banned":                 {plan.Standing{Strikes: 1, Until: now.Add(time.Minute)}, sighted(9, 9, 0), 0},
		"the second soon after":              {plan.Standing{Strikes: 1, Until: now.Add(-time.Minute)}, sighted(3, 3, 0), 20 * time.Minute},
		"the third":                          {plan.Standing{Strikes: 2, Until: now.Add(-time.Minute)}, sighted(3, 3, 0), 40 * time.Minute},
		"the tenth":                          {plan.Standing{Strikes: 9, Until: now.Add(-time.Minute)}, sighted(3, 3, 0), time.Hour},
		"the tenth, a day after the last":    {plan.Standing{Strikes: 9, Until: now.Add(-25 * time.Hour)}, sighted(3, 3, 0), 10 * time.Minute},
		"the thousandth does not overflow":   {plan.Standing{Strikes: 1000, Until: now.Add(-time.Minute)}, sighted(3, 3, 0), time.Hour},
		"its first answer is a refusal only": {plan.Standing{}, sighted(1, 1, 0), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, banned := c.before.Fold(c.seen, bans, now)
			require.Equal(t, c.length > 0, banned)
			if banned {
				require.Equal(t, now.Add(c.length), after.Until)
				require.Equal(t, "status 429", after.Why)
				require.Zero(t, after.Refused, "it begins anew")
			} else {
				require.Equal(t, c.before.Until, after.Until)
			}
		})
	}
}

// Whatever is seen: no ban is longer than the longest, none is cut short, and an address
// that nobody refuses is never banned.
func TestStanding_Invariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s, at := plan.Standing{}, now
		refused := rapid.Bool().Draw(rt, "refuses")
		for range rapid.IntRange(1, 40).Draw(rt, "sights") {
			at = at.Add(time.Duration(rapid.IntRange(-60, 3600).Draw(rt, "pause")) * time.Second)
			x := fleet.EgressSight{Pages: rapid.IntRange(1, 50).Draw(rt, "pages"), Why: "x", Took: time.Second}
			if refused {
				x.Refused = rapid.IntRange(0, x.Pages).Draw(rt, "refused")
				x.Challenged = rapid.IntRange(0, x.Refused).Draw(rt, "challenged")
			}
			next, banned := s.Fold(x, bans, at)
			require.False(rt, banned && !refused)
			require.False(rt, next.Until.Before(s.Until))
			require.LessOrEqual(rt, next.Until.Sub(at), max(bans.Most, s.Until.Sub(at)))
			if banned {
				require.GreaterOrEqual(rt, next.Until.Sub(at), bans.First)
			}
			s = next
		}
	})
}

func TestSlow(t *testing.T) {
	t.Parallel()
	require.False(t, plan.Slow(10*time.Second, 0), "there is none to compare with")
	require.False(t, plan.Slow(900*time.Millisecond, time.Millisecond))
	require.False(t, plan.Slow(2*time.Second, time.Second))
	require.True(t, plan.Slow(3*time.Second, time.Second))
}
