package plan

import (
	"cmp"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Order gives waiting tickets in the order in which they are served: priority,
// then age, then id. The argument stays as it is.
func Order(waiting []Demand) []Demand {
	out := slices.Clone(waiting)
	slices.SortFunc(out, func(a, b Demand) int {
		return cmp.Or(
			cmp.Compare(a.Priority, b.Priority),
			a.Since.Compare(b.Since),
			cmp.Compare(a.Ticket, b.Ticket),
		)
	})
	return out
}

// Fits reports whether an offering is within a ticket's place.
func Fits(o fleet.Offering, p fleet.Place) bool {
	return allows(p.Countries, o.Country) && allows(p.Regions, o.Region) &&
		allows(p.Providers, o.Provider)
}

func allows[T comparable](list []T, v T) bool {
	return len(list) == 0 || slices.Contains(list, v)
}

func anywhere(p fleet.Place) bool {
	return len(p.Countries) == 0 && len(p.Regions) == 0 && len(p.Providers) == 0
}
