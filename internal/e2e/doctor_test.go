package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// verdict is one line of crawlfleet doctor.
type verdict struct{ State, Check, Says, Type string }

// doctor examines a fleet from outside, and gives its verdicts by check.
func (f *Fleet) doctor(t *testing.T) (map[string]verdict, Said) {
	t.Helper()
	said := f.Crawlfleet(t, "", "doctor", "-o", "jsonl")
	all := map[string]verdict{}
	for line := range strings.Lines(said.Out) {
		var v verdict
		require.NoError(t, json.Unmarshal([]byte(line), &v), said.Out)
		if all[v.Check].State != "fail" { // the worst of several
			all[v.Check] = v
		}
	}
	return all, said
}

func TestDoctor_OfAFleetThatWorksAndThenIsKilled(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Dev: true, Gateway: true})
	s := site(t, sample.Options{SlowDelay: time.Hour})
	k := f.NewTenant(t, fleet.Plan{}).Submit(hold(s))
	k.Leased()

	got, said := f.doctor(t)
	said.OK(t)
	for _, check := range []string{
		"configuration", "program crawlfleet-crawler", "program crawlfleet-server", "source addresses",
		"data directory", "databases", "fleet", "control store", "places", "waiting tickets", "crawlers",
		"temporal", "namespace", "search attributes", "control queues", "clock", "leases",
		"control worker", "data plane", "gateway certificate", "gateway",
	} {
		require.Contains(t, got, check)
		if check != "places" && !strings.HasPrefix(check, "program") { // builds of one checkout may differ
			require.Equal(t, "ok", got[check].State, "%+v", got[check])
		}
	}
	text := f.Crawlfleet(t, "", "doctor").OK(t)
	require.Regexp(t, `(?m)^ok +fleet +runs as process \d+ since`, text.Out)
	k.Cancel()
	k.End()

	require.NoError(t, f.KillAll())
	got, said = f.doctor(t)
	said.OK(t)
	require.Equal(t, "warn", got["fleet"].State)
	require.Equal(t, "crawlfleet dev", got["fleet"].Type)
	require.Equal(t, "ok", got["control store"].State, "the rows are readable all the same")
	require.NotContains(t, got, "temporal")
	require.Equal(t, "warn", got["gateway"].State)
	require.Equal(t, "crawlfleet dev", got["gateway"].Type)
}
