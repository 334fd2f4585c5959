package devserver

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgress_Reads(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Progress{
		"looking at what there is to do":     {},
		"12 modules downloaded":              {Downloaded: 12},
		"3 of 1461 packages":                 {Done: 3, Total: 1461},
		"640 of 1461 packages, about 3 min":  {Done: 640, Total: 1461, Left: 170 * time.Second},
		"1400 of 1461 packages, about 10 s":  {Done: 1400, Total: 1461, Left: 2 * time.Second},
		"1300 of 1461 packages, about 50 s":  {Done: 1300, Total: 1461, Left: 51 * time.Second},
		"1200 of 1461 packages, about 1 min": {Done: 1200, Total: 1461, Left: 58 * time.Second},
		"all 1461 packages, linking":         {Done: 1461, Total: 1461},
		"1460 of 1461 packages, about 10 s":  {Done: 1460, Total: 1461, Left: time.Nanosecond},
		"1 of 2 packages, about 61 min":      {Done: 1, Total: 2, Left: 61 * time.Minute},
	} {
		require.Equal(t, "compiling Temporal, once: "+want, p.String())
	}
}

func TestTally_CountsCachedPackagesAndEstimatesByThePace(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	packages := map[string]bool{}
	for i := range 100 {
		packages[strconv.Itoa(i)] = i >= 50 // half of them are in the build cache
	}
	tally := newTally(packages, begun)
	require.Equal(t, Progress{Done: 50, Total: 100}, tally.progress)

	now := begun
	for i := range minSample {
		now = now.Add(time.Second)
		require.True(t, tally.compiling(strconv.Itoa(50+i), now))
	}
	require.Equal(t, Progress{Done: 70, Total: 100, Left: 30 * time.Second}, tally.progress)

	require.False(t, tally.compiling("50", now), "the same package twice")
	require.False(t, tally.compiling("1", now), "a package that was in the cache")
	require.False(t, tally.compiling("go: something", now), "another line")
}
