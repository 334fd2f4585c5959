package fleet

import "context"

// Mender heals rows of the control store that contradict each other. No transaction
// leaves any: they come of a file that was restored in part, of a hand in the database,
// of a defect.
type Mender interface {
	// Mend finds and heals what the cases say, at most limit of each, and records why. It
	// may be repeated; where nothing is wrong it only reads. The Crawls of the leases in
	// its answer have to be failed by the caller, as after a burial.
	Mend(ctx context.Context, limit int) (Mended, error)
}

// MendCase is one way in which rows contradict each other.
type MendCase string

// The cases. Their cures are a table of docs/healing.md.
const (
	MendLease    MendCase = "stray_lease"    // its ticket does not exist, or has ended
	MendTicket   MendCase = "leaseless"      // a running ticket without a lease
	MendCount    MendCase = "miscounted"     // a crawler with another count of leases than it has
	MendBurial   MendCase = "buried_lease"   // its crawler is gone
	MendDelivery MendCase = "stray_delivery" // its ticket does not exist
)

// Mended is what Mend has healed.
type Mended struct {
	Cures  map[MendCase]int
	Leases []LeaseRow // that nobody holds any more
	Follow Follow
}
