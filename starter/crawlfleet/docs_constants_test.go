package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// constants are a package's, by name, as they are written.
type constants map[string]ast.Expr

func constantsOf(t *testing.T, dir string) constants {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	require.NoError(t, err)
	all := constants{}
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			for name, value := range constantsIn(t, f) {
				all[name] = value
			}
		}
	}
	return all
}

func constantsIn(t *testing.T, file string) constants {
	t.Helper()
	all := constants{}
	for _, spec := range specs(t, file) {
		for i, name := range spec.Names {
			if i < len(spec.Values) {
				all[name.Name] = spec.Values[i]
			}
		}
	}
	return all
}

func specs(t *testing.T, file string) []*ast.ValueSpec {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var all []*ast.ValueSpec
	for _, decl := range parsed.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, s := range d.Specs {
				all = append(all, s.(*ast.ValueSpec))
			}
		}
	}
	return all
}

// valuesOf gives the string constants of a type.
func valuesOf(t *testing.T, file, kind string) []string {
	t.Helper()
	var all []string
	for _, s := range specs(t, file) {
		if id, ok := s.Type.(*ast.Ident); ok && id.Name == kind {
			value, err := strconv.Unquote(s.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, value)
		}
	}
	return all
}

// text gives a constant's value as people write it.
func (c constants) text(t *testing.T, name string) string {
	t.Helper()
	n, isTime := c.value(t, c[name])
	switch {
	case isTime:
		return period(time.Duration(n))
	case n >= 1<<10 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return grouped(n)
	}
}

// value works out what constants are written with: numbers, times and each other.
func (c constants) value(t *testing.T, e ast.Expr) (n int64, isTime bool) {
	t.Helper()
	units := map[string]time.Duration{
		"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
	}
	switch x := e.(type) {
	case *ast.BasicLit:
		n, err := strconv.ParseInt(x.Value, 0, 64)
		require.NoError(t, err)
		return n, false
	case *ast.Ident:
		require.Contains(t, c, x.Name)
		return c.value(t, c[x.Name])
	case *ast.SelectorExpr:
		require.Contains(t, units, x.Sel.Name)
		return int64(units[x.Sel.Name]), true
	case *ast.ParenExpr:
		return c.value(t, x.X)
	case *ast.BinaryExpr:
		a, first := c.value(t, x.X)
		b, second := c.value(t, x.Y)
		operations := map[token.Token]int64{token.MUL: a * b, token.SHL: a << min(b, 62), token.ADD: a + b}
		require.Contains(t, operations, x.Op)
		return operations[x.Op], first || second
	}
	require.Fail(t, "not a constant that this test can read", "%T", e)
	return 0, false
}

// period writes a time in its largest unit.
func period(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if d >= u.unit && d%u.unit == 0 && (u.unit != day || d > day) {
			return fmt.Sprintf("%d %s", d/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// grouped writes a number with a comma at every thousand.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var parts []string
	for len(digits) > 3 {
		parts = append(parts, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	parts = append(parts, digits)
	slices.Reverse(parts)
	return strings.Join(parts, ",")
}
