package fleet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ScheduleName names a recurring crawl within its tenant.
type ScheduleName string

// Temporal appends the instant to a scheduled workflow's id, 21 characters: so much is
// left of a ticket's id.
var schedulePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,42}$`)

// Validate reports a name that cannot be one, as an error on field "name".
func (n ScheduleName) Validate() error {
	return match(schedulePattern, string(n), "name",
		"1 to 43 letters, digits, '.', '_' or '-', starting with a letter or digit")
}

// ScheduleID is the id of a schedule in Temporal. Its tickets have the name and the
// instant as their ids: nightly-2026-11-21T03:00:00Z.
func ScheduleID(t TenantID, n ScheduleName) string { return TicketWorkflowID(t, TicketID(n)) }

// Overlap says what happens to a ticket that is due while the one before it goes on.
type Overlap string

// The overlap policies.
const (
	OverlapSkip    Overlap = "skip"    // it is left out, and counted: the default
	OverlapQueue   Overlap = "queue"   // it starts when the other one has ended; one at most waits
	OverlapReplace Overlap = "replace" // the other one is cancelled, its results kept
	OverlapAllow   Overlap = "allow"   // both run
)

// Overlaps lists them all.
func Overlaps() []Overlap { return []Overlap{OverlapSkip, OverlapQueue, OverlapReplace, OverlapAllow} }

// ScheduleInput is a recurring crawl.
type ScheduleInput struct {
	Tenant TenantID     `json:"tenant"`
	Name   ScheduleName `json:"name"`
	// Cron are when it is due, in the five fields of cron or as "@daily"; Every is the
	// time between two, 1m at least. One of the two is required.
	Cron  []string `json:"cron,omitempty"`
	Every Duration `json:"every,omitempty"`
	// TimeZone is that of Cron, by its IANA name; default UTC.
	TimeZone string `json:"timeZone,omitempty"`
	// Jitter delays each one by a random time of at most this.
	Jitter  Duration `json:"jitter,omitempty"`
	Overlap Overlap  `json:"overlap,omitempty"` // default skip
	// Ticket is what is submitted: without an id, and with durations as moments.
	Ticket TicketInput `json:"ticket"`
}

// Normalise checks the schedule and sets its defaults.
func (in ScheduleInput) Normalise() (ScheduleInput, error) {
	set(&in.Overlap, OverlapSkip)
	set(&in.Ticket.Tenant, in.Tenant)
	for _, check := range []func() error{in.Tenant.Validate, in.Name.Validate, in.checkTimes, in.checkTicket} {
		if err := check(); err != nil {
			return in, err
		}
	}
	var err error
	in.Ticket, err = in.Ticket.Normalise()
	return in, err
}

func (in ScheduleInput) checkTimes() error {
	switch {
	case len(in.Cron) == 0 && in.Every == 0:
		return Invalid("cron", "is missing", "cron or every")
	case len(in.Cron) > 0 && in.Every != 0:
		return Invalid("every", "is given with cron", "one of the two")
	case in.Every != 0 && in.Every.Std() < time.Minute:
		return Invalid("every", in.Every.String()+" is out of range", "1m or more")
	case in.Jitter.Std() < 0:
		return Invalid("jitter", in.Jitter.String()+" is negative", "0s or more")
	case !slices.Contains(Overlaps(), in.Overlap):
		return Invalid("overlap", fmt.Sprintf("%q is not known", clip(string(in.Overlap), 40)),
			"skip, queue, replace or allow")
	}
	for i, c := range in.Cron {
		if !strings.HasPrefix(c, "@") && len(strings.Fields(c)) != 5 {
			return Invalid(fmt.Sprintf("cron[%d]", i), fmt.Sprintf("%q is not a cron expression", clip(c, 80)),
				`five fields such as "0 3 * * *", or @daily`)
		}
	}
	if _, err := time.LoadLocation(in.TimeZone); err != nil {
		return Invalid("timeZone", fmt.Sprintf("%q is not known", clip(in.TimeZone, 40)), "an IANA name such as Europe/Berlin")
	}
	return nil
}

// checkTicket refuses what would be the same, or past, each time.
func (in ScheduleInput) checkTicket() error {
	t := in.Ticket
	switch {
	case t.Tenant != in.Tenant:
		return Invalid("ticket.tenant", fmt.Sprintf("is %q", clip(string(t.Tenant), 40)), "the schedule's, or none")
	case t.ID != "":
		return Invalid("ticket.id", "is given", "none: each ticket gets its own from the name and the instant")
	case t.Attempt > 1:
		return Invalid("ticket.attempt", "is given", "none")
	}
	for _, m := range []struct {
		field  string
		moment Moment
	}{{"ticket.deadline", t.Deadline}, {"ticket.startAt", t.StartAt}} {
		if _, err := time.ParseDuration(string(m.moment)); m.moment != "" && err != nil {
			return Invalid(m.field, fmt.Sprintf("%q is not a duration", clip(string(m.moment), 40)),
				`a duration such as "2h": an instant would be past the next time`)
		}
	}
	return nil
}

// ScheduleRow is a recurring crawl as Temporal knows it.
type ScheduleRow struct {
	Tenant   TenantID     `json:"tenant"`
	Name     ScheduleName `json:"name"`
	ID       string       `json:"id"` // of the schedule in Temporal
	Cron     []string     `json:"cron,omitempty"`
	Every    Duration     `json:"every,omitempty"`
	TimeZone string       `json:"timeZone,omitempty"`
	Overlap  Overlap      `json:"overlap,omitempty"`
	Paused   bool         `json:"paused"`
	Note     string       `json:"note,omitempty"` // why it is paused
	Next     time.Time    `json:"next,omitzero"`
	Last     time.Time    `json:"last,omitzero"`
	Started  int          `json:"started"` // so far
	Skipped  int          `json:"skipped"` // because another one still ran
	Missed   int          `json:"missed"`  // because the server was away for too long
	Running  []TicketID   `json:"running,omitempty"`
}
