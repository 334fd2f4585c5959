package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPlan_IsTheSeedsAlone(t *testing.T) {
	t.Parallel()
	one := plan(7, 10*time.Minute)
	require.Equal(t, one, plan(7, 10*time.Minute))
	require.NotEqual(t, one, plan(8, 10*time.Minute))
}

func TestPlan_FillsItsTimeWithEveryKind(t *testing.T) {
	t.Parallel()
	var took, away time.Duration
	kinds := map[kind]int{}
	for _, d := range plan(1, 30*time.Minute) {
		took += d.pause
		away = max(away, d.away)
		kinds[d.kind]++
	}
	require.Len(t, kinds, len(weights))
	require.Equal(t, longOutage, away, "half an hour has time for three minutes, not for fifteen")
	require.Greater(t, took, 20*time.Minute)
}
