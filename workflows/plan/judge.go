package plan

import (
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// verdict is what becomes of one ticket.
type verdict struct {
	host   *host // it takes a slot there, free or coming
	wait   *fleet.Wait
	fail   *fleet.Error
	reason string
}

// judge looks for a slot for one ticket: a free one, one that is coming, one of a
// crawler to start. What it finds is not yet taken; a start is.
func (v *view) judge(d Demand) verdict {
	if w, f := v.tenantReady(); w != nil || f != nil {
		return verdict{wait: w, fail: f}
	}
	w := v.want(d)
	switch {
	case w.fail != nil:
		return verdict{fail: w.fail}
	case w.only == nil && !v.offered(d.Place):
		return verdict{
			fail: v.noPlace(d.Place),
			wait: wait(fleet.WaitNoPlace, "no offering fits the ticket's place"),
		}
	case v.never(d) != "":
		return verdict{fail: noAddress(d, v.never(d)), wait: wait(fleet.WaitNoPlace, "%s", v.never(d))}
	case w.wait != nil:
		return verdict{wait: w.wait}
	case v.slots <= 0:
		return verdict{wait: v.noSlots()}
	}
	if h, reason := v.freeSlot(d, w); h != nil {
		return verdict{host: h, reason: reason}
	}
	if h := v.comingSlot(d, w); h != nil {
		return verdict{host: h, reason: fmt.Sprintf("crawler %s is starting at %s and has a slot for it", name(h), h.Offering)}
	}
	if w.only != nil {
		return verdict{wait: wait(fleet.WaitSession, "session %s: all %d slots of its crawler %s are taken",
			d.Session.Key, w.only.Slots, name(w.only))}
	}
	out := v.launch(d, w)
	if out.wait != nil {
		v.unbanned(d, w, out.wait)
	}
	return out
}

// unbanned adds to a wait that it may also end with a ban: of a crawler that has a slot
// and an address which one of the ticket's hosts refuses.
func (v *view) unbanned(d Demand, w want, why *fleet.Wait) {
	for _, h := range v.hosts {
		b := v.barred(d, h.Address)
		if h.free <= 0 || !v.within(h, d, w) || b.until.IsZero() {
			continue
		}
		if why.Code == fleet.WaitSlot {
			why.Code = fleet.WaitBanned
		}
		if why.Until.IsZero() || b.until.Before(why.Until) {
			why.Until = b.until
			why.Message += fmt.Sprintf("; crawler %s has a slot and is passed over: %s", name(h), b.why)
		}
	}
}

// noSlots tells the plan's limit of slots from that of crawlers: the first where a
// slot is left unused for it, or a crawler could be started.
func (v *view) noSlots() *fleet.Wait {
	unused := v.room > 0
	for _, h := range v.hosts {
		unused = unused || h.free > 0 || h.coming > 0
	}
	if !unused {
		return v.noRoom()
	}
	return wait(fleet.WaitSlots, "the plan allows no more than %s in use", count(v.s.Tenant.Plan.MaxSlots, "slot"))
}

func (v *view) noRoom() *fleet.Wait {
	return wait(fleet.WaitSlot, "no slot is free and the plan allows no more than %s",
		count(v.s.Tenant.Plan.MaxCrawlers, "crawler"))
}

func (v *view) tenantReady() (*fleet.Wait, *fleet.Error) {
	if w := Stopped(v.s.Tenant); w != nil {
		return w, nil
	}
	switch v.s.Tenant.State {
	case fleet.TenantReady, "":
		return nil, nil
	case fleet.TenantProvisioning:
		return wait(fleet.WaitTenant, "tenant %s is being provisioned", v.s.Tenant.ID), nil
	default:
		return nil, fleet.Errorf(fleet.CodeTenantNotReady,
			fmt.Sprintf("tenant %s is %s", v.s.Tenant.ID, v.s.Tenant.State))
	}
}

// Stopped is what the tickets of a tenant wait for of which nothing may run: it is
// suspended or has reached its spend cap. It is nil for any other.
func Stopped(t Tenant) *fleet.Wait {
	switch {
	case t.State == fleet.TenantSuspended && t.Reason == "":
		return wait(fleet.WaitSuspended, "tenant %s is suspended", t.ID)
	case t.State == fleet.TenantSuspended:
		return wait(fleet.WaitSuspended, "tenant %s is suspended: %s", t.ID, t.Reason)
	case t.State == fleet.TenantReady && t.Held != nil:
		return t.Held
	default:
		return nil
	}
}

// freeSlot finds the crawler with a free slot that suits best.
func (v *view) freeSlot(d Demand, w want) (*host, string) {
	var best, avoided *host
	choices, barred := 0, ""
	for _, h := range v.hosts {
		if h.free <= 0 || !v.within(h, d, w) {
			continue
		}
		if b := v.barred(d, h.Address); b.why != "" {
			if barred == "" {
				barred = fmt.Sprintf("; %s is passed over: %s", name(h), b.why)
			}
			continue
		}
		if h.GUID == d.Avoid && w.only == nil {
			avoided = h
			continue
		}
		choices++
		if best == nil || better(h, best, d, w) {
			best = h
		}
	}
	switch {
	case best == nil && avoided != nil && !d.Never:
		return avoided, "no other one than that which it comes from has a free slot"
	case best == nil:
		return nil, ""
	case w.only != nil:
		return best, "it is the crawler of session " + string(d.Session.Key)
	case w.address != "" && best.Address == w.address:
		return best, fmt.Sprintf("it has the address of session %s", d.Session.Key)
	case best.GUID == d.Prefer:
		return best, "the ticket was there before" + barred
	case choices == 1:
		return best, fmt.Sprintf("the only one with a free slot (%s taken)",
			ratio(best.Leased, best.Slots)) + barred
	default:
		return best, fmt.Sprintf("the least loaded of %d with a free slot (%s taken)",
			choices, ratio(best.Leased, best.Slots)) + barred
	}
}

// eligible reports whether the ticket may run on h: as far as session and place go, and
// with the address that h has.
func (v *view) eligible(h *host, d Demand, w want) bool {
	return v.within(h, d, w) && v.barred(d, h.Address).why == ""
}

// within reports whether the ticket may run on h as far as session and place go.
// A wanted address that must be had is not on any crawler: one that has it would be
// the only one.
func (v *view) within(h *host, d Demand, w want) bool {
	if w.only != nil || w.must {
		return h == w.only
	}
	return v.fits(h, d.Place)
}

// better reports whether a suits better than b, which comes before it by GUID.
func better(a, b *host, d Demand, w want) bool {
	if w.address != "" && (a.Address == w.address) != (b.Address == w.address) {
		return a.Address == w.address
	}
	if d.Prefer != "" && (a.GUID == d.Prefer) != (b.GUID == d.Prefer) {
		return a.GUID == d.Prefer
	}
	if slow := d.Egress.Slow; slow[a.Address] != slow[b.Address] {
		return slow[b.Address]
	}
	return a.Leased < b.Leased
}

// comingSlot finds a crawler that is on its way and has a slot to promise.
func (v *view) comingSlot(d Demand, w want) *host {
	var found *host
	for _, h := range v.hosts {
		if h.coming <= 0 || !v.eligible(h, d, w) {
			continue
		}
		if w.address != "" && h.Address == w.address {
			return h
		}
		if found == nil {
			found = h
		}
	}
	return found
}

func wait(code fleet.WaitCode, format string, args ...any) *fleet.Wait {
	return &fleet.Wait{Code: code, Message: fmt.Sprintf(format, args...)}
}

// count writes a number of things.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func ratio(a, b int) string { return fmt.Sprintf("%d of %d", a, b) }

func name(h *host) string {
	if h.GUID == "" {
		return "to be started"
	}
	return string(h.GUID[:min(8, len(h.GUID))])
}
