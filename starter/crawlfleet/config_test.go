package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/config"
)

func TestConfig_ShowAndCheck(t *testing.T) {
	t.Parallel()
	key := "k1:" + strings.Repeat("A", 43) + "="
	p := program{environ: []string{"CRAWLFLEET_CODEC_KEYS=" + key, "CRAWLFLEET_CONTACT=ops@example.com"}}
	got := runWith(t, p, "config", "show", "-o", "json")
	require.Zero(t, got.code, got.err)
	require.NotContains(t, got.out+got.err, key)
	var values []config.Value
	require.NoError(t, json.Unmarshal([]byte(got.out), &values))
	require.Len(t, values, len(config.Settings()))
	require.Zero(t, runWith(t, p, "config", "check").code)

	p.environ = append(p.environ, "CRAWLFLEET_CONTCAT=x")
	got = runWith(t, p, "config", "check")
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, "CRAWLFLEET_CONTCAT: nothing reads this variable")
	got = runWith(t, program{environ: []string{"CRAWLFLEET_LOG_LEVEL=loud"}}, "tenant", "list")
	require.Contains(t, got.err, "log.level")
}
