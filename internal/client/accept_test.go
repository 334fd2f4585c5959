package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// desk is a ticket's row, which comes after a time, and its workflow, which ends after one.
type desk struct {
	began        time.Time
	row, end     time.Duration // 0 for never
	run          string
	ended, looks error
}

func (d desk) Ticket(ctx context.Context, _ fleet.TenantID, _ fleet.TicketID) (fleet.TicketRow, error) {
	switch {
	case d.looks != nil:
		return fleet.TicketRow{}, d.looks
	case d.row == 0 || time.Since(d.began) < d.row:
		return fleet.TicketRow{}, fleet.Errorf(fleet.CodeNotFound, "no ticket")
	}
	return fleet.TicketRow{RunID: d.run}, ctx.Err()
}

func (d desk) WaitTicket(ctx context.Context, _, _ string) (fleet.TicketResult, error) {
	var end <-chan time.Time
	if d.end > 0 {
		end = time.After(d.end)
	}
	select {
	case <-end:
		return fleet.TicketResult{}, d.ended
	case <-ctx.Done():
		return fleet.TicketResult{}, ctx.Err()
	}
}

func TestAccepted_SaysHowFarATicketCame(t *testing.T) {
	t.Parallel()
	refusal := fleet.Errorf(fleet.CodeForbidden, "private")
	for name, tc := range map[string]struct {
		desk desk
		code fleet.Code // "" for accepted
		took time.Duration
	}{
		"its row is there":                    {desk{row: time.Second, run: "r"}, "", time.Second},
		"refused":                             {desk{end: time.Second, ended: refusal}, fleet.CodeForbidden, time.Second},
		"an earlier run of it has the row":    {desk{row: time.Millisecond, run: "other", end: time.Second, ended: refusal}, fleet.CodeForbidden, time.Second},
		"ended before anybody looked":         {desk{end: time.Second}, "", time.Second},
		"nobody looks at it":                  {desk{}, fleet.CodeTimeout, client.AcceptWithin},
		"its row cannot be read, and it ends": {desk{looks: errors.New("disk"), end: time.Second}, "", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tc.desk.began = time.Now()
				err := client.Accepted(t.Context(), tc.desk, tc.desk, client.Ticket{RunID: "r"})
				if tc.code == "" {
					require.NoError(t, err)
				} else {
					require.Equal(t, tc.code, fleet.CodeOf(err), "%v", err)
				}
				require.InDelta(t, tc.took.Seconds(), time.Since(tc.desk.began).Seconds(), 0.05)
			})
		})
	}
}

func TestAccepted_EndsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		require.ErrorIs(t, client.Accepted(ctx, desk{}, desk{}, client.Ticket{RunID: "r"}), context.Canceled)
	})
}
