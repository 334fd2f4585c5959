package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestCrawler_IsFoundByThePartOfItsGUID(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "crawler", "drain", "5B8C6").code)
	require.Zero(t, runWith(t, program{helm: h}, "crawler", "drain", guidA.Short()).code)
	ref := fleet.CrawlerRef{Tenant: "demo", GUID: guidA}
	require.Equal(t, []fleet.CrawlerRef{ref, ref}, h.drained)
	require.Contains(t, runWith(t, program{helm: h}, "crawler", "drain", "5b8c").err, "fits 2 crawlers")
	require.Contains(t, runWith(t, program{helm: h}, "crawler", "drain", "ffff").err, "error [not_found]")
}
