package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// TestDocs_CrawlingHasEveryReason: those of the code and no others, each under its outcome,
// and those of a failed fetch with what is said of a second try.
func TestDocs_CrawlingHasEveryReason(t *testing.T) {
	t.Parallel()
	want, again := reasons(t)
	var outcome string
	outcomes, got := map[string]bool{}, []string{}
	for _, row := range crawlingTable(t, "reasons") {
		if row[0] != "" {
			outcome = strings.Trim(row[0], "`")
		}
		require.Contains(t, fleet.PageOutcomes(), fleet.PageOutcome(outcome))
		outcomes[outcome] = true
		reason := trimmed(strings.Trim(row[1], "`"))
		got = append(got, reason)
		if retried, known := again[reason]; known {
			require.Equal(t, retried, row[3] == "yes", reason)
		}
	}
	require.ElementsMatch(t, want, got)
	require.Len(t, outcomes, 4, "a redirect and an unchanged page have no reason")
}

// reasons are those that pages can have, and of some of them whether the page is tried again.
func reasons(t *testing.T) (all []string, again map[string]bool) {
	t.Helper()
	for _, dir := range []string{"crawler", "internal/store/tenantdb"} {
		for name, value := range constantsOf(t, dir) {
			if strings.HasPrefix(name, "reason") {
				all = append(all, trimmed(unquoted(t, value)))
			}
		}
	}
	again = fetchReasons(t)
	for reason := range again {
		all = append(all, reason)
	}
	all = append(all, trimmed(firstText(t, bodyOf(t, "crawler/robots/cache.go", "Error"), nil))) // of a status
	slices.Sort(all)
	return slices.Compact(all), again
}

// fetchReasons are those of a fetch without an answer, and whether it is tried again: a case
// each, which answers a text or puts an error of the package into words.
func fetchReasons(t *testing.T) map[string]bool {
	t.Helper()
	again, variables := map[string]bool{}, errorsOf(t, "crawler/fetch")
	ast.Inspect(bodyOf(t, "crawler/fetch/reason.go", "Reason"), func(n ast.Node) bool {
		c, ok := n.(*ast.CaseClause)
		if !ok {
			return true
		}
		answer := c.Body[0].(*ast.ReturnStmt)
		reason := firstText(t, answer.Results[0], variables)
		if reason == "" {
			reason = firstText(t, c.List[0], variables)
		}
		require.NotEmpty(t, reason)
		again[trimmed(reason)] = answer.Results[1].(*ast.Ident).Name == "true"
		return true
	})
	return again
}

// trimmed is a reason without what differs from page to page.
func trimmed(reason string) string { return strings.Trim(strings.TrimSuffix(reason, "%d"), "… ") }

// TestDocs_CrawlingReasonsAreConstants: a reason that is written where it is used would be
// missed by the test above.
func TestDocs_CrawlingReasonsAreConstants(t *testing.T) {
	t.Parallel()
	seen := 0
	bare := func(e ast.Expr) {
		seen++
		ast.Inspect(e, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				require.Equal(t, `""`, text.Value, "make it a constant named reason…")
			}
			return true
		})
	}
	for _, file := range filesOf(t, "crawler") {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Reason" {
					bare(n.Value)
				}
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					if s, ok := to.(*ast.SelectorExpr); ok && s.Sel.Name == "Reason" && len(n.Rhs) == len(n.Lhs) {
						bare(n.Rhs[i])
					}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "failed" {
					bare(n.Args[1])
				}
			}
			return true
		})
	}
	require.Greater(t, seen, 15)
}

// TestDocs_CrawlingHasEveryOutcomeAndCut: by the names that results have.
func TestDocs_CrawlingHasEveryOutcomeAndCut(t *testing.T) {
	t.Parallel()
	var outcomes, cuts []string
	for _, o := range fleet.PageOutcomes() {
		outcomes = append(outcomes, "`"+string(o)+"`")
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[fleet.Cuts]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		cuts = append(cuts, "`"+name+"`")
	}
	for name, want := range map[string][]string{"outcomes": outcomes, "cuts": cuts} {
		var got []string
		for _, row := range crawlingTable(t, name) {
			got = append(got, row[0])
		}
		require.Equal(t, want, got)
	}
}

// TestDocs_CrawlingHasEveryVendor: in the order in which they are looked for, each with every
// sign that its rule names, and with sources that its comment names.
func TestDocs_CrawlingHasEveryVendor(t *testing.T) {
	t.Parallel()
	const name = "crawler/challenge/vendors.go"
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ParseComments)
	require.NoError(t, err)
	var comments string
	for _, group := range file.Comments {
		comments += strings.Join(strings.Fields(group.Text()), "")
	}
	rows, seen := crawlingTable(t, "vendors"), 0
	ast.Inspect(file, func(n ast.Node) bool {
		rule, ok := n.(*ast.CompositeLit)
		if !ok || rule.Type != nil { // the rules themselves, whose type is the list's
			return true
		}
		require.Greater(t, len(rows), seen, "vendors without a row")
		row := rows[seen]
		seen++
		require.Equal(t, unquoted(t, rule.Elts[0]), row[0])
		for _, sign := range texts(t, rule.Elts[1]) {
			require.Contains(t, strings.ToLower(row[1]), strings.ToLower(sign), row[0])
		}
		for source := range strings.SplitSeq(row[2], ", ") {
			require.Contains(t, comments, source, row[0])
		}
		return false
	})
	require.Len(t, rows, seen)
}

// crawlingTable gives the rows between two marks of docs/crawling.md, without their head.
func crawlingTable(t *testing.T, mark string) (rows [][]string) {
	t.Helper()
	_, rest, found := strings.Cut(pages(t)["docs/crawling.md"], "<!-- "+mark+" -->\n")
	require.True(t, found, mark)
	table, _, found := strings.Cut(rest, "<!-- /"+mark+" -->")
	require.True(t, found, mark)
	for line := range strings.Lines(table) {
		var row []string
		for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	require.Greater(t, len(rows), 2, mark)
	return rows[2:]
}
