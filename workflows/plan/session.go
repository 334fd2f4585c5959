package plan

import (
	"fmt"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// want is what a ticket's session asks of the crawler.
type want struct {
	only *host       // no other crawler will do
	wait *fleet.Wait // none will do now
	fail *fleet.Error
	// address at offering is asked for; with must, nothing else will do.
	address  string
	offering fleet.OfferingID
	must     bool
}

// want resolves a session: the crawler that it is bound to while that one serves,
// else what its loss policy says. A key that was never served is free.
func (v *view) want(d Demand) want {
	if d.Session == nil {
		return want{}
	}
	if h := v.bound[d.Session.Key]; h != nil {
		if b := v.barred(d, h.Address); b.why != "" {
			return d.refused(b)
		}
		if v.takes(h, d) {
			return want{only: h}
		}
		return want{wait: elsewhere(d.Session.Key, name(h))}
	}
	s, known := v.s.Sessions[d.Session.Key]
	if !known {
		return want{}
	}
	if b := v.barred(d, s.Address); b.why != "" {
		if s.Leases == 0 && (d.Session.OnLoss == "" || d.Session.OnLoss == fleet.LossPreferred) {
			return want{} // another address is better than none
		}
		return d.refused(b)
	}
	h := v.crawler(s.GUID)
	if h != nil && h.State == fleet.CrawlerServing && v.takes(h, d) {
		return want{only: h}
	}
	if s.Leases > 0 {
		return want{wait: elsewhere(s.Key, string(s.GUID))}
	}
	return v.lost(d, s)
}

// refused is for a ticket whose session's address is banned at one of its hosts.
func (d Demand) refused(b bar) want {
	text := fmt.Sprintf("session %s: %s", d.Session.Key, b.why)
	if d.Session.OnLoss == fleet.LossFail {
		return want{fail: &fleet.Error{
			Code: fleet.CodeSessionLost, Field: "session", Message: text,
			Want: "onLoss preferred or required, or another session key",
		}}
	}
	out := wait(fleet.WaitBanned, "%s", text)
	out.Until = b.until
	return want{wait: out}
}

// takes reports whether a session's crawler may serve this ticket of it.
func (v *view) takes(h *host, d Demand) bool {
	return v.fits(h, d.Place) && !(d.Never && d.Avoid == h.GUID)
}

// elsewhere is for a ticket whose session runs where it must not: wherever the
// ticket went, there would be two crawlers for the session.
func elsewhere(k fleet.SessionKey, crawler string) *fleet.Wait {
	return wait(fleet.WaitSession,
		"session %s: its crawler %s takes no such ticket, and others of the session run on it", k, crawler)
}

// lost resolves a session whose crawler is out of reach.
func (v *view) lost(d Demand, s Session) want {
	w := want{address: s.Address, offering: s.Offering}
	if s.Address == "" { // there is nothing to come back to
		return want{}
	}
	if d.Session.OnLoss == "" || d.Session.OnLoss == fleet.LossPreferred {
		return w
	}
	w.must = true
	p := v.place(s.Offering)
	if p != nil && !Fits(p.Offering, d.Place) {
		w.fail = fleet.Invalid("place", fmt.Sprintf("session %s is bound to %s at %s, which is elsewhere",
			s.Key, s.Address, s.Offering), "the place of the session's address, or another session")
		return w
	}
	if p != nil || anywhere(d.Place) {
		w.only = v.withAddress(d, s, p)
	}
	if w.only == nil {
		w.wait, w.fail = v.obtain(d, w, p)
	}
	return w
}

// withAddress finds a crawler of the tenant that has the session's address: one
// with a free slot, else one that is coming, else, where no second one can have the
// address, the one that has it.
func (v *view) withAddress(d Demand, s Session, p *place) *host {
	shared := p != nil && p.Egress == fleet.EgressShared
	var coming, busy *host
	for _, h := range v.hosts {
		here := h.Offering == s.Offering && (h.Address == s.Address || shared && h.Address == "")
		if !here || h.Proof || d.Never && d.Avoid == h.GUID {
			continue
		}
		switch {
		case h.free > 0:
			return h
		case h.coming > 0 && coming == nil:
			coming = h
		case (h.State == fleet.CrawlerServing || starting(h.State)) && !shared:
			busy = h
		}
	}
	if coming != nil {
		return coming
	}
	return busy
}

// obtain says whether a crawler with the wanted address can be started at p: if
// not now, what the ticket waits for or why it fails.
func (v *view) obtain(d Demand, w want, p *place) (*fleet.Wait, *fleet.Error) {
	why, passing := "", (*fleet.Wait)(nil)
	switch {
	case p == nil:
		why = "its place is no longer offered"
	case p.Egress == fleet.EgressOwn && !p.Pins:
		why = "its provider cannot be asked for an address"
	case p.Egress == fleet.EgressOwn && len(p.Addresses) > 0 && !slices.Contains(p.Addresses, w.address):
		why = "its place no longer has it"
	case p.Egress == fleet.EgressOwn && v.holds(w):
		// Of the tenant itself, and on its way out: soon free, no reason to fail.
		return wait(fleet.WaitSession, "session %s: a crawler that is being stopped still has %s",
			d.Session.Key, w.address), nil
	case p.Egress == fleet.EgressOwn && slices.Contains(p.InUse, w.address):
		why = "another crawler has it"
	case p.full() != "":
		why = p.full()
		passing = wait(fleet.WaitCapacity, "session %s needs %s at %s, which is %s",
			d.Session.Key, w.address, p.ID, why)
	case p.cooling != nil:
		why = coolingReason(p.cooling)
		passing = wait(fleet.WaitCooldown, "session %s needs %s at %s, which is %s",
			d.Session.Key, w.address, p.ID, why)
		passing.Until = p.cooling.Until
	default:
		return nil, nil
	}
	if d.Session.OnLoss == fleet.LossFail {
		return nil, &fleet.Error{
			Code: fleet.CodeSessionLost, Field: "session",
			Message: fmt.Sprintf("the address %s of session %s cannot be had: %s",
				w.address, d.Session.Key, why),
			Want: "onLoss preferred or required, or another session key",
		}
	}
	if passing != nil {
		return passing, nil
	}
	return wait(fleet.WaitSession, "session %s needs %s: %s", d.Session.Key, w.address, why), nil
}

// holds reports whether a crawler of the tenant, whatever its state, has the address.
func (v *view) holds(w want) bool {
	return slices.ContainsFunc(v.hosts, func(h *host) bool {
		return h.Offering == w.offering && h.Address == w.address
	})
}

// pinnable reports whether the wanted address can be asked for at once.
func (v *view) pinnable(w want) *place {
	p := v.place(w.offering)
	if p == nil || !p.Pins || p.Egress != fleet.EgressOwn || slices.Contains(p.InUse, w.address) ||
		len(p.Addresses) > 0 && !slices.Contains(p.Addresses, w.address) {
		return nil
	}
	return p
}
