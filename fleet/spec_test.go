package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestSpec_CheckNamesTheFieldThatNoRetryCanMakeRight(t *testing.T) {
	t.Parallel()
	place := fleet.Offering{ID: "docker/eu", Addresses: []string{"10.0.0.2", "10.0.0.3"}}
	good := fleet.Spec{
		Key:      fleet.Key{Fleet: "f", Tenant: "acme", GUID: "00000000-0000-4000-8000-000000000001"},
		Offering: place.ID,
	}
	for name, c := range map[string]struct {
		change  func(*fleet.Spec)
		unknown bool
		field   string
	}{
		"nothing is wrong":        {change: func(*fleet.Spec) {}},
		"one of its addresses":    {change: func(s *fleet.Spec) { s.Address = "10.0.0.3" }},
		"no fleet":                {change: func(s *fleet.Spec) { s.Fleet = "" }, field: "fleet"},
		"no tenant":               {change: func(s *fleet.Spec) { s.Tenant = "" }, field: "fleet"},
		"no GUID":                 {change: func(s *fleet.Spec) { s.GUID = "one" }, field: "guid"},
		"a place that is none":    {change: func(*fleet.Spec) {}, unknown: true, field: "offering"},
		"an address of elsewhere": {change: func(s *fleet.Spec) { s.Address = "10.0.0.9" }, field: "address"},
		"an address where no place": {
			change: func(s *fleet.Spec) { s.Address = "10.0.0.2" }, unknown: true, field: "offering",
		},
	} {
		s, o := good, place
		c.change(&s)
		if c.unknown {
			o = fleet.Offering{}
		}
		err := s.Check(o, !c.unknown)
		if c.field == "" {
			require.NoError(t, err, name)
			continue
		}
		var e *fleet.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.field, e.Field, name)
	}
}
