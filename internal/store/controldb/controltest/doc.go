// Package controltest is the conformance suite of a control store: what each method
// of fleet.Control and fleet.Reader promises, one after the other, at once, and cut
// short. Every implementation passes Exercise; it is given by a Factory, so that the
// suite knows no database.
package controltest
