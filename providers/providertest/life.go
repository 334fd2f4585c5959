package providertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (b *bench) stopTwice(t *testing.T) {
	i := b.launch(t, b.Spec(t, b.key()))
	options := fleet.StopOptions{Grace: Patience}
	require.NoError(t, b.provider.Stop(t.Context(), i.Key, options))
	// The second may come while it stops, or after.
	if err := b.provider.Stop(t.Context(), i.Key, options); err != nil {
		requireClass(t, fleet.ClassNotFound, err)
	}
	b.stopUntilGone(t, b.provider, i.Key, Patience)
	require.False(t, b.Runs(t, i))
	_, err := b.provider.Describe(t.Context(), i.Key)
	requireClass(t, fleet.ClassNotFound, err)
	require.Empty(t, b.all(t, b.Fleet))
}

// shortGrace is long enough that a first Stop does not kill, and short to wait for.
const shortGrace = 300 * time.Millisecond

func (b *bench) stopStubborn(t *testing.T) {
	if b.Stubborn == nil {
		return
	}
	i := b.launch(t, b.Stubborn(t, b.key()))
	require.NoError(t, b.provider.Stop(t.Context(), i.Key, fleet.StopOptions{Grace: shortGrace}))
	require.Equal(t, fleet.PhaseStopping, b.describe(t, b.provider, i.Key).Phase)
	require.True(t, b.Runs(t, i), "the grace is the crawler's")
	b.stopUntilGone(t, b.provider, i.Key, shortGrace)
	require.False(t, b.Runs(t, i))
}

func (b *bench) stopElsewhere(t *testing.T) {
	if b.Stubborn == nil {
		return
	}
	i := b.launch(t, b.Stubborn(t, b.key()))
	require.NoError(t, b.provider.Stop(t.Context(), i.Key, fleet.StopOptions{Grace: shortGrace}))
	// A long grace of a later Stop does not lengthen the first one's.
	b.stopUntilGone(t, b.Open(t), i.Key, time.Hour)
	require.False(t, b.Runs(t, i))
}

func (b *bench) unknown(t *testing.T) {
	k := b.key()
	_, err := b.provider.Describe(t.Context(), k)
	requireClass(t, fleet.ClassNotFound, err)
	requireClass(t, fleet.ClassNotFound, b.provider.Stop(t.Context(), k, fleet.StopOptions{}))
	require.Empty(t, b.all(t, b.Fleet))
}

func (b *bench) list(t *testing.T) {
	var keys []fleet.Key
	for range b.Capacity {
		i := b.launch(t, b.Spec(t, b.key()))
		keys = append(keys, i.Key)
	}
	ended := b.all(t, b.Fleet)[keys[0].GUID]
	b.Kill(t, ended)
	b.becomes(t, b.provider, ended.Key, fleet.PhaseExited)
	all := b.all(t, b.Fleet)
	require.Len(t, all, len(keys))
	for _, k := range keys {
		require.Equal(t, k, all[k.GUID].Key)
		require.Equal(t, b.describe(t, b.provider, k), all[k.GUID])
	}
	n := 0
	for range b.provider.List(t.Context(), fleet.Filter{Fleet: b.Fleet}) {
		n++
		break // a reader may leave
	}
	require.Equal(t, 1, n)
}

func (b *bench) foreign(t *testing.T) {
	k := b.key()
	k.Fleet = b.Foreign
	i := b.launch(t, b.Spec(t, k))
	require.Empty(t, b.all(t, b.Fleet))
	require.Len(t, b.all(t, b.Foreign), 1)
	mine := i.Key
	mine.Fleet = b.Fleet
	_, err := b.provider.Describe(t.Context(), mine)
	requireClass(t, fleet.ClassNotFound, err)
	requireClass(t, fleet.ClassNotFound, b.provider.Stop(t.Context(), mine, fleet.StopOptions{}))
	require.True(t, b.Runs(t, i))
}

