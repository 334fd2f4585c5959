package fleet

import (
	"context"
	"time"
)

// LeftoverKind says which side lacks the other.
type LeftoverKind string

// The kinds of leftovers.
const (
	// LeftoverOrphan runs at the provider under this fleet's labels and is in no live row.
	LeftoverOrphan LeftoverKind = "orphan"
	// LeftoverMissing is a live row whose crawler the provider does not have.
	LeftoverMissing LeftoverKind = "missing"
)

// Leftover is a machine without a row, or a row without a machine.
type Leftover struct {
	Provider   ProviderKind `json:"provider"`
	Kind       LeftoverKind `json:"kind"`
	Tenant     TenantID     `json:"tenant"` // its owner, by its label or row
	GUID       GUID         `json:"guid"`
	Offering   OfferingID   `json:"offering,omitempty"`
	ProviderID string       `json:"providerId,omitempty"`
	Address    string       `json:"address,omitempty"`
	Created    time.Time    `json:"created,omitzero"`
	Found      time.Time    `json:"found"` // when it was seen first
	// Cost is what it has cost since it was created, at the price of its place; nil where
	// that is not known.
	Cost *Money `json:"cost,omitempty"`
}

// Comparison is what came of comparing one provider's list with the rows.
type Comparison struct {
	Provider ProviderKind `json:"provider"`
	Tried    time.Time    `json:"tried"`
	// Done is when a list was last complete; zero for never. Instances and Leftovers are of it.
	Done      time.Time  `json:"done,omitzero"`
	Instances int        `json:"instances"`
	Leftovers []Leftover `json:"leftovers,omitempty"`
	// Error is why the last list failed, or broke off; "" when it did not.
	Error string `json:"error,omitempty"`
}

// LeftoverDesk takes what the reaper found.
type LeftoverDesk interface {
	// Compared notes a comparison. With Error what was found before stands.
	Compared(ctx context.Context, c Comparison) error
}

// LeftoverReader answers the last comparison of each provider.
type LeftoverReader interface {
	Comparisons(ctx context.Context) ([]Comparison, error)
}
