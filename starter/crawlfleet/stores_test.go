package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// TestStores_AreReadBesideTheirWriter: the real databases, held open by a fleet.
func TestStores_AreReadBesideTheirWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	environ := []string{"HOME=" + t.TempDir(), "CRAWLFLEET_DATA_DIR=" + path}
	do := func(args ...string) outcome {
		var out, problems bytes.Buffer
		code := run(t.Context(), args, environ, Stdio{In: strings.NewReader(""), Out: &out, Err: &problems})
		return outcome{code: code, out: out.String(), err: problems.String()}
	}
	got := do("tenant", "list")
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, "no fleet in "+path)

	d, err := config.OpenDir(path, thisRelease(), at)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	require.Contains(t, do("tenant", "list").err, "has not been started yet")

	writer, err := openControl(t.Context(), config.Default(path), d, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = writer.Close() })
	_, err = writer.OpenTenant(t.Context(), fleet.TenantInput{Tenant: "acme", Plan: fleet.Plan{MaxCrawlers: 2}})
	require.NoError(t, err)

	got = do("tenant", "list", "-o", "json")
	require.Zero(t, got.code, got.err)
	var tenants []fleet.TenantStatus
	require.NoError(t, json.Unmarshal([]byte(got.out), &tenants))
	require.Equal(t, 2, tenants[0].Plan.MaxCrawlers)
	require.Contains(t, do("ticket", "results", "none", "-t", "acme").err, "error [not_found]")
	require.Contains(t, do("fleet", "status").out, "not running")
	require.Contains(t, do("fleet", "offerings").out, "process/")

	got = do("ticket", "submit", "http://example.com/", "-t", "acme")
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, "does not run")
	require.Contains(t, got.err, "crawlfleet dev")
}
