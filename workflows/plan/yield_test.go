package plan_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

func TestYield(t *testing.T) {
	t.Parallel()
	share := func(t fleet.TenantID, weight, slots, waiting int, waited time.Duration) plan.Share {
		return plan.Share{Tenant: t, Weight: weight, Slots: slots, Waiting: waiting, Since: now.Add(-waited)}
	}
	holder := share("h", 1, 4, 9, time.Hour)
	for name, c := range map[string]struct {
		holder plan.Share
		others []plan.Share
		to     fleet.TenantID
		turn   time.Duration // since the ticket that has just ended took its slot; default 2 h
	}{
		"nobody waits":                    {holder, nil, "", 0},
		"one without any":                 {holder, []plan.Share{share("a", 1, 0, 1, time.Minute)}, "a", 0},
		"one that has not waited":         {holder, []plan.Share{share("a", 1, 0, 1, time.Second)}, "", 0},
		"one that waits for nothing":      {holder, []plan.Share{share("a", 1, 0, 0, time.Minute)}, "", 0},
		"itself":                          {holder, []plan.Share{share("h", 1, 0, 1, time.Minute)}, "", 0},
		"one with as much":                {holder, []plan.Share{share("a", 1, 4, 1, time.Minute)}, "", 0},
		"one that would have as much":     {holder, []plan.Share{share("a", 1, 3, 1, time.Minute)}, "a", 0},
		"one with more weight":            {holder, []plan.Share{share("a", 2, 6, 1, time.Minute)}, "a", 0},
		"a holder with more weight":       {share("h", 4, 4, 0, 0), []plan.Share{share("a", 1, 1, 1, time.Minute)}, "", 0},
		"the least served":                {holder, []plan.Share{share("a", 1, 1, 1, time.Hour), share("b", 1, 0, 1, time.Minute)}, "b", 0},
		"then the one that waits longest": {holder, []plan.Share{share("a", 1, 0, 1, time.Minute), share("b", 1, 0, 1, time.Hour)}, "b", 0},
		"one without any, a turn later":   {holder, []plan.Share{share("a", 1, 0, 1, time.Second)}, "a", time.Second},
		"one without any, within a turn":  {holder, []plan.Share{share("a", 1, 0, 1, time.Second)}, "", 2 * time.Second},
		"one with some, a turn later":     {holder, []plan.Share{share("a", 1, 1, 1, time.Second)}, "", time.Second},
		"then the first by name":          {holder, []plan.Share{share("b", 1, 0, 1, time.Hour), share("a", 0, 0, 1, time.Hour)}, "a", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, why := plan.Yield(plan.Freed{At: now, Taken: now.Add(-cmp.Or(c.turn, 2*time.Hour))}, plan.Patience, c.holder, c.others)
			require.Equal(t, c.to, to)
			require.Equal(t, to != "", why != "")
		})
	}
}
