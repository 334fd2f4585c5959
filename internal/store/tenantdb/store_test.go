package tenantdb_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb/tenantdbtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func inFiles(t *testing.T, clock func() time.Time) tenantdbtest.Data {
	t.Helper()
	return open(t, tenantdb.Options{Dir: t.TempDir(), Clock: clock})
}

// fleets counts the fleets of this binary: their roles share one server.
var fleets atomic.Int64

// secret is one fleet's.
const secret = fleet.Secret("a fleet's own secret")

func onServer(t *testing.T, clock func() time.Time) tenantdbtest.Data {
	t.Helper()
	return open(t, onDatabase(pgtest.Schema(t), clock))
}

func onDatabase(url fleet.Secret, clock func() time.Time) tenantdb.Options {
	return tenantdb.Options{
		Postgres: url, Clock: clock, Secret: secret,
		Fleet: fleet.FleetID(fmt.Sprintf("f-%d", fleets.Add(1))),
	}
}

func open(t testing.TB, o tenantdb.Options) *tenantdb.Store {
	t.Helper()
	s, err := tenantdb.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Shutdown()) })
	return s
}

func both(t *testing.T, test func(*testing.T, tenantdbtest.Factory)) {
	t.Parallel()
	for name, open := range map[string]tenantdbtest.Factory{"sqlite": inFiles, "postgres": onServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

func TestStore_Conforms(t *testing.T) { both(t, tenantdbtest.Exercise) }

func TestStore_KeepsItsPromisesInAnyOrder(t *testing.T) { both(t, tenantdbtest.Interleave) }

func TestStore_StoresOncePerPageWhenCrawlersCompete(t *testing.T) { both(t, tenantdbtest.Compete) }
