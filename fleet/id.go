package fleet

import (
	"fmt"
	"regexp"
	"strings"
)

// The identifiers of the fleet. Each is a type of its own so that a tenant can
// never be passed where a ticket is meant.
type (
	// FleetID names one installation. It is in every label and name that is
	// given to a substrate, so that two fleets never touch each other's objects.
	FleetID string
	// TenantID names an account: lower case letters, digits and hyphens, 1 to 32
	// of them, starting with a letter.
	TenantID string
	// TicketID names one crawl request within its tenant, 1 to 64 characters.
	TicketID string
	// GUID is a crawler's identity, one life long, and the name of its task queue.
	GUID string
	// SessionKey names an affinity of a tenant, 1 to 64 characters.
	SessionKey string
	// OfferingID names a place where a crawler can run, "<provider>/<place>".
	OfferingID string
	// ProviderKind names a substrate: process, docker, nomad, …
	ProviderKind string
	// Account names one account of a substrate: its quota and API rate are shared
	// by all offerings that carry it.
	Account string
)

var (
	tenantPattern  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	ticketPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)
	sessionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,63}$`)
	guidPattern    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// Validate reports a tenant id that cannot be one, as an error on field "tenant".
func (id TenantID) Validate() error {
	return match(tenantPattern, string(id), "tenant",
		"1 to 32 lower case letters, digits or hyphens, starting with a letter")
}

// Validate reports a ticket id that cannot be one, as an error on field "id".
func (id TicketID) Validate() error {
	return match(ticketPattern, string(id), "id",
		"1 to 64 letters, digits, '.', '_', ':' or '-', starting with a letter or digit")
}

// Validate reports a session key that cannot be one, as an error on field "session.key".
func (k SessionKey) Validate() error {
	return match(sessionPattern, string(k), "session.key",
		"1 to 64 letters, digits, '.', '_', ':', '@', '/' or '-', starting with a letter or digit")
}

// Validate reports a GUID that is not a lower case UUID, as an error on field "guid".
func (g GUID) Validate() error {
	return match(guidPattern, string(g), "guid", "a lower case UUID")
}

// Short is the part of a GUID that people compare: its end, because GUIDs that are made in
// the same minute begin alike.
func (g GUID) Short() string { return string(g[max(0, len(g)-8):]) }

func match(p *regexp.Regexp, value, field, want string) error {
	if p.MatchString(value) {
		return nil
	}
	if value == "" {
		return Invalid(field, "is missing", want)
	}
	return Invalid(field, fmt.Sprintf("%q is not valid", clip(value, 80)), want)
}

// clip shortens to n bytes without leaving half a character: what is not UTF-8
// cannot be sent to Temporal.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
