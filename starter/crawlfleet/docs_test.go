package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/config"
)

// root is the top of the checkout, seen from this package.
const root = "../.."

// pages are the texts that people read, by their path below root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names := []string{"README.md", "CHANGELOG.md"}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, f := range found {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(f), root+"/"))
		}
	}
	all := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		all[name] = string(b)
	}
	return all
}

// TestDocs_ConfigurationListsEverySetting: the table is made from the settings.
func TestDocs_ConfigurationListsEverySetting(t *testing.T) {
	t.Parallel()
	flags := flagsOf(newApp(nil, Stdio{Out: io.Discard, Err: io.Discard}).root())
	var table strings.Builder
	table.WriteString("| setting | flag | environment | default | meaning |\n|---|---|---|---|---|\n")
	for _, s := range config.Settings() {
		flag, env := "none", "`"+s.Env+"`"
		if flags[s.Flag] {
			flag = "`--" + s.Flag + "`"
		}
		if s.Secret {
			env += ", `" + s.Env + "_FILE`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", s.Path, flag, env, byDefault(s), s.Help)
	}
	name := filepath.Join(root, "docs/configuration.md")
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	const begin, end = "<!-- settings -->\n", "<!-- /settings -->"
	head, rest, found := strings.Cut(string(b), begin)
	require.True(t, found, "%s has no %s", name, begin)
	_, tail, found := strings.Cut(rest, end)
	require.True(t, found, "%s has no %s", name, end)
	golden(t, name, []byte(head+begin+table.String()+end+tail))
}

// flagsOf gives the flags of a command and those below it.
func flagsOf(c *cobra.Command) map[string]bool {
	all := map[string]bool{}
	for _, set := range []*pflag.FlagSet{c.PersistentFlags(), c.Flags()} {
		set.VisitAll(func(f *pflag.Flag) { all[f.Name] = true })
	}
	for _, sub := range c.Commands() {
		maps.Copy(all, flagsOf(sub))
	}
	return all
}

func byDefault(s config.Setting) string {
	const home = "~/.local/share/crawlfleet"
	switch text := s.Text(config.Default(home)); text {
	case "", "null":
		return "none"
	default:
		return "`" + text + "`"
	}
}

// limitRow is a row whose first cell names a constant and whose second gives its value.
var limitRow = regexp.MustCompile("^\\| `([a-z/-]+)\\.([A-Za-z]+)` \\| ([^|]+) \\|")

// TestDocs_LimitsAreTheConstants: a number in the table is the number in the code.
func TestDocs_LimitsAreTheConstants(t *testing.T) {
	t.Parallel()
	name := filepath.Join(root, "docs/limits.md")
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	packages, rows, numbers := map[string]constants{}, 0, false
	var got strings.Builder
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "| constant |"):
			numbers = true
		case !strings.HasPrefix(line, "|"): // a table of fields has no constants
			numbers = false
		case numbers && !strings.HasPrefix(line, "|--"):
			rows++
			cell := limitRow.FindStringSubmatch(line)
			require.NotNil(t, cell, line)
			if packages[cell[1]] == nil {
				packages[cell[1]] = constantsOf(t, cell[1])
			}
			require.Contains(t, packages[cell[1]], cell[2], "package %s", cell[1])
			value := packages[cell[1]].text(t, cell[2])
			line = fmt.Sprintf("| `%s.%s` | %s |%s", cell[1], cell[2], value, line[len(cell[0]):])
		}
		got.WriteString(line)
	}
	require.Greater(t, rows, 50)
	golden(t, name, []byte(got.String()))
}

// TestDocs_EveryTimeOfTheWorkflowsIsALimit: none is left out.
func TestDocs_EveryTimeOfTheWorkflowsIsALimit(t *testing.T) {
	t.Parallel()
	limits := pages(t)["docs/limits.md"]
	for name := range constantsIn(t, filepath.Join(root, "workflows/options.go")) {
		if strings.HasPrefix(name, "priority") { // an order, no limit
			continue
		}
		require.Contains(t, limits, "| `workflows."+name+"` |")
	}
}

// TestDocs_StateDiagramsHaveEveryState: those of the code, and no others.
func TestDocs_StateDiagramsHaveEveryState(t *testing.T) {
	t.Parallel()
	overview := pages(t)["docs/overview.md"]
	for _, d := range []struct{ heading, kind, file string }{
		{"## Life of a ticket", "TicketState", "ticket.go"},
		{"## Life of a crawler", "CrawlerState", "crawler.go"},
		{"## Life of a tenant", "TenantState", "tenant.go"},
	} {
		_, section, found := strings.Cut(overview, d.heading+"\n")
		require.True(t, found, d.heading)
		_, diagram, found := strings.Cut(section, "stateDiagram-v2\n")
		require.True(t, found, d.heading)
		diagram, _, _ = strings.Cut(diagram, "```")
		drawn := map[string]bool{}
		for line := range strings.Lines(diagram) {
			arrow, _, _ := strings.Cut(line, ":")
			from, to, found := strings.Cut(arrow, "-->")
			require.True(t, found, line)
			drawn[strings.TrimSpace(from)], drawn[strings.TrimSpace(to)] = true, true
		}
		delete(drawn, "[*]")
		want := map[string]bool{}
		for _, state := range valuesOf(t, filepath.Join(root, "fleet", d.file), d.kind) {
			want[state] = true
		}
		require.NotEmpty(t, want)
		require.Equal(t, want, drawn, d.heading)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestDocs_LinksLead: every link to a file of ours leads to one.
func TestDocs_LinksLead(t *testing.T) {
	t.Parallel()
	for name, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			require.FileExists(t, filepath.Join(root, filepath.Dir(name), m[1]), name)
		}
	}
}

// TestDocs_IndexNamesEveryPage: nothing is written that nobody finds.
func TestDocs_IndexNamesEveryPage(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for name := range all {
		if path, ours := strings.CutPrefix(name, "docs/"); ours && path != "index.md" {
			require.Contains(t, all["docs/index.md"], "]("+path+")")
		}
	}
}

// TestDocs_CommandsParse: what the pages tell to type is a command with its flags.
func TestDocs_CommandsParse(t *testing.T) {
	t.Parallel()
	seen := 0
	for name, text := range pages(t) {
		for _, line := range typed(text) {
			args := strings.Fields(line)
			if len(args) < 2 || args[0] != "crawlfleet" {
				continue
			}
			seen++
			top := newApp(nil, Stdio{Out: io.Discard, Err: io.Discard}).root()
			c, rest, err := top.Find(args[1:])
			require.NoError(t, err, "%s: %s", name, line)
			require.False(t, c.HasSubCommands(), "%s: %s", name, line)
			require.NoError(t, c.ParseFlags(rest), "%s: %s", name, line)
			if c.Args != nil {
				require.NoError(t, c.Args(c, c.Flags().Args()), "%s: %s", name, line)
			}
		}
	}
	require.Greater(t, seen, 35)
}

// typed gives the lines of a page's shell blocks.
func typed(text string) []string {
	var lines []string
	for i, part := range strings.Split(text, "```") {
		block, shell := strings.CutPrefix(part, "sh\n")
		if i%2 == 1 && shell { // the odd parts are inside
			lines = append(lines, strings.Split(strings.TrimSpace(block), "\n")...)
		}
	}
	return lines
}
