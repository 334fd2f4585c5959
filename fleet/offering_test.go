package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestCheckOfferings_NamesTheIDThatIsWrong(t *testing.T) {
	t.Parallel()
	check := func(ids ...fleet.OfferingID) error {
		var all []fleet.Offering
		for _, id := range ids {
			all = append(all, fleet.Offering{ID: id})
		}
		return fleet.CheckOfferings("lunar.offerings", "lunar", all)
	}
	require.NoError(t, check("lunar/a", "lunar/b"))
	require.ErrorContains(t, check("lunar/a", "solar/b"), `lunar.offerings[1].id: "solar/b" is not one of this provider`)
	require.ErrorContains(t, check("lunar/a", "lunarer/b"), "lunar.offerings[1].id")
	require.ErrorContains(t, check("lunar/a", "lunar/b", "lunar/a"), `lunar.offerings[2].id: "lunar/a" is there twice`)
}
