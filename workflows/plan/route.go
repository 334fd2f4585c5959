package plan

import (
	"maps"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Route finds a slot for one ticket that has just come or asks again: the session's
// crawler, else the least loaded serving one that fits. It starts nothing: a ticket
// for which a crawler could be started waits for the conductor.
func Route(s State, d Demand) Choice {
	s.Unplaced = maps.Clone(s.Unplaced) // a start is tried out below
	v := newView(s)
	v.reserve(s.Queue)
	j := v.judge(d)
	c := Choice{Fail: j.fail, Reason: j.reason}
	switch {
	case j.fail != nil:
		c.Reason = j.fail.Message
		if j.wait != nil {
			c.Wait = *j.wait
		}
	case j.wait != nil:
		c.Wait, c.Reason = *j.wait, j.wait.Message
	case j.host.free > 0:
		c.GUID = j.host.GUID
	case j.host.start < 0:
		c.Wait = fleet.Wait{Code: fleet.WaitStarting, Message: j.reason}
	default:
		c.Reason = "no slot is free; whether a crawler is started for it is being decided"
		c.Wait = fleet.Wait{Code: fleet.WaitConductor, Message: c.Reason}
	}
	if s.Explain {
		c.Candidates = v.candidates(d, c, j)
	}
	return c
}

// reserve keeps coming slots for the tickets that wait already.
func (v *view) reserve(queue int) {
	for _, h := range v.hosts {
		n := min(h.coming, queue)
		h.coming -= n
		queue -= n
	}
}

// candidates lists every crawler and place with the verdict on it.
func (v *view) candidates(d Demand, c Choice, j verdict) []fleet.Candidate {
	w := v.want(d)
	out := []fleet.Candidate{}
	for _, h := range v.hosts {
		if h.start >= 0 {
			continue
		}
		k := fleet.Candidate{GUID: h.GUID, Offering: h.Offering, Reason: v.crawlerVerdict(h, d, w)}
		if h.GUID == c.GUID {
			k.Chosen, k.Reason = true, c.Reason
		}
		out = append(out, k)
	}
	for _, p := range v.places {
		k := fleet.Candidate{Offering: p.ID, Reason: v.closed(p)}
		if k.Reason == "" && j.host == nil {
			k.Reason = v.pick(p, d).why
		}
		switch {
		case !Fits(p.Offering, d.Place):
			k.Reason = "outside the ticket's place"
		case j.host != nil && j.host.start >= 0 && j.host.Offering == p.ID:
			k.Chosen, k.Reason = true, j.reason
		case c.GUID != "":
			k.Reason = "not needed: a slot is free"
		case k.Reason == "":
			k.Reason = "could take a crawler at " + p.Price.String() + " an hour"
		}
		out = append(out, k)
	}
	return out
}

func (v *view) crawlerVerdict(h *host, d Demand, w want) string {
	switch {
	case h.Proof:
		return "only proves the provisioning"
	case starting(h.State):
		return "is starting"
	case h.State != fleet.CrawlerServing:
		return "is " + string(h.State)
	case w.only != nil && w.only != h:
		return "does not serve the session"
	case !v.fits(h, d.Place):
		return "outside the ticket's place"
	case v.barred(d, h.Address).why != "":
		return v.barred(d, h.Address).why
	case h.free <= 0:
		return "has no free slot (" + ratio(h.Leased, h.Slots) + " taken)"
	case h.GUID == d.Avoid:
		return "the ticket comes from there"
	default:
		return "has a free slot (" + ratio(h.Leased, h.Slots) + " taken)"
	}
}
