package docker_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestLogs_FollowsACrawlerAndHasThemUntilThePurge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.open(t)
	i, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	var followed bytes.Buffer
	ended := make(chan error, 1)
	go func() { ended <- p.Logs(t.Context(), i.Key, &followed, true) }()
	gone(t, p, i.Key, providertest.Patience)
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(providertest.Patience):
		require.Fail(t, "the log of an ended crawler is still followed")
	}
	const all = "standing in\ntold to end\n"
	require.Equal(t, all, followed.String())

	var after bytes.Buffer
	require.NoError(t, p.Logs(t.Context(), i.Key, &after, false))
	require.Equal(t, all, after.String())
	other := i.Key
	other.Tenant = "other"
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Logs(t.Context(), other, io.Discard, false)))
	require.NoError(t, p.Purge(t.Context(), i.Key))
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Logs(t.Context(), i.Key, io.Discard, false)))
}

func TestTidy_RemovesWhatNobodyHasPurgedForLong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.open(t)
	f := fleet.Filter{Fleet: b.ours}
	runs, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	ended, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	b.kill(t, ended.ProviderID)
	exited(t, p, ended.Key)
	stopped, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	gone(t, p, stopped.Key, 0)
	require.NoError(t, p.Tidy(t.Context(), f, time.Now().Add(399*24*time.Hour)))
	require.Len(t, b.containers(t.Context(), t), 3)
	require.NoError(t, p.Tidy(t.Context(), f, time.Now().Add(401*24*time.Hour)))
	left := b.containers(t.Context(), t)
	require.Len(t, left, 2, "one that was not stopped has somebody who will")
	for _, c := range left {
		require.Contains(t, []string{runs.ProviderID, ended.ProviderID}, c.ID)
	}
}

func TestLogs_AreLeftByWhoReadsThem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.open(t)
	i, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- p.Logs(ctx, i.Key, write, true) }()
	first := make([]byte, 1)
	_, err := read.Read(first)
	require.NoError(t, err)
	cancel()
	require.NoError(t, read.Close())
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(providertest.Patience):
		require.Fail(t, "the log is still being read")
	}
}
