package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary the processes that the benchmark starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{siteCommand, planeCommand, layerCommand}, os.Args[1]) {
		main()
		return
	}
	os.Exit(m.Run())
}

// Each layer comes to the same pages, or its cost for each says nothing.
func TestLayers_FindTheSamePages(t *testing.T) {
	const pages = 12
	dir := t.TempDir()
	for i := range pages {
		text := fmt.Sprintf(`<html><head><title>%d</title></head><body><a href="p%d.html#x">next</a><a href="gone.html">gone</a>`, i, (i+1)%pages)
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("p%d.html", i)), []byte(text), 0o600))
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"-site", dir, "-start", "p0.html", "-only", partLayers, "-rounds", "1"}, nil, &out, os.Stderr)
	require.NoError(t, err)
	for _, layer := range []string{"L0", "L1", "L2", "L3", "L4", "wget"} {
		require.Regexp(t, fmt.Sprintf(`(?m)^%-6s +%d `, layer, pages), out.String())
	}
	require.Regexp(t, `L4 of L3, CPU: \d`, out.String())
}

func TestGaps(t *testing.T) {
	t.Parallel()
	at := time.Now()
	least, longest, hosts, visits := gaps([]visit{
		{"a", at},
		{"b", at.Add(time.Millisecond)},
		{"a", at.Add(time.Second)},
		{"b", at.Add(3 * time.Second)},
		{"a", at.Add(3 * time.Second)},
	})
	require.Equal(t, time.Second, least)
	require.Equal(t, 3*time.Second, longest)
	require.Equal(t, 2, hosts)
	require.Equal(t, 5, visits)
}
