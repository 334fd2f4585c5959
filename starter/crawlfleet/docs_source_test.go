package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// filesOf are a package's files but its tests.
func filesOf(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	require.NoError(t, err)
	var files []*ast.File
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	require.NotEmpty(t, files, dir)
	return files
}

// errorsOf gives the texts of a package's variables that are made with errors.New.
func errorsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, file := range filesOf(t, dir) {
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) != 1 {
					continue
				}
				if call, ok := v.Values[0].(*ast.CallExpr); ok && len(call.Args) == 1 {
					all[v.Names[0].Name] = unquoted(t, call.Args[0])
				}
			}
		}
	}
	return all
}

// bodyOf is the body of a function or method.
func bodyOf(t *testing.T, name, function string) *ast.BlockStmt {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == function {
			return f.Body
		}
	}
	require.Fail(t, "no such function", "%s in %s", function, name)
	return nil
}

// firstText is the first text in an expression, written there or in one of the variables.
func firstText(t *testing.T, e ast.Node, variables map[string]string) (text string) {
	t.Helper()
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text == "" && n.Kind == token.STRING {
				text = unquoted(t, n)
			}
		case *ast.Ident:
			if text == "" {
				text = variables[n.Name]
			}
		}
		return text == ""
	})
	return text
}

// texts are all texts in an expression.
func texts(t *testing.T, e ast.Expr) (all []string) {
	t.Helper()
	ast.Inspect(e, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
			all = append(all, unquoted(t, text))
		}
		return true
	})
	require.NotEmpty(t, all)
	return all
}

func unquoted(t *testing.T, e ast.Expr) string {
	t.Helper()
	text, ok := e.(*ast.BasicLit)
	require.True(t, ok, "%T is no text", e)
	s, err := strconv.Unquote(text.Value)
	require.NoError(t, err)
	return s
}
