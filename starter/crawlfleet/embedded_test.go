package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the Temporal server is given can be read in the process table for as long as it runs.
func TestEmbedded_TheTemporalServerIsGivenNoSecretOfTheFleet(t *testing.T) {
	t.Parallel()
	environ := []string{
		"HOME=/h", "CRAWLFLEET_STORE=postgres://u:s3cret@h/d", "CRAWLFLEET_CODEC_KEYS=k", "PGPASSWORD=s3cret",
		"GOMEMLIMIT=1GiB",
	}
	e := &embedded{environ: environ}
	require.Equal(t, []string{"HOME=/h", "GOMEMLIMIT=1GiB"}, e.serverEnv())
	require.Contains(t, e.childEnv(), environ[1], "the worker needs them")
}
