package controldb

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// conflict names the first field in which an id's new content differs from the old.
func (m *routing) conflict() error {
	stored, err := m.given(m.t)
	if err != nil {
		return err
	}
	var fresh fleet.TicketInput // read back, so that empty and missing lists are the same
	doc, err := document(m.r.Input)
	if err == nil {
		err = parse(doc, &fresh)
	}
	if err != nil {
		return err
	}
	field := differing(reflect.ValueOf(stored), reflect.ValueOf(fresh), "")
	return &fleet.Error{
		Code: fleet.CodeConflict, Field: field,
		Message: fmt.Sprintf("ticket %q exists with another %s", m.t.id, field),
		Want:    "the same content, or another id",
	}
}

// given reads the input of a ticket as it was given.
func (w *work) given(t *ticketRow) (in fleet.TicketInput, err error) {
	var spec string
	var hosts bool
	var pages int64
	if err := w.One(`SELECT hosts_given, pages_given, spec FROM tickets WHERE tenant = ? AND ticket = ?`,
		[]any{t.tenant, t.id}, &hosts, &pages, &spec); err != nil {
		return in, err
	}
	err = parse(spec, &in)
	in.Scope.MaxPages = pages
	if !hosts {
		in.Scope.Hosts = nil
	}
	return in, err
}

// differing walks two values of one struct type and gives the JSON path of the
// first field that differs. What the hash does not cover is not compared.
func differing(a, b reflect.Value, path string) string {
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		if path == "" && (name == "id" || name == "attempt") {
			continue
		}
		x, y := a.Field(i), b.Field(i)
		if reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		if x.Kind() == reflect.Pointer && !x.IsNil() && !y.IsNil() {
			x, y = x.Elem(), y.Elem()
		}
		if x.Kind() == reflect.Struct {
			return differing(x, y, path+name+".")
		}
		return path + name
	}
	return strings.TrimSuffix(path, ".")
}
