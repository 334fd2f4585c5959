package tenantdb_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb/tenantdbtest"
)

func open(t *testing.T, clock func() time.Time) tenantdbtest.Data {
	t.Helper()
	s, err := tenantdb.Open(tenantdb.Options{Dir: t.TempDir(), Clock: clock})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Shutdown()) })
	return s
}

func TestSQLite_Conforms(t *testing.T) {
	t.Parallel()
	tenantdbtest.Exercise(t, open)
}

func TestSQLite_KeepsItsPromisesInAnyOrder(t *testing.T) {
	t.Parallel()
	tenantdbtest.Interleave(t, open)
}

func TestSQLite_StoresOncePerPageWhenCrawlersCompete(t *testing.T) {
	t.Parallel()
	tenantdbtest.Compete(t, open)
}
