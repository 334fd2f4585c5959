package web

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestStatuses_HaveEveryCode(t *testing.T) {
	t.Parallel()
	all := statuses()
	for _, code := range fleet.Codes() {
		require.GreaterOrEqual(t, all[code], 400, code)
	}
	require.Len(t, all, len(fleet.Codes()))
}
