package extract

import (
	"strings"
	"sync"

	"github.com/andybalholm/cascadia"
	"github.com/antchfx/xpath"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// newFinder reads where a field is looked for.
func newFinder(where string, f fleet.Field, inside bool) (finder, error) {
	switch {
	case f.CSS != "":
		selector, err := cascadia.ParseGroup(f.CSS)
		if err != nil {
			return nil, fleet.Invalid(where+".css", err.Error(), "a CSS selector")
		}
		return byCSS(selector), nil
	case f.XPath != "":
		if err := checkXPath(f.XPath); err != nil {
			return nil, fleet.Invalid(where+".xpath", err.Error(), "an XPath expression")
		}
		return byXPath(f.XPath), nil
	case f.Meta != "":
		return byMeta(f.Meta), nil
	case f.JSONLD != "":
		return byLinkedData(strings.Split(f.JSONLD, ".")), nil
	case f.Microdata != "":
		return byMicrodata(strings.Split(f.Microdata, ".")), nil
	case f.Content != "":
		return byContent(f.Content), nil
	case inside:
		return func(_ *document, at *html.Node, _ int) []match { return []match{{node: at}} }, nil
	default:
		return func(doc *document, _ *html.Node, _ int) []match {
			return []match{{value: string(doc.source)}}
		}, nil
	}
}

func byCSS(selector cascadia.SelectorGroup) finder {
	return func(_ *document, at *html.Node, limit int) []match {
		if limit == 1 {
			if n := cascadia.Query(at, selector); n != nil {
				return []match{{node: n}}
			}
			return nil
		}
		var all []match
		for _, n := range cascadia.QueryAll(at, selector) {
			all = append(all, match{node: n})
		}
		return all
	}
}

// checkXPath reads an expression, and tries it: some are only found out when they run.
func checkXPath(expression string) error {
	compiled, err := xpath.Compile(expression)
	if err != nil {
		return err
	}
	return evaluate(compiled, &html.Node{Type: html.DocumentNode}, func(match) bool { return false })
}

// byXPath keeps compiled expressions in a pool: they have state while they run.
func byXPath(expression string) finder {
	pool := &sync.Pool{New: func() any { return xpath.MustCompile(expression) }}
	return func(_ *document, at *html.Node, limit int) (all []match) {
		compiled, _ := pool.Get().(*xpath.Expr)
		defer pool.Put(compiled)
		err := evaluate(compiled, at, func(m match) bool {
			all = append(all, m)
			return len(all) < limit
		})
		if err != nil {
			return nil // the expression does not fit this page
		}
		return all
	}
}

// evaluate runs an expression. The library panics where types do not fit, the navigator
// where there is no end to it.
func evaluate(compiled *xpath.Expr, at *html.Node, take func(match) bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fleet.Errorf(fleet.CodeInvalid, "cannot be evaluated")
		}
	}()
	switch v := compiled.Evaluate(navigate(at)).(type) {
	case *xpath.NodeIterator:
		for v.MoveNext() {
			nav, ok := v.Current().(*navigator)
			if !ok {
				continue
			}
			m := match{node: nav.Current()}
			if nav.NodeType() != xpath.ElementNode && nav.NodeType() != xpath.RootNode {
				m = match{value: clean(collapse(nav.Value()))}
			}
			if !take(m) {
				return nil
			}
		}
	case string:
		if v = clean(collapse(v)); v != "" {
			take(match{value: v})
		}
	default: // a number or a truth value
		take(match{value: v})
	}
	return nil
}

// byMeta finds the content of meta elements by name, property or itemprop.
func byMeta(wanted string) finder {
	prefix, open := strings.CutSuffix(strings.ToLower(wanted), "*")
	return func(doc *document, _ *html.Node, limit int) (all []match) {
		object := map[string]any{}
		for n := range doc.root.Descendants() {
			if n.DataAtom != atom.Meta {
				continue
			}
			name := metaName(n)
			content, ok := attribute(n, "content")
			content = clean(collapse(content))
			switch {
			case !ok || name == "":
			case open && strings.HasPrefix(name, prefix):
				add(object, name, content)
			case !open && name == prefix:
				if all = append(all, match{value: content}); len(all) == limit {
					return all
				}
			}
		}
		if len(object) > 0 {
			return []match{{value: object}}
		}
		return all
	}
}

func metaName(n *html.Node) string {
	for _, key := range []string{"property", "name", "itemprop"} {
		if v, ok := attribute(n, key); ok && v != "" {
			return strings.ToLower(strings.TrimSpace(v))
		}
	}
	return ""
}

// add puts a value into an object; of several under one name it makes a list.
func add(object map[string]any, name string, value any) {
	switch old := object[name].(type) {
	case nil:
		object[name] = value
	case []any:
		object[name] = append(old, value)
	default:
		object[name] = []any{old, value}
	}
}
