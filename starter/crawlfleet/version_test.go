package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	var b buildInfo
	require.NoError(t, json.Unmarshal([]byte(runWith(t, program{}, "version", "-o", "json").out), &b))
	require.Equal(t, fleet.ContractVersion, b.Contract)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, runWith(t, program{}, "completion", shell).out, "crawlfleet", shell)
	}
}
