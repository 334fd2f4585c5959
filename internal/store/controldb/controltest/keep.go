package controltest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testKeep(t *testing.T, open Factory) {
	t.Run("ForgetsWhatIsPast", func(t *testing.T) { forgets(t, newRig(t, open, nil)) })
	t.Run("ForgetsSessions", func(t *testing.T) { forgetsSessions(t, newRig(t, open, nil)) })
	t.Run("ErasingLeavesTheLedgerOnly", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.hooked(fleet.Plan{}, fleet.Webhook{URL: "https://all.example.com/"})
		r.tenant("other", fleet.Plan{})
		_, err := r.AddKey(r.ctx, "acme", fleet.KeyRequest{Name: "web", Digest: strings.Repeat("a", 64)})
		require.NoError(t, err)
		l := r.cold(ticket("acme", "one", inSession("s", "")))
		r.record(l)
		_, err = r.Gone(r.ctx, l.GUID, r.clock.now())
		require.NoError(t, err)
		before, err := r.Traces(r.ctx, "acme")
		require.NoError(t, err)
		for _, table := range []string{
			"tenants", "plans", "tickets", "sessions", "crawlers", "decisions", "deliveries", "keys", "audit",
		} {
			require.Positive(t, before[table], table)
		}
		removed, err := r.EraseTenant(r.ctx, "acme")
		require.NoError(t, err)
		require.Equal(t, before["decisions"], removed["decisions"])
		after, err := r.Traces(r.ctx, "acme")
		require.NoError(t, err)
		require.Empty(t, after, "nothing but the ledger is left")
		bill, err := r.Bill(r.ctx, "acme", "one")
		require.NoError(t, err)
		require.NotEmpty(t, bill.Lines)
		other, err := r.Traces(r.ctx, "other")
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"tenants": 1, "plans": 1}, other)
	})
}

const day = 24 * time.Hour

func forgets(t *testing.T, r *rig) {
	hours := func(n int) fleet.Duration { return fleet.Duration(time.Duration(n) * time.Hour) }
	r.tenant("acme", fleet.Plan{Keep: fleet.Retention{Results: hours(2), Logs: hours(3), Rows: hours(4)}})
	l := r.cold(ticket("acme", "one"))
	r.clock.advance(time.Second)
	r.record(l)
	running := r.leased(ticket("acme", "open"))
	expired := func() []fleet.TicketRef {
		refs, err := r.Expired(r.ctx, 10)
		require.NoError(t, err)
		return refs
	}
	forgettable := func() []fleet.CrawlerRow {
		rows, err := r.Forgettable(r.ctx, 10)
		require.NoError(t, err)
		return rows
	}
	prune := func() map[string]int64 {
		n, err := r.Prune(r.ctx, 10)
		require.NoError(t, err)
		return n
	}
	r.clock.advance(2*time.Hour - time.Millisecond)
	require.Empty(t, expired())
	r.clock.advance(time.Millisecond)
	require.Equal(t, []fleet.TicketRef{{Tenant: "acme", Ticket: "one"}}, expired())
	r.clock.advance(10 * time.Hour)
	require.Empty(t, prune(), "its results are there yet")
	require.NoError(t, r.Forgotten(r.ctx, expired()[0]))
	require.Empty(t, expired())
	n := prune()
	require.Equal(t, int64(1), n["tickets"])
	require.Positive(t, n["decisions"])
	_, err := r.Ticket(r.ctx, "acme", "one")
	refused(t, err, fleet.CodeNotFound, "id")
	bill, err := r.Bill(r.ctx, "acme", "one")
	require.NoError(t, err)
	require.Equal(t, euro(250), bill.Total, "a quarter of a crawler for a second")

	r.record(running)
	_, err = r.Gone(r.ctx, l.GUID, r.clock.now())
	require.NoError(t, err)
	require.Empty(t, forgettable())
	r.clock.advance(3 * time.Hour)
	require.Equal(t, l.GUID, forgettable()[0].GUID)
	r.clock.advance(10 * time.Hour)
	require.Empty(t, prune(), "its log is there yet, and the other's results")
	require.NoError(t, r.Purged(r.ctx, l.GUID))
	require.Empty(t, forgettable())
	n = prune()
	require.Equal(t, int64(1), n["crawlers"])
	require.Positive(t, n["decisions"])

	r.clock.advance(400 * day)
	n = prune()
	require.Zero(t, n["tickets"])
	lines, err := r.Bill(r.ctx, "acme", "open")
	require.NoError(t, err)
	require.Equal(t, r.row("acme", "open").Result.Bill, lines.Total, "a ticket that is kept has its lines")
	_, err = r.Bill(r.ctx, "acme", "one")
	refused(t, err, fleet.CodeNotFound, "id")
}

