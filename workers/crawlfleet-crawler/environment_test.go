package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/fleet"
)

const testGUID = "0b1d5e3c-0000-4000-8000-000000000001"

// goodEnvironment is complete; changes are "NAME=value", or "NAME" to leave it out.
func goodEnvironment(changes ...string) []string {
	all := map[string]string{
		fleet.EnvFleet: "test", fleet.EnvTenant: "acme", fleet.EnvGUID: testGUID,
		fleet.EnvDataPlane: "http://127.0.0.1:1", fleet.EnvToken: "t0p-secret",
		"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_CONFIG_FILE": "/none",
	}
	for _, c := range changes {
		name, value, set := strings.Cut(c, "=")
		if delete(all, name); set {
			all[name] = value
		}
	}
	var out []string
	for name, value := range all {
		out = append(out, name+"="+value)
	}
	return out
}

func TestEnvironment_NamesTheVariableThatIsMissingOrWrong(t *testing.T) {
	t.Parallel()
	for change, name := range map[string]string{
		fleet.EnvFleet:                        fleet.EnvFleet,
		fleet.EnvTenant:                       fleet.EnvTenant,
		fleet.EnvTenant + "=Not A Tenant":     fleet.EnvTenant,
		fleet.EnvGUID:                         fleet.EnvGUID,
		fleet.EnvGUID + "=../../etc":          fleet.EnvGUID,
		fleet.EnvDataPlane:                    fleet.EnvDataPlane,
		fleet.EnvToken:                        fleet.EnvToken,
		fleet.EnvSlots + "=0":                 fleet.EnvSlots,
		fleet.EnvSource + "=localhost":        fleet.EnvSource,
		fleet.EnvSourceFor + "=some":          fleet.EnvSourceFor,
		fleet.EnvAllowPrivate + "=10.0.0.0":   fleet.EnvAllowPrivate,
		fleet.EnvAllowPorts + "=80,70000":     fleet.EnvAllowPorts,
		fleet.EnvLaunchBudget + "=60":         fleet.EnvLaunchBudget,
		fleet.EnvOrphanAfter + "=-1s":         fleet.EnvOrphanAfter,
		fleet.EnvCodecKeys + "=k1:tooshort":   fleet.EnvCodecKeys,
		fleet.EnvToken + "_FILE=/nonexistent": fleet.EnvToken + "_FILE",
		"TEMPORAL_ADDRESS":                    "TEMPORAL_ADDRESS",
		envLogLevel + "=loud":                 envLogLevel,
	} {
		environ := goodEnvironment(change)
		if strings.HasPrefix(change, fleet.EnvToken+"_FILE") {
			environ = goodEnvironment(change, fleet.EnvToken)
		}
		var stderr bytes.Buffer
		err := run(t.Context(), time.Now(), nil, environ, &stderr, &stderr)
		require.Error(t, err, change)
		require.Contains(t, stderr.String(), "crawlfleet-crawler: "+name+": ", change)
	}
}

func TestEnvironment_ReadsAllOfIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("from a file\n"), 0o600))
	s, err := readEnvironment(goodEnvironment(fleet.EnvToken, fleet.EnvToken+"_FILE="+file,
		fleet.EnvSlots+"=4", fleet.EnvSource+"=127.0.16.9", fleet.EnvSourceFor+"=loopback",
		fleet.EnvAllowPrivate+"=127.0.0.0/8, 10.0.0.0/8", fleet.EnvContact+"=ops@example.org",
		fleet.EnvAllowPorts+"=9000, 3000", fleet.EnvLaunchBudget+"=5s", fleet.EnvOrphanAfter+"=7s"))
	require.NoError(t, err)
	require.Equal(t, fleet.Key{Fleet: "test", Tenant: "acme", GUID: testGUID}, s.Key)
	require.Equal(t, "from a file", s.Token.Reveal())
	require.Equal(t, 4, s.Slots)
	require.Equal(t, "127.0.16.9", s.Source.String())
	require.Equal(t, fetch.SourceLoopback, s.SourceFor)
	require.Len(t, s.Reach.AllowPrivate, 2)
	require.Equal(t, []int{9000, 3000}, s.Reach.AllowPorts)
	require.Equal(t, "ops@example.org", s.Contact)
	require.Equal(t, []time.Duration{5 * time.Second, 7 * time.Second},
		[]time.Duration{s.LaunchBudget, s.OrphanAfter})
}

func TestRun_RefusesAnotherGUIDThanTheEnvironments(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	other := strings.ReplaceAll(testGUID, "1", "2")
	err := run(t.Context(), time.Now(), []string{"--guid", other}, goodEnvironment(), &stderr, &stderr)
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	require.Contains(t, stderr.String(), "--guid")
}

func TestRun_SaysItsVersionAndNothingElse(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), time.Now(), []string{"--version"}, nil, &stdout, &stderr))
	require.Regexp(t, `^crawlfleet-crawler \S+, contract 1\n$`, stdout.String())
	require.NoError(t, run(t.Context(), time.Now(), []string{"--help"}, nil, &stdout, &stderr))
	require.Contains(t, stderr.String(), "-guid")
	require.Error(t, run(t.Context(), time.Now(), []string{"--nonsense"}, nil, &stdout, &stderr))
}

func TestRun_LeavesWhenNobodyAnswersWithinTheLaunchBudget(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	err := run(t.Context(), time.Now(), nil,
		goodEnvironment(fleet.EnvLaunchBudget+"=300ms"), &stderr, &stderr)
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.Contains(t, stderr.String(), "127.0.0.1:1")
	require.NotContains(t, stderr.String(), "t0p-secret")
}

func TestRun_EndsWellWhenItIsToldToBeforeItBegan(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var stderr bytes.Buffer
	require.NoError(t, run(ctx, time.Now(), nil, goodEnvironment(), &stderr, &stderr))
}

func TestEnvironment_WithAGatewayNothingElseIsRead(t *testing.T) {
	t.Parallel()
	changes := []string{
		fleet.EnvDataPlane, "TEMPORAL_ADDRESS", fleet.EnvGateway + "=https://gateway.example.com:8237",
		fleet.EnvGatewayCA + "=UEVN",
	}
	s, err := readEnvironment(goodEnvironment(changes...))
	require.NoError(t, err)
	require.True(t, s.Gateway)
	require.Equal(t, "https://gateway.example.com:8237", s.DataPlane)
	require.Equal(t, "PEM", string(s.GatewayCA))
	for change, name := range map[string]string{
		fleet.EnvGateway + "=http://gateway.example.com": fleet.EnvGateway,
		fleet.EnvGateway + "=gateway:8237":               fleet.EnvGateway,
		fleet.EnvGatewayCA + "=not base64":               fleet.EnvGatewayCA,
		fleet.EnvToken:                                   fleet.EnvToken,
	} {
		_, err := readEnvironment(goodEnvironment(append(changes, change)...))
		var e *fleet.Error
		require.ErrorAs(t, err, &e, change)
		require.Equal(t, name, e.Field, change)
	}
}
