package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// update is a call of the stock command line on the account's workflow.
func (a *Tenant) update(name, input string) Said {
	a.t.Helper()
	return a.TemporalCLI(a.t, "workflow", "update", "execute", "--workflow-id",
		fleet.TenantWorkflowID(a.ID), "--name", name, "--input", input)
}

func TestTenant_PlanActsAtOnce(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1, IdleAfter: fleet.Duration(time.Hour)})
	first := a.Submit(hold(s))
	first.Leased()
	second := a.Submit(hold(s))
	second.Waits(fleet.WaitSlot)
	f.Crawlfleet(t, "", "tenant", "plan", string(a.ID), "--max-crawlers", "2").OK(t)
	second.Leased() // on another crawler, although nobody has ended
	require.Len(t, a.Crawlers(false), 2)

	a.update("plan", `{"plan":{"maxCrawlers":1}}`).OK(t)
	first.Cancel()
	second.Cancel()
	first.End()
	second.End()
	Await(t, "the surplus to be drained", func() (bool, string) { // neither is ever idle long enough
		left := a.Crawlers(false)
		return len(left) == 1, show(left)
	})
}

func TestTenant_SuspendDrainsToZeroAndResumeGoesOnWithAll(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1})
	k := a.Submit(maze(s, 100, 100*time.Millisecond))
	Await(t, "some pages", func() (bool, string) { n := len(s.Log()); return n > 5, show(n) })
	a.update("suspend", `{"reason":"unpaid","grace":"100ms"}`).OK(t)
	k.Waits(fleet.WaitSuspended)
	later := a.Submit(page(s.ShopURL("/about")))
	later.Waits(fleet.WaitSuspended)
	a.AwaitNoCrawlers()
	f.Crawlfleet(t, "", "tenant", "resume", string(a.ID)).OK(t)
	later.Done()
	require.Equal(t, fleet.OutcomeLimited, k.End().Outcome, "by its pages")
	require.Len(t, k.Fetched(), 100, "every page once")
}

func TestTenant_BadUpdatesNameTheField(t *testing.T) {
	t.Parallel()
	a := shared(t).NewTenant(t, fleet.Plan{})
	for _, c := range []struct{ name, input, says string }{
		{"suspend", `{"reson":"x"}`, "reson"},
		{"suspend", `{"grace":"25h"}`, "grace"},
		{"plan", `{"plan":{"slotsPerCrawler":65}}`, "plan.slotsPerCrawler"},
		{"plan", `{}`, "plan"},
		{"addKey", `{"name":"Ann"}`, "name"},
		{"delete", `{"yes":true}`, "yes"},
	} {
		said := a.update(c.name, c.input)
		require.NotZero(t, said.Exit, c.input)
		require.Contains(t, said.Out+said.Errors, c.says)
	}
	status, err := a.Control.Tenant(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, fleet.TenantReady, status.State, "nothing of it was done")
}

func TestTenant_KeysAreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	f := shared(t)
	a := f.NewTenant(t, fleet.Plan{})
	key := func(args ...string) Said {
		return f.Crawlfleet(t, "", append(append([]string{"tenant", "key"}, args...), "-t", string(a.ID), "-o", "json")...).OK(t)
	}
	var made struct{ Name, Key string }
	key("create", "ann").Into(t, &made)
	require.True(t, strings.HasPrefix(made.Key, fleet.KeyPrefix))
	require.NotContains(t, key("list").Out, made.Key, "it is shown once")
	row, err := f.Control.KeyOf(t.Context(), fleet.KeyDigest(fleet.Secret(made.Key)))
	require.NoError(t, err)
	require.Equal(t, a.ID, row.Tenant)
	key("revoke", "ann")
	var all []fleet.KeyRow
	key("list").Into(t, &all)
	require.Len(t, all, 1)
	require.False(t, all[0].RevokedAt.IsZero())
}

func TestTenant_DeletionIsProvenAndLeavesTheLedgerOnly(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{})
	a.Submit(page(s.ShopURL("/about"))).Done()
	a.Submit(hold(s)).Leased()
	said := f.Crawlfleet(t, "", "tenant", "delete", string(a.ID), "--yes", "--wait", "-o", "json").OK(t)
	var proof fleet.TenantStatus
	said.Into(t, &proof)
	require.Equal(t, fleet.TenantDeleted, proof.State)
	for _, step := range proof.Steps {
		require.True(t, step.Done, show(proof.Steps))
		t.Log(step.Name, step.Took, step.Detail)
	}
	require.Contains(t, proof.Steps[len(proof.Steps)-1].Detail, "nothing is left")
	require.Empty(t, a.Processes())
	traces, err := f.Control.Traces(t.Context(), a.ID)
	require.NoError(t, err)
	require.Empty(t, traces)
	traces, err = f.Data.Traces(t.Context(), a.ID)
	require.NoError(t, err)
	require.Empty(t, traces)
	Await(t, "no workflow to carry its name", func() (bool, string) {
		var left []any
		f.TemporalCLI(t, "workflow", "list", "--query", `CrawlTenant = "`+string(a.ID)+`"`, "--output", "json").
			OK(t).Into(t, &left)
		return len(left) == 0, show(left)
	})
	bills, err := f.Control.Costs(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Contains(t, show(bills), string(a.ID), "what was paid for stays")
}