func testKeys(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.tenant("other", fleet.Plan{})
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	add := func(tenant fleet.TenantID, name, digest string) (fleet.KeyRow, error) {
		return r.AddKey(r.ctx, tenant, fleet.KeyRequest{
			Name: name, Digest: digest, By: "ada@desk", ExpiresAt: r.clock.now().Add(time.Hour),
		})
	}
	k, err := add("acme", "web", a)
	require.NoError(t, err)
	require.Equal(t, a[:12], k.Digest)
	again, err := add("acme", "web", a)
	require.NoError(t, err)
	require.Equal(t, k, again)
	_, err = add("acme", "web", b)
	refused(t, err, fleet.CodeConflict, "name")
	_, err = add("other", "web", a)
	refused(t, err, fleet.CodeConflict, "digest")
	_, err = add("nobody", "web", b)
	refused(t, err, fleet.CodeNotFound, "tenant")
	found, err := r.KeyOf(r.ctx, a)
	require.NoError(t, err)
	require.Equal(t, k, found)
	_, err = r.KeyOf(r.ctx, b)
	refused(t, err, fleet.CodeNotFound, "key")
	_, err = r.RevokeKey(r.ctx, "other", fleet.RevokeRequest{Name: "web"})
	refused(t, err, fleet.CodeNotFound, "name")
	for range 2 {
		k, err = r.RevokeKey(r.ctx, "acme", fleet.RevokeRequest{Name: "web", By: "ada@desk"})
		require.NoError(t, err)
		require.Equal(t, r.clock.now(), k.RevokedAt)
	}
	again, err = add("acme", "web", a)
	require.NoError(t, err)
	require.False(t, again.Valid(r.clock.now()), "a late repeat opens nothing")
	require.Equal(t, []string{"ada@desk: key revoke", "ada@desk: key create"}, r.trail("acme"))
	r.clock.advance(time.Second)
	_, err = add("acme", "web", b)
	require.NoError(t, err, "the name is free again")
	all, err := r.Keys(r.ctx, "acme")
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, b[:12], all[0].Digest, "newest first")
	require.NoError(t, r.Audit(r.ctx, fleet.AuditRecord{Actor: "ada@desk", Action: "fleet backup"}))
	trail, err := r.AuditTrail(r.ctx, fleet.AuditFilter{Since: r.clock.now(), Limit: 1})
	require.NoError(t, err)
	require.Len(t, trail, 1)
	require.Equal(t, "fleet backup", trail[0].Action)
}

// forgetsSessions: a session goes with the rows of its last ticket, however long its
// crawler has been gone, and never while a ticket of it is open.
func forgetsSessions(t *testing.T, r *rig) {
	r.tenant("acme", fleet.Plan{Keep: fleet.Retention{
		Results: fleet.Duration(time.Hour), Logs: fleet.Duration(time.Hour), Rows: fleet.Duration(4 * time.Hour),
	}})
	expired := func() []fleet.SessionRef {
		refs, err := r.ExpiredSessions(r.ctx, 10)
		require.NoError(t, err)
		return refs
	}
	shop := fleet.SessionRef{Tenant: "acme", Key: "shop"}
	l := r.cold(ticket("acme", "one", inSession("shop", "")))
	open2 := r.leased(ticket("acme", "two", inSession("shop", "")))
	other := r.leased(ticket("acme", "none"))
	r.record(l)
	r.record(other)
	r.clock.advance(5 * time.Hour)
	require.Empty(t, expired(), "a ticket of it is open")
	require.NoError(t, r.SessionForgotten(r.ctx, shop), "what is not idle is left alone")
	r.record(open2)
	_, err := r.Gone(r.ctx, l.GUID, r.clock.now())
	require.NoError(t, err)
	r.clock.advance(4*time.Hour - time.Millisecond)
	require.Empty(t, expired())
	r.clock.advance(time.Millisecond)
	require.Equal(t, []fleet.SessionRef{shop}, expired())

	require.NoError(t, r.Purged(r.ctx, l.GUID))
	n, err := r.Prune(r.ctx, 10)
	require.NoError(t, err)
	require.EqualValues(t, 1, n["crawlers"])
	require.Equal(t, []fleet.SessionRef{shop}, expired(), "what it carries is not forgotten yet")
	for range 2 {
		require.NoError(t, r.SessionForgotten(r.ctx, shop))
	}
	require.Empty(t, expired())
}
