package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestCheckQueue_NamesTheAttributeThatIsMissing(t *testing.T) {
	t.Parallel()
	d := newDesk()
	require.NoError(t, d.tenants.CheckQueue(t.Context()))
	d.temporal.Missing = fleet.AttrSession
	e := activities.FromTemporal(d.tenants.CheckQueue(t.Context()))
	require.Equal(t, fleet.CodeNotFound, e.Code)
	require.Contains(t, e.Message, fleet.AttrSession)
	require.Contains(t, e.Hint, "search-attribute create")
}
