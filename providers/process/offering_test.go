package process_test

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

func TestAddressed_GivesEachPlaceItsOwn(t *testing.T) {
	t.Parallel()
	places := process.Addressed(process.DefaultOfferings(8), process.DefaultLoopback(), nil)
	require.Len(t, places, 2)
	if runtime.GOOS != "linux" {
		for _, p := range places {
			require.Equal(t, []string{"127.0.0.1"}, p.Addresses)
			require.Equal(t, fleet.EgressShared, p.Egress)
		}
		return
	}
	a, b := places[0].Addresses, places[1].Addresses
	require.Len(t, a, 250)
	require.Len(t, b, 250)
	require.Equal(t, []string{"127.0.16.1", "127.0.16.250"}, []string{a[0], a[249]})
	require.Equal(t, "127.0.17.1", b[0])
	require.Equal(t, fleet.EgressOwn, places[0].Egress)
}

func TestAddressed_SharesOutWhatIsListed(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr
	for name, c := range map[string]struct {
		listed []netip.Addr
		want   [][]string
		egress []fleet.EgressKind
	}{
		"one is shared by both": {
			[]netip.Addr{addr("192.0.2.1")},
			[][]string{{"192.0.2.1"}, {"192.0.2.1"}},
			[]fleet.EgressKind{fleet.EgressShared, fleet.EgressShared},
		},
		"two: one each, shared by the crawlers there": {
			[]netip.Addr{addr("192.0.2.1"), addr("2001:db8::1")},
			[][]string{{"192.0.2.1"}, {"2001:db8::1"}},
			[]fleet.EgressKind{fleet.EgressShared, fleet.EgressShared},
		},
		"three": {
			[]netip.Addr{addr("192.0.2.1"), addr("192.0.2.2"), addr("192.0.2.3")},
			[][]string{{"192.0.2.1"}, {"192.0.2.2", "192.0.2.3"}},
			[]fleet.EgressKind{fleet.EgressShared, fleet.EgressOwn},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			places := process.Addressed(process.DefaultOfferings(1), process.DefaultLoopback(), c.listed)
			for n, p := range places {
				require.Equal(t, c.want[n], p.Addresses)
				require.Equal(t, c.egress[n], p.Egress)
			}
		})
	}
}

func TestNew_NamesTheOptionThatIsWrong(t *testing.T) {
	t.Parallel()
	good := func() process.Options {
		return process.Options{
			Dir: t.TempDir(), Program: "crawler",
			Offerings: process.Addressed(process.DefaultOfferings(1), process.DefaultLoopback(), nil),
		}
	}
	for field, spoil := range map[string]func(*process.Options){
		"process.dir":                    func(o *process.Options) { o.Dir = "" },
		"process.program":                func(o *process.Options) { o.Program = "" },
		"process.offerings[0].id":        func(o *process.Options) { o.Offerings[0].ID = "nomad/x" },
		"process.offerings[1].id":        func(o *process.Options) { o.Offerings[1].ID = o.Offerings[0].ID },
		"process.offerings[0].addresses": func(o *process.Options) { o.Offerings[0].Addresses = nil },
		"process.offerings[1].addresses": func(o *process.Options) { o.Offerings[1].Addresses = []string{"x"} },
	} {
		o := good()
		spoil(&o)
		_, err := process.New(o)
		var e *fleet.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, field, e.Field)
	}
	_, err := process.New(good())
	require.NoError(t, err)
}
