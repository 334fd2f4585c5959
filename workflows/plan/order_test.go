package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	in := []plan.Demand{
		{Ticket: "d", Priority: 5, Since: now},
		{Ticket: "c", Priority: 3, Since: now.Add(time.Second)},
		{Ticket: "b", Priority: 3, Since: now},
		{Ticket: "a", Priority: 3, Since: now},
		{Ticket: "z", Priority: 1, Since: now.Add(time.Hour)},
	}
	var got []fleet.TicketID
	for _, d := range plan.Order(in) {
		got = append(got, d.Ticket)
	}
	require.Equal(t, []fleet.TicketID{"z", "a", "b", "c", "d"}, got)
	require.Equal(t, fleet.TicketID("d"), in[0].Ticket, "the argument stays as it is")
}
