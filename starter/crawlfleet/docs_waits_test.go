package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var waitRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// TestDocs_OperationsHasEveryWait: whatever a ticket may wait for is in the table that says
// what helps, and nothing else is.
func TestDocs_OperationsHasEveryWait(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(pages(t)["docs/operations.md"], "| it waits for | meaning | what helps |\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	var named []string
	for _, row := range waitRow.FindAllStringSubmatch(table, -1) {
		named = append(named, row[1])
	}
	want := valuesOf(t, filepath.Join(root, "fleet", "lease.go"), "WaitCode")
	require.NotEmpty(t, want)
	require.ElementsMatch(t, want, named)
}
