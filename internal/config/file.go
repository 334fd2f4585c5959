package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// fileValue is one setting as the file gives it.
type fileValue struct {
	setting Setting
	text    string
	line    int
}

// parseFile reads YAML, and with it JSON. A key that is no setting is an error that
// names its path.
func parseFile(name string, b []byte) ([]fileValue, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) { // empty, or comments only
			return nil, nil
		}
		return nil, fleet.Invalid("config", name+": "+err.Error(), "a YAML or JSON document")
	}
	byPath := map[string]Setting{}
	for _, s := range Settings() {
		byPath[s.Path] = s
	}
	w := walker{name: name, settings: byPath, seen: map[string]bool{}}
	err := w.walk("", doc.Content[0])
	return w.values, err
}

type walker struct {
	name     string
	settings map[string]Setting
	seen     map[string]bool
	values   []fileValue
}

func (w *walker) walk(path string, n *yaml.Node) error {
	if s, ok := w.settings[path]; ok {
		text, err := nodeText(n)
		if err != nil {
			return fleet.Invalid(path, fmt.Sprintf("%s:%d: %v", w.name, n.Line, err), s.Help)
		}
		w.values = append(w.values, fileValue{setting: s, text: text, line: n.Line})
		return nil
	}
	if path != "" && !w.section(path) {
		return &fleet.Error{
			Code: fleet.CodeUnknownField, Field: path,
			Message: fmt.Sprintf("%s:%d: unknown setting", w.name, n.Line),
			Want:    "a setting", Hint: "crawlfleet config show lists them",
		}
	}
	if n.Kind != yaml.MappingNode {
		return fleet.Invalid(path, fmt.Sprintf("%s:%d: is no mapping", w.name, n.Line), "settings by name")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if path != "" {
			key = path + "." + key
		}
		if w.seen[key] {
			return fleet.Invalid(key, fmt.Sprintf("%s:%d: is there twice", w.name, n.Content[i].Line), "one value")
		}
		w.seen[key] = true
		if err := w.walk(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) section(path string) bool {
	for p := range w.settings {
		if strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

// nodeText gives a node the text form that flags and variables have.
func nodeText(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "", errors.New("has no value")
		}
		return n.Value, nil
	case yaml.SequenceNode:
		scalars := make([]string, 0, len(n.Content))
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				return nodeJSON(n)
			}
			scalars = append(scalars, c.Value)
		}
		return strings.Join(scalars, ","), nil
	default:
		return "", errors.New("is a mapping")
	}
}

func nodeJSON(n *yaml.Node) (string, error) {
	var v any
	if err := n.Decode(&v); err != nil {
		return "", err
	}
	b, err := json.Marshal(v)
	return string(b), err
}
