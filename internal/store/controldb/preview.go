package controldb

import (
	"cmp"
	"context"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// Preview implements fleet.Reader.
func (s *Store) Preview(ctx context.Context, in fleet.TicketInput) (out fleet.Preview, err error) {
	if err := in.CheckPrivate(s.o.AllowPrivate); err != nil {
		return out, err
	}
	if err := in.CheckPorts(s.o.AllowPrivate, s.o.AllowPorts); err != nil {
		return out, err
	}
	if err := in.CheckRobots(s.o.IgnoreRobots); err != nil {
		return out, err
	}
	err = s.read(ctx, "preview", func(w *work) error {
		t, err := w.tenant(in.Tenant)
		if err != nil {
			return err
		}
		state, _, err := w.demand(t)
		if err != nil {
			return err
		}
		d := plan.Demand{
			Ticket: cmp.Or(in.ID, previewed), Priority: in.Priority, Since: w.now,
			Session: in.Session, Place: in.Place, Hosts: fewHosts(in),
		}
		if err := w.acquaint(t.ID, "", &d, &state); err != nil {
			return err
		}
		if in.Session != nil {
			if err := w.session(&state, t.ID, in.Session.Key); err != nil {
				return err
			}
		}
		out, err = preview(state, d)
		return err
	})
	return out, err
}

// previewed stands for a ticket without an id.
const previewed fleet.TicketID = "preview"

func preview(s plan.State, d plan.Demand) (fleet.Preview, error) {
	s.Explain, s.Queue = true, len(s.Waiting)
	c := plan.Route(s, d)
	out := fleet.Preview{Kind: fleet.RouteLeased, Candidates: c.Candidates, Reason: c.Reason}
	if c.Fail != nil {
		return out, c.Fail
	}
	if c.GUID != "" {
		return out, nil
	}
	out.Kind, out.Wait = fleet.RouteWait, &c.Wait
	s.Waiting = slices.DeleteFunc(slices.Clone(s.Waiting), func(o plan.Demand) bool {
		return o.Ticket == d.Ticket
	})
	s.Waiting = append(s.Waiting, d)
	p := plan.Decide(s)
	for _, start := range p.Starts {
		if start.For == d.Ticket {
			out.Start, out.Reason = start.Offering, start.Reason
		}
	}
	if w, waits := p.Waits[d.Ticket]; waits {
		out.Wait = &w
	}
	return out, nil
}
