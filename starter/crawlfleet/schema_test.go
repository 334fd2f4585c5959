package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// TestSchema_FollowsTheTypes makes the schemas from the types and their comments, and
// holds the embedded files to them.
func TestSchema_FollowsTheTypes(t *testing.T) {
	t.Parallel()
	comments := fieldComments(t, "../../fleet")
	for name, typ := range map[string]reflect.Type{
		"ticket": reflect.TypeFor[fleet.TicketInput](), "tenant": reflect.TypeFor[fleet.TenantInput](),
	} {
		s := schemaOf(typ, comments)
		s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		s["title"] = "crawlfleet " + name
		b, err := json.MarshalIndent(s, "", "  ")
		require.NoError(t, err)
		golden(t, filepath.Join("schema", name+".json"), append(b, '\n'))
	}
}

func TestSchema_DescribesAndCloses(t *testing.T) {
	t.Parallel()
	got := runWith(t, program{}, "schema", "ticket")
	require.Zero(t, got.code, got.err)
	var s map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.out), &s))
	require.Equal(t, false, s["additionalProperties"])
	require.Equal(t, []any{"tenant", "urls"}, s["required"])
	fetch := s["properties"].(map[string]any)["fetch"].(map[string]any)
	require.Equal(t, false, fetch["additionalProperties"])
	for name, p := range fetch["properties"].(map[string]any) {
		require.NotEmpty(t, p.(map[string]any)["description"], name)
	}
}

// schemaOf describes a type; a comment of the type or field is its description.
func schemaOf(t reflect.Type, comments map[string]string) map[string]any {
	if t == reflect.TypeFor[fleet.Duration]() {
		return map[string]any{"type": "string", "examples": []string{"90s", "5m"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), comments)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), comments)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), comments)}
	case reflect.Struct:
		return objectSchema(t, comments)
	default:
		panic("no schema for " + t.String())
	}
}

func objectSchema(t reflect.Type, comments map[string]string) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := map[string]any{}
		if f.Type.Kind() == reflect.Map && f.Type.Elem() == t { // fields in fields
			p["type"], p["additionalProperties"] = "object", map[string]any{"$ref": "#/properties/extract/additionalProperties"}
		} else {
			p = schemaOf(f.Type, comments)
		}
		if c := comments[t.Name()+"."+f.Name]; c != "" {
			p["description"] = c
		} else if c := comments[typeName(f.Type)]; c != "" && p["description"] == nil {
			p["description"] = c
		}
		properties[name] = p
		if !strings.Contains(options, "omit") && f.Type.Kind() != reflect.Pointer {
			required = append(required, name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	if c := comments[t.Name()]; c != "" {
		s["description"] = c
	}
	return s
}

func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// fieldComments reads the comments of types ("Scope") and fields ("Scope.Hosts").
func fieldComments(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	comments := map[string]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, spec := range g.Specs {
				collect(g, spec.(*ast.TypeSpec), comments)
			}
		}
	}
	require.NotEmpty(t, comments)
	return comments
}

func collect(g *ast.GenDecl, spec *ast.TypeSpec, comments map[string]string) {
	name := spec.Name.Name
	comments[name] = line(spec.Doc)
	if comments[name] == "" && len(g.Specs) == 1 {
		comments[name] = line(g.Doc)
	}
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	before := ""
	for _, f := range s.Fields.List {
		comment := line(f.Doc) + line(f.Comment)
		if comment == "" && before != "" && strings.HasPrefix(before, "Include and ") {
			comment = before // one comment over two fields
		}
		for _, n := range f.Names {
			comments[name+"."+n.Name] = comment
		}
		before = comment
	}
}

func line(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
