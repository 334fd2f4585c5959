package main

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

var metricName = regexp.MustCompile(`\bcrawlfleet_[a-z_]+[a-z]\b`)

// TestDocs_EveryMetricHasItsAlert: each figure is in an alert, and each alert's figure
// exists.
func TestDocs_EveryMetricHasItsAlert(t *testing.T) {
	t.Parallel()
	var named []string
	for _, name := range metricName.FindAllString(pages(t)["docs/operations.md"], -1) {
		if !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	require.ElementsMatch(t, telemetry.FleetMetrics(), named)
}
