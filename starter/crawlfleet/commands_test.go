package main

import (
	"io"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// TestCommands_AllAreExplained: every command says what it does, and shows it.
func TestCommands_AllAreExplained(t *testing.T) {
	t.Parallel()
	root := newApp(nil, Stdio{Out: io.Discard, Err: io.Discard}).root()
	seen := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		seen++
		require.NotEmpty(t, c.Short, c.CommandPath())
		require.NotEmpty(t, c.Long, c.CommandPath())
		require.NotEqual(t, c.Short, c.Long, c.CommandPath())
		if !c.HasSubCommands() {
			require.Contains(t, c.Example, "crawlfleet "+c.CommandPath()[len("crawlfleet "):], c.CommandPath())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) { require.NotEmpty(t, f.Usage, "%s --%s", c.CommandPath(), f.Name) })
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	require.Greater(t, seen, 25)
}
