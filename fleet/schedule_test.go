package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestSchedule_NamesTheField(t *testing.T) {
	t.Parallel()
	good := fleet.ScheduleInput{
		Tenant: "acme", Name: "nightly", Cron: []string{"0 3 * * *"}, TimeZone: "Europe/Berlin",
		Ticket: fleet.TicketInput{URLs: []string{"https://example.com/"}, Deadline: "2h"},
	}
	in, err := good.Normalise()
	require.NoError(t, err)
	require.Equal(t, fleet.OverlapSkip, in.Overlap)
	require.Equal(t, fleet.TenantID("acme"), in.Ticket.Tenant)
	require.Equal(t, fleet.DefaultPriority, in.Ticket.Priority)
	longest := fleet.ScheduleName("n123456789012345678901234567890123456789012")
	require.NoError(t, longest.Validate())
	require.NoError(t, fleet.TicketID(string(longest)+"-2026-11-21T03:00:00Z").Validate(), "what Temporal appends fits")

	for field, spoil := range map[string]func(*fleet.ScheduleInput){
		"tenant":         func(s *fleet.ScheduleInput) { s.Tenant = "A" },
		"name":           func(s *fleet.ScheduleInput) { s.Name = "a/b" },
		"cron":           func(s *fleet.ScheduleInput) { s.Cron = nil },
		"cron[0]":        func(s *fleet.ScheduleInput) { s.Cron = []string{"daily"} },
		"every":          func(s *fleet.ScheduleInput) { s.Every = fleet.Duration(time.Hour) },
		"jitter":         func(s *fleet.ScheduleInput) { s.Jitter = -1 },
		"overlap":        func(s *fleet.ScheduleInput) { s.Overlap = "wait" },
		"timeZone":       func(s *fleet.ScheduleInput) { s.TimeZone = "Berlin" },
		"ticket.tenant":  func(s *fleet.ScheduleInput) { s.Ticket.Tenant = "other" },
		"ticket.id":      func(s *fleet.ScheduleInput) { s.Ticket.ID = "a" },
		"ticket.attempt": func(s *fleet.ScheduleInput) { s.Ticket.Attempt = 2 },
		"ticket.deadline": func(s *fleet.ScheduleInput) {
			s.Ticket.Deadline = "2026-11-21T03:00:00Z"
		},
		"urls": func(s *fleet.ScheduleInput) { s.Ticket.URLs = nil },
	} {
		s := good
		spoil(&s)
		_, err := s.Normalise()
		var e *fleet.Error
		require.ErrorAs(t, err, &e, field)
		require.Equal(t, field, e.Field)
	}
}
