package flat

import (
	"encoding"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// Writer writes values of one type as rows under one header.
type Writer[T any] struct{ sheet[reflect.Value, column] }

// Keys names the keys of a map whose values get a column each.
type Keys struct {
	Column string
	Keys   []string
}

// NewWriter makes a writer of T, which has to be a struct. Nothing is written yet.
func NewWriter[T any](w io.Writer, maps ...Keys) *Writer[T] {
	var columns []column
	for _, c := range columnsOf(reflect.TypeFor[T](), "", nil) {
		columns = append(columns, c.expanded(maps)...)
	}
	return &Writer[T]{sheetOf[reflect.Value](w, columns)}
}

// Write adds a row, after the header where it is the first one. Rows are buffered.
func (w *Writer[T]) Write(v T) error { return w.add(reflect.ValueOf(v)) }

// column is one column: its name, and the way to its field and, in a map, its key.
type column struct {
	name string
	path []int
	key  string
}

// expanded gives a column for each known key of a map, else the column itself.
func (c column) expanded(maps []Keys) []column {
	for _, m := range maps {
		if m.Column != c.name || len(m.Keys) == 0 {
			continue
		}
		all := make([]column, len(m.Keys))
		for i, k := range m.Keys {
			all[i] = column{name: c.name + "." + k, path: c.path, key: k}
		}
		return all
	}
	return []column{c}
}

// columnsOf lists the columns of a struct in the order of its fields.
func columnsOf(t reflect.Type, prefix string, path []int) []column {
	var all []column
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || tag == "-" {
			continue
		}
		at := append(append([]int(nil), path...), i)
		name := prefix + tag
		if tag == "" && !f.Anonymous {
			name = prefix + f.Name
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case inner.Kind() != reflect.Struct || textual(inner):
			all = append(all, column{name: name, path: at})
		case f.Anonymous && tag == "":
			all = append(all, columnsOf(inner, prefix, at)...)
		default:
			all = append(all, columnsOf(inner, name+".", at)...)
		}
	}
	return all
}

// textual reports whether a struct has a text form of its own, as time.Time has.
func textual(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) ||
		t.Implements(reflect.TypeFor[json.Marshaler]())
}

func (c column) title() string { return c.name }

// text renders the field; what is not there is empty, as JSON leaves it out.
func (c column) text(v reflect.Value) (string, error) {
	for _, i := range c.path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return "", nil
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", nil
		}
		v = v.Elem()
	}
	if c.key != "" {
		if v = v.MapIndex(reflect.ValueOf(c.key)); !v.IsValid() {
			return "", nil
		}
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Interface, reflect.Array:
		if v.IsZero() {
			return "", nil
		}
	case reflect.String: // fleet.Secret is a string that hides itself
		if _, ok := v.Interface().(encoding.TextMarshaler); !ok {
			return v.String(), nil
		}
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return "", err
	}
	var s string
	if json.Unmarshal(b, &s) == nil { // an instant or a duration, without its quotes
		return s, nil
	}
	return string(b), nil
}
