package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestTenant_IsCreatedAppliedAndDeleted(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "tenant", "create", "acme", "--slots", "2", "--idle-after", "5s").code)
	require.Equal(t, 5*time.Second, h.tenants[0].Plan.IdleAfter.Std())
	require.Equal(t, 2, h.tenants[0].Plan.SlotsPerCrawler)

	doc := "tenant: acme\nplan: {maxCrawlers: 3}\n"
	require.Zero(t, runWith(t, program{helm: h, in: doc}, "tenant", "apply", "-f", "-").code)
	require.Len(t, h.tenants, 1, "one that is there is changed")
	h.unknown = true
	require.Zero(t, runWith(t, program{helm: h, in: doc}, "tenant", "apply", "-f", "-").code)
	require.Equal(t, 3, h.tenants[1].Plan.MaxCrawlers)
	require.Contains(t, runWith(t, program{in: "tenant: a\nplam: {}"}, "tenant", "apply", "-f", "-").err, "plam: unknown field")

	require.Zero(t, runWith(t, program{helm: h}, "tenant", "delete", "acme", "--yes", "--wait").code)
	require.Zero(t, runWith(t, program{helm: h, in: "acme\n", terminal: true}, "tenant", "delete", "acme").code)
	require.Equal(t, exitError, runWith(t, program{helm: h, in: "acne\n", terminal: true}, "tenant", "delete", "acme").code)
	require.Len(t, h.deleted, 2)
}

func TestTenantPlan_ChangesWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	h := &helm{}
	got := runWith(t, program{helm: h}, "tenant", "plan", "demo", "--max-crawlers", "3", "--max-spend", "12.50 EUR",
		"--keep-results", "720h")
	require.Equal(t, exitDone, got.code, got.err)
	want := fleet.Plan{MaxCrawlers: 3, MaxSpend: &fleet.Money{Micros: 12_500_000, Currency: "EUR"}}
	want.Keep.Results = fleet.Duration(720 * time.Hour)
	require.Equal(t, want, h.replans[0].Plan)
	require.Contains(t, h.replans[0].By, "@")
	require.Contains(t, got.out, "at most 12.500000 EUR a month")

	require.Equal(t, exitDone, runWith(t, program{helm: h}, "tenant", "plan", "demo").code)
	require.Len(t, h.replans, 1, "without flags it is only shown")
	got = runWith(t, program{helm: h}, "tenant", "plan", "demo", "--max-spend", "12")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.err, "such as 12.50 EUR")
}

func TestTenantKey_IsShownOnceAndOnlyItsDigestIsSent(t *testing.T) {
	t.Parallel()
	h := &helm{}
	got := runWith(t, program{helm: h}, "tenant", "key", "create", "ann", "--valid-for", "24h")
	require.Equal(t, exitDone, got.code, got.err)
	key := strings.TrimSpace(got.out)
	require.True(t, strings.HasPrefix(key, fleet.KeyPrefix))
	require.Len(t, key, len(fleet.KeyPrefix)+43)
	require.Equal(t, fleet.KeyDigest(fleet.Secret(key)), h.keys[0].Digest)
	require.False(t, h.keys[0].ExpiresAt.IsZero())
	require.NotContains(t, got.err, key)
	again := runWith(t, program{helm: h}, "tenant", "key", "create", "ann")
	require.NotEqual(t, got.out, again.out)
}

func TestTenantDelete_ForgetsTheWorkflowWhenTheProofIsPrinted(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Equal(t, exitDone, runWith(t, program{helm: h}, "tenant", "delete", "demo", "--yes").code)
	require.Empty(t, h.steered)
	require.Equal(t, exitDone, runWith(t, program{helm: h}, "tenant", "delete", "demo", "--yes", "--wait").code)
	require.Equal(t, []string{"forget demo"}, h.steered)
}
