package controldb

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

const (
	// egressHosts is how many hosts of a ticket are looked at and remembered when it gets
	// a slot: a ticket has one or a few, and each is a row.
	egressHosts = 16
	// egressMost bounds what is remembered of a tenant: the rows that were used last. Some
	// 200 bytes each.
	egressMost = 50_000
	// usedAgain is when a use is noted anew: a busy crawler's tickets write nothing.
	usedAgain = time.Hour
)

// EgressOptions say what is remembered of addresses. Zero fields have defaults.
type EgressOptions struct {
	// Remember is for how long an address counts as used at a host; default 30 days.
	Remember time.Duration
	// Ban is how long a host's first refusal and a repeated one keep an address from
	// being offered for it; default 10 min and 24 h.
	Ban plan.BanTimes
	// ShareBans lets every tenant know of every ban. Of whom it is they do not hear; that
	// somebody crawls the host they do.
	ShareBans bool
}

func (o EgressOptions) withDefaults() EgressOptions {
	o.Remember = cmp.Or(o.Remember, 30*24*time.Hour)
	o.Ban.First = cmp.Or(o.Ban.First, 10*time.Minute)
	o.Ban.Most = max(cmp.Or(o.Ban.Most, 24*time.Hour), o.Ban.First)
	return o
}

// demand is what the planner needs to know of a ticket of the state's tenant.
func (w *work) demandOf(t *ticketRow, s *plan.State) (plan.Demand, error) {
	d, err := t.demand()
	if err != nil {
		return d, err
	}
	return d, w.acquaint(t.tenant, t.guid, &d, s)
}

// acquaint tells a demand what is known of addresses at its hosts. was is the crawler that
// the ticket was on.
func (w *work) acquaint(t fleet.TenantID, was fleet.GUID, d *plan.Demand, s *plan.State) error {
	if len(d.Hosts) == 0 {
		return nil
	}
	for _, c := range s.Crawlers {
		if c.GUID == was {
			d.Mine = c.Address
		}
	}
	key := fmt.Sprint(t, d.Place.FreshAddress, d.Hosts)
	known, there := w.known[key]
	if !there {
		var err error
		if known, err = w.egress(t, d.Hosts, d.Place.FreshAddress); err != nil {
			return err
		}
		if w.known == nil {
			w.known = map[string]plan.Egress{}
		}
		w.known[key] = known
	}
	d.Egress = known
	return nil
}

// egress reads what is known of addresses at some hosts.
func (w *work) egress(t fleet.TenantID, hosts []string, used bool) (plan.Egress, error) {
	e := plan.Egress{Banned: map[string]plan.Ban{}, Slow: map[string]bool{}}
	err := w.shunned(t, hosts, &e)
	if err != nil || !used {
		return e, err
	}
	e.Used = map[string]string{}
	type row struct{ host, address string }
	rows, err := list(w, `SELECT host, address FROM egress WHERE tenant = ? AND used_at > ?
		AND host IN (`+marks(len(hosts))+`) ORDER BY host DESC`,
		append([]any{t, w.before(w.s.o.Egress.Remember)}, anys(hosts)...),
		func(r scanner, x *row) error { return r.Scan(&x.host, &x.address) })
	for _, x := range rows {
		e.Used[x.address] = x.host
	}
	return e, err
}

// shunnedQuery is asked for every ticket. Its condition is that of an index which holds
// only what somebody refuses, so that it reads next to nothing.
const shunnedQuery = `SELECT tenant, host, address, until, slow, why FROM egress
	WHERE (until > 0 OR slow = 1) AND host IN (`

func (w *work) shunned(t fleet.TenantID, hosts []string, e *plan.Egress) error {
	query, args := shunnedQuery+marks(len(hosts))+`)`, anys(hosts)
	if !w.s.o.Egress.ShareBans {
		query, args = query+` AND tenant = ?`, append(args, t)
	}
	type row struct {
		tenant             fleet.TenantID
		host, address, why string
		until              int64
		slow               bool
	}
	rows, err := list(w, query, args, func(r scanner, x *row) error {
		return r.Scan(&x.tenant, &x.host, &x.address, &x.until, &x.slow, &x.why)
	})
	for _, x := range rows {
		ban := plan.Ban{Host: x.host, Until: store.Moment(x.until), Why: x.why}
		if ban.Until.After(w.now) && ban.Until.After(e.Banned[x.address].Until) {
			e.Banned[x.address] = ban
		}
		if x.slow && x.tenant == t {
			e.Slow[x.address] = true
		}
	}
	return err
}

// remember notes that a ticket goes to its hosts from an address: before its first page,
// so that no other that wants an unused one is given it.
func (w *work) remember(t *ticketRow, address string) error {
	hosts, err := t.hostList()
	if err != nil || len(hosts) == 0 || address == "" {
		return err
	}
	w.known = nil // it has changed
	args := make([]any, 0, 4*len(hosts))
	for _, h := range hosts {
		args = append(args, t.tenant, h, address, store.Micros(w.now))
	}
	_, err = w.Exec(`INSERT INTO egress (tenant, host, address, used_at) VALUES `+
		strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?), ", len(hosts)), ", ")+`
		ON CONFLICT (tenant, host, address) DO UPDATE SET used_at = excluded.used_at
		WHERE egress.used_at < excluded.used_at - ?`, append(args, usedAgain.Microseconds())...)
	return err
}

// hostList are the hosts that are remembered of a ticket.
func (t *ticketRow) hostList() (out []string, err error) { return out, parse(t.hosts, &out) }

// fewHosts are the hosts of a ticket that are looked at.
func fewHosts(in fleet.TicketInput) []string {
	all := in.Scope.Hosts
	if len(all) == 0 {
		all = fleet.SeedHosts(in.URLs)
	}
	out := make([]string, 0, min(len(all), egressHosts))
	for _, h := range all[:min(len(all), egressHosts)] {
		if h = strings.ToLower(h); !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// marks are the placeholders of so many values.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
