package nomad_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
)

// found are the findings by thing; of several the last.
func found(t *testing.T, o nomad.Options) map[string]fleet.Finding {
	t.Helper()
	p, err := nomad.New(o)
	require.NoError(t, err)
	all := map[string]fleet.Finding{}
	for _, f := range p.Check(t.Context()) {
		require.True(t, f.Type != "" || !f.Fails, "what to type for %+v", f)
		all[f.Thing] = f
	}
	return all
}

func TestCheck_SaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	o := w.options(t)
	all := found(t, o)
	for thing, f := range all {
		require.Empty(t, f.Type, "%s: %+v", thing, f)
	}
	require.Contains(t, all["token"].Says, "ACLs are off")
	jobs, _, err := w.client.Jobs().List(nil)
	require.NoError(t, err)
	require.Empty(t, jobs, "it registers none")
	variables, _, err := w.client.Variables().List(nil)
	require.NoError(t, err)
	require.Empty(t, variables, "it writes none")

	elsewhere := o
	elsewhere.Region = "mars"
	all = found(t, elsewhere)
	require.True(t, all["region"].Fails)
	require.Contains(t, all["region"].Says, "knows no region mars")
	require.NotContains(t, all, "token", "nothing else can be asked")

	nowhere := o
	nowhere.Places = []nomad.Place{{Offering: place("dc9", fleet.EgressShared, nil), Datacenters: []string{"dc9"}}}
	all = found(t, nowhere)
	require.False(t, all["places"].Fails, "a node may come")
	require.Contains(t, all["places"].Says, "nomad/dc9 takes no crawler")
	require.Contains(t, all["places"].Type, "nomad node status")

	away := o
	away.Address = "http://127.0.0.1:1"
	all = found(t, away)
	require.Len(t, all, 1)
	require.True(t, all["agent"].Fails)
	require.Contains(t, all["agent"].Type, "curl http://127.0.0.1:1/")

	broken := o
	broken.Job = `job "x" {`
	require.Contains(t, found(t, broken)["policy"].Says, "parse-job: parse the job specification")
}

// checkACL: what the policy does not allow is named, each by itself.
func checkACL(t *testing.T, boss *api.Client, o nomad.Options, rules string) {
	t.Helper()
	for thing, f := range found(t, o) {
		if thing != "places" { // one of them has no node
			require.Empty(t, f.Type, "%s: %+v", thing, f)
		}
	}
	require.Contains(t, found(t, o)["places"].Says, "nomad/NL takes no crawler")
	for missing, says := range map[string]string{
		`"submit-job",`: "submit-job", `"list-jobs",`: "list-jobs", `"write", `: "variables write",
		`"destroy"`: "variables destroy", `"read-job",`: "read-job",
	} {
		require.Contains(t, rules, missing)
		name := "without-" + strings.Trim(missing, `", `)
		_, err := boss.ACLPolicies().Upsert(&api.ACLPolicy{Name: name, Rules: strings.ReplaceAll(rules, missing, "")}, nil)
		require.NoError(t, err)
		token, _, err := boss.ACLTokens().Create(&api.ACLToken{Type: "client", Policies: []string{name}}, nil)
		require.NoError(t, err)
		less := o
		less.Token = fleet.Secret(token.SecretID)
		f := found(t, less)["policy"]
		require.True(t, f.Fails, missing)
		require.Contains(t, f.Says, "in namespace default the token may not "+says, missing)
		require.Contains(t, f.Type, "launcher.policy.hcl")
	}
	stranger := o
	stranger.Token = "00000000-0000-0000-0000-000000000000"
	f := found(t, stranger)["token"]
	require.True(t, f.Fails)
	require.Contains(t, f.Says, "not accepted")
	require.NotContains(t, f.Says, string(stranger.Token.Reveal()))
}
