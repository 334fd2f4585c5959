package flat

import (
	"encoding/json"
	"io"
	"maps"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Items writes items as rows under one header: a column for each field of their schema, one
// for each field of an object in it with a dot between. A list is one column of JSON.
type Items struct {
	sheet[fleet.Item, itemColumn]
}

// itemColumn is one column: its name, and the way to its value.
type itemColumn struct {
	name string
	path []string
}

// NewItems makes a writer of items with these fields. Nothing is written yet.
func NewItems(w io.Writer, fields map[string]fleet.Field) *Items {
	return &Items{sheetOf[fleet.Item](w, itemColumns(fields, "", nil))}
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
func (w *Items) Write(item fleet.Item) error { return w.add(item) }

func (c itemColumn) title() string { return c.name }

func (c itemColumn) text(item fleet.Item) (string, error) { return itemText(c.of(item)) }

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
