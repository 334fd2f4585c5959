package controldb

import (
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// conflict names the first field in which an id's new content differs from the old.
func (m *routing) conflict() error {
	stored, err := m.given(m.t)
	if err != nil {
		return err
	}
	field := stored.Differs(m.r.Input)
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
	return asGiven(spec, hosts, pages)
}

// asGiven undoes what effective did to a specification.
func asGiven(spec string, hosts bool, pages int64) (in fleet.TicketInput, err error) {
	err = parse(spec, &in)
	in.Scope.MaxPages = pages
	if !hosts {
		in.Scope.Hosts = nil
	}
	return in, err
}
