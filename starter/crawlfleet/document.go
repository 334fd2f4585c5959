package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxFile bounds what is read into memory: a batch of some ten thousand tickets.
const maxFile = 256 << 20

// document is one document of a file, as JSON, or why it is none.
type document struct {
	at   string // "line 3", "document 2"; "" for the only one
	json []byte
	err  error
}

// readDocuments reads files ("-" for standard input): YAML with several documents,
// JSON, or JSON lines. A bad document does not keep the others from being read.
func (a *App) readDocuments(names []string) ([]document, error) {
	var all []document
	for _, name := range names {
		b, err := a.readFile(name)
		if err != nil {
			return nil, err
		}
		docs := split(b)
		for _, d := range docs {
			if len(names) > 1 {
				d.at = strings.TrimSpace(name + " " + d.at)
			}
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return nil, fleet.Invalid("file", "holds no document", "JSON, JSON lines or YAML")
	}
	return all, nil
}

func (a *App) readFile(name string) ([]byte, error) {
	in := a.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fleet.Invalid("file", err.Error(), "a readable file, or - for standard input")
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > maxFile {
		return nil, fleet.Invalid("file", name+" is too long", "at most 256 MiB")
	}
	return b, nil
}

func split(b []byte) []document {
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		return nil
	case json.Valid(b):
		return splitJSON(b)
	case isLines(b):
		return splitLines(b)
	default:
		return splitYAML(b)
	}
}

// splitJSON takes a list apart.
func splitJSON(b []byte) []document {
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil || list == nil {
		return []document{{json: b}}
	}
	docs := make([]document, len(list))
	for i, one := range list {
		docs[i] = document{at: fmt.Sprintf("element %d", i), json: one}
	}
	return docs
}

// isLines reports whether each line could be a document: JSON that runs over several
// lines has some that do not begin one.
func isLines(b []byte) bool {
	lines := 0
	for line := range bytes.Lines(b) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '{' {
			return false
		}
		lines++
	}
	return lines > 1
}

func splitLines(b []byte) []document {
	var docs []document
	scanner := bufio.NewScanner(bytes.NewReader(b))
	scanner.Buffer(nil, maxFile)
	for n := 1; scanner.Scan(); n++ {
		if line := bytes.TrimSpace(scanner.Bytes()); len(line) > 0 {
			docs = append(docs, document{at: fmt.Sprintf("line %d", n), json: bytes.Clone(line)})
		}
	}
	return docs
}

func splitYAML(b []byte) []document {
	var docs []document
	dec := yaml.NewDecoder(bytes.NewReader(b))
	for n := 1; ; n++ {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		d := document{at: fmt.Sprintf("document %d", n)}
		if err == nil && v == nil { // a separator with nothing after it
			continue
		}
		if err == nil {
			d.json, err = json.Marshal(v)
		}
		if err != nil {
			d.err = fleet.Invalid("", "is neither JSON nor YAML: "+err.Error(), "a document")
		}
		docs = append(docs, d)
		if err != nil { // the decoder cannot find the next document
			break
		}
	}
	if len(docs) == 1 {
		docs[0].at = ""
	}
	return docs
}
