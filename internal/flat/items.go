package flat

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Items writes items as rows under one header: a column for each field of their schema, one
// for each field of an object in it with a dot between. A list is one column of JSON.
type Items struct {
	csv     *csv.Writer
	columns []itemColumn
	headed  bool
}

// itemColumn is one column: its name, and the way to its value.
type itemColumn struct {
	name string
	path []string
}

// NewItems makes a writer of items with these fields. Nothing is written yet.
func NewItems(w io.Writer, fields map[string]fleet.Field) *Items {
	return &Items{csv: csv.NewWriter(w), columns: itemColumns(fields, "", nil)}
}

func itemColumns(fields map[string]fleet.Field, prefix string, path []string) (all []itemColumn) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f, at := fields[name], append(slices.Clone(path), name)
		if len(f.Fields) > 0 && !f.Many {
			all = append(all, itemColumns(f.Fields, prefix+name+".", at)...)
		} else {
			all = append(all, itemColumn{prefix + name, at})
		}
	}
	return all
}

// Write adds a row, after the header where it is the first one. Rows are buffered.
func (w *Items) Write(item fleet.Item) error {
	if err := w.head(); err != nil {
		return err
	}
	row := make([]string, len(w.columns))
	for i, c := range w.columns {
		text, err := itemText(c.of(item))
		if err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
		row[i] = text
	}
	return w.csv.Write(row)
}

// Flush writes what is buffered, and the header of a list without rows.
func (w *Items) Flush() error {
	if err := w.head(); err != nil {
		return err
	}
	w.csv.Flush()
	return w.csv.Error()
}

func (w *Items) head() error {
	if w.headed {
		return nil
	}
	w.headed = true
	names := make([]string, len(w.columns))
	for i, c := range w.columns {
		names[i] = c.name
	}
	return w.csv.Write(names)
}

// of follows the path; an object that is not there has no values.
func (c itemColumn) of(item fleet.Item) any {
	for _, name := range c.path[:len(c.path)-1] {
		item, _ = item[name].(fleet.Item)
	}
	return item[c.path[len(c.path)-1]]
}

func itemText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