func (b *bench) labels(t *testing.T) {
	i := b.launch(t, b.Spec(t, b.key()))
	require.Equal(t, i.Key, b.Labels(t, i))
}

func (b *bench) cancelled(t *testing.T) {
	i := b.launch(t, b.Spec(t, b.key()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := b.Spec(t, b.key())
	_, err := b.provider.Launch(ctx, s)
	requireClass(t, fleet.ClassRetryable, err)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, b.Starts(t, s.Key))
	_, err = b.provider.Describe(ctx, i.Key)
	requireClass(t, fleet.ClassRetryable, err)
	requireClass(t, fleet.ClassRetryable, b.provider.Stop(ctx, i.Key, fleet.StopOptions{}))
	require.True(t, b.Runs(t, i))
	var last error
	for _, last = range b.provider.List(ctx, fleet.Filter{Fleet: b.Fleet}) {
		continue
	}
	require.Error(t, last, "a list that is not complete ends with an error")
}

func (b *bench) crash(t *testing.T) {
	i := b.launch(t, b.Spec(t, b.key()))
	b.Kill(t, i)
	dead := b.becomes(t, b.provider, i.Key, fleet.PhaseExited)
	require.NotEmpty(t, dead.Reason)
	require.False(t, dead.EndedAt.IsZero())
	require.Equal(t, i.Address, dead.Address)
	require.Equal(t, dead, b.all(t, b.Fleet)[i.GUID], "an end is told in the same words for ever")
}

func (b *bench) watch(t *testing.T) {
	w, ok := b.provider.(fleet.Watcher)
	if !ok {
		return
	}
	adopted := b.launch(t, b.Spec(t, b.key())) // by the provider below: started by another
	other, ok := b.Open(t).(fleet.Watcher)
	require.True(t, ok)
	ctx, cancel := context.WithCancel(t.Context())
	own, err := w.Watch(ctx, fleet.Filter{Fleet: b.Fleet})
	require.NoError(t, err)
	theirs, err := other.Watch(ctx, fleet.Filter{Fleet: b.Fleet})
	require.NoError(t, err)
	foreign, err := w.Watch(ctx, fleet.Filter{Fleet: b.Foreign})
	require.NoError(t, err)

	b.Kill(t, adopted)
	for _, events := range []<-chan fleet.Event{own, theirs} {
		i := next(t, events).Instance
		require.Equal(t, adopted.Key, i.Key)
		require.Equal(t, fleet.PhaseExited, i.Phase)
	}
	cancel()
	closes(t, own)
	closes(t, theirs)
	require.Zero(t, closes(t, foreign), "another fleet hears of nothing")
}

func next(t *testing.T, events <-chan fleet.Event) fleet.Event {
	t.Helper()
	select {
	case e, ok := <-events:
		require.True(t, ok, "the events ended")
		return e
	case <-time.After(Patience):
		require.Fail(t, "no event")
		return fleet.Event{}
	}
}

// closes waits for the end of the events and counts those that come before: they are
// hints and may be repeated.
func closes(t *testing.T, events <-chan fleet.Event) (n int) {
	t.Helper()
	timeout := time.After(Patience)
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return n
			}
			n++
		case <-timeout:
			require.Fail(t, "the events did not end")
		}
	}
}

func (b *bench) adopt(t *testing.T) {
	i := b.launch(t, b.Spec(t, b.key()))
	next := b.Open(t)
	// A substrate may be behind the program, which runs already.
	seen := b.becomes(t, next, i.Key, fleet.PhaseRunning)
	require.Equal(t, i.ProviderID, seen.ProviderID)
	require.Equal(t, i.Address, seen.Address)
	b.stopUntilGone(t, next, i.Key, Patience)
	require.False(t, b.Runs(t, i))
	_, err := b.provider.Describe(t.Context(), i.Key)
	requireClass(t, fleet.ClassNotFound, err)
}
