package workflows

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestSpoken_SaysDurationsAsPeopleDo(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                          "0 ms",
		27_176_588:                 "27 ms",
		999_600 * time.Microsecond: "1 s",
		1_340 * time.Millisecond:   "1.3 s",
		9_960 * time.Millisecond:   "10 s",
		time.Minute:                "60 s",
		5 * time.Minute:            "5 min",
		150 * time.Second:          "2 min 30 s",
		150 * time.Minute:          "2 h 30 min",
		24 * time.Hour:             "24 h",
		30 * 24 * time.Hour:        "30 days",
	} {
		require.Equal(t, want, spoken(d), d)
	}
}

func TestSummary_IsOneLineThatTheServerTakes(t *testing.T) {
	t.Parallel()
	require.Equal(t, "set aside: a b", summary("set aside: %s", "a\n\tb"))
	long := summary("%s", strings.Repeat("ü", 300))
	require.LessOrEqual(t, len(long), summaryMost)
	require.True(t, utf8.ValidString(long))
	require.True(t, strings.HasSuffix(long, "…"), long)
}

func TestDetails_OfATenantAreAPlanKeysAndSteps(t *testing.T) {
	t.Parallel()
	one := &tenant{status: fleet.TenantStatus{
		State: fleet.TenantReady, Name: "Acme", Reason: "resumed", Plan: fleet.Plan{MaxCrawlers: 1}.WithDefaults(),
		Keys: []fleet.KeyRow{{Name: "shop"}},
		Steps: []fleet.TenantStep{
			{Name: "account row", Done: true, Took: fleet.Duration(27_176_588), Detail: "provisioning"},
			{Name: "database", Done: true, Took: fleet.Duration(3 * time.Second)},
			{Name: "queue"},
		},
	}}
	require.Equal(t, `**ready**

- name: Acme
- plan: up to 1 crawler of 4 slots
- keys: `+"`shop`"+`

1. account row: provisioning (27 ms)
2. database: done in 3 s
3. queue: under way`, one.details().text.String())
}

func TestDetails_OfATicketSayWhyItWaitsAndSinceWhen(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)
	one := &ticket{
		seeds: "https://example.com/ and 2 more", carry: ticketCarry{Since: &since},
		status: fleet.TicketStatus{
			State: fleet.TicketWaiting, Moves: 1,
			Wait: &fleet.Wait{Code: fleet.WaitSlot, Message: "all slots are taken"},
		},
	}
	one.routed.Deadline = since.Add(time.Hour)
	require.Equal(t, `**waiting**: all slots are taken (`+"`slot`"+`)

- since: 2026-11-21 05:00:00 UTC
- crawls: https://example.com/ and 2 more
- moved to another crawler: once
- deadline: 2026-11-21 06:00:00 UTC`, one.details().text.String())
}
