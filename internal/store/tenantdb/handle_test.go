package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

func openStore(t *testing.T, dir string, maxOpen int) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, MaxOpen: maxOpen})
	require.NoError(t, err)
	return s
}

func tenantN(i int) fleet.TenantID { return fleet.TenantID(fmt.Sprintf("tenant-%d", i)) }

func TestHandles_StayUnderTheirBound(t *testing.T) {
	t.Parallel()
	const tenants, limit = 6, 2
	s := openStore(t, t.TempDir(), limit)
	for i := range tenants {
		require.NoError(t, s.Create(t.Context(), tenantN(i)))
		require.LessOrEqual(t, len(s.handles.byID), limit)
	}
	var wg sync.WaitGroup
	var failed atomic.Value
	for worker := range 4 {
		wg.Go(func() {
			for i := range 30 {
				id := tenantN((worker + i) % tenants)
				if err := s.Raise(t.Context(), id, "t", int64(worker*100+i)); err != nil {
					failed.Store(err)
				}
			}
		})
	}
	wg.Wait()
	require.Nil(t, failed.Load())
	require.LessOrEqual(t, len(s.handles.byID), limit)
	require.NoError(t, s.Shutdown())
}

func TestHandles_NeverCloseOneInUse(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir(), 1)
	for i := range 3 {
		require.NoError(t, s.Create(t.Context(), tenantN(i)))
	}
	err := s.with(t.Context(), tenantN(0), func(first *store.DB) error {
		for i := 1; i < 3; i++ {
			if err := s.Raise(t.Context(), tenantN(i), "t", 1); err != nil {
				return err
			}
		}
		return first.Write(t.Context(), func(tx *store.Tx) error {
			_, err := findOrMake(tx, "t")
			return err
		})
	})
	require.NoError(t, err)
	require.Len(t, s.handles.byID, 1)
	require.NoError(t, s.Shutdown())
}

func TestStore_DestroyWaitsForRunningCalls(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir(), 1)
	require.NoError(t, s.Create(t.Context(), "acme"))
	destroyed := make(chan error, 1)
	err := s.write(t.Context(), "acme", func(tx *store.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, s.Destroy(ctx, "acme"), context.Canceled, "its patience ends with its context")
		go func() { destroyed <- s.Destroy(context.WithoutCancel(t.Context()), "acme") }()
		require.Eventually(t, func() bool {
			s.handles.mu.Lock()
			defer s.handles.mu.Unlock()
			return s.handles.barred["acme"] == 1
		}, 20*time.Second, time.Millisecond)
		require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(s.Raise(t.Context(), "acme", "t", 1)))
		require.Empty(t, destroyed)
		_, err := findOrMake(tx, "t")
		return err
	})
	require.NoError(t, err)
	require.NoError(t, <-destroyed)
	require.NoDirExists(t, s.home.(*files).dir+"/acme")
	require.NoError(t, s.Create(t.Context(), "acme"))
	require.NoError(t, s.Shutdown())
}

func TestStore_ShutdownRefusesWhatComesLater(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir(), 0)
	require.NoError(t, s.Create(t.Context(), "acme"))
	require.NoError(t, s.Shutdown())
	require.NoError(t, s.Shutdown(), "may be repeated")
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(s.Raise(t.Context(), "acme", "t", 1)))
}

func TestStore_RemembersOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for epoch := int64(1); epoch <= 3; epoch++ {
		s := openStore(t, dir, 0)
		require.NoError(t, s.Create(t.Context(), "acme"))
		if epoch > 1 {
			require.Equal(t, fleet.CodeFenced, fleet.CodeOf(claimAt(t, s, epoch-2)))
		}
		require.NoError(t, claimAt(t, s, epoch))
		require.NoError(t, s.Shutdown())
	}
}

func claimAt(t *testing.T, s *Store, epoch int64) error {
	t.Helper()
	depth := 1
	_, err := s.Claim(t.Context(), fleet.ClaimRequest{Tenant: "acme", Ticket: "t", Epoch: epoch},
		fleet.TicketInput{Scope: fleet.Scope{MaxPages: 1, MaxDepth: &depth}})
	return err
}

// A failed opening is its caller's: whoever waited for it tries again.
func TestHandles_RetryAnothersFailure(t *testing.T) {
	t.Parallel()
	entered, fail := make(chan struct{}), make(chan struct{})
	var tries atomic.Int64
	p := newHandles(1, func(ctx context.Context, _ fleet.TenantID) (*store.DB, error) {
		if tries.Add(1) == 1 {
			close(entered)
			<-fail
			return nil, errors.New("no such file")
		}
		return store.OpenSQLite(t.TempDir()+"/data.db", false)
	})
	first, second := make(chan error, 1), make(chan error, 1)
	try := func(c chan error) {
		h, err := p.acquire(context.WithoutCancel(t.Context()), "acme")
		if err == nil {
			p.release(h)
		}
		c <- err
	}
	go try(first)
	<-entered
	go try(second)
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.byID["acme"].users == 2
	}, 20*time.Second, time.Millisecond)
	close(fail)
	require.Error(t, <-first)
	require.NoError(t, <-second)
	require.NoError(t, p.closeAll())
}

// What a crawl of a million URLs does a thousand times a second must not read them all.
func TestQueries_UseTheirIndex(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir(), 0)
	require.NoError(t, s.Create(t.Context(), "acme"))
	const covered = "USING COVERING INDEX frontier_open"
	for query, want := range map[string]string{
		`SELECT id FROM frontier WHERE crawl = 1 AND state = 'queued' AND host = 2 AND depth <= 9
 AND not_before <= 5 ORDER BY depth, not_before, id LIMIT 8`: covered,
		`SELECT f.depth FROM frontier f WHERE f.crawl = 1 AND f.state = 'queued' AND f.host = 2
 ORDER BY f.depth LIMIT 1`: covered,
		`SELECT min(depth) FROM frontier WHERE crawl = 1 AND state = 'inflight'`: covered,
		`SELECT h.id, h.queued, h.inflight FROM hosts h
 WHERE h.crawl = 1 AND h.queued > 0 AND h.inflight < 9 AND EXISTS (SELECT 1 FROM frontier f
  WHERE f.crawl = h.crawl AND f.state = 'queued' AND f.host = h.id AND f.depth <= 9 AND f.not_before <= 5)
 ORDER BY h.inflight, h.id LIMIT 8`: "INDEX hosts_open",
		`UPDATE frontier SET state = 'queued' WHERE crawl = 1 AND state = 'inflight'`:   "INDEX frontier_open",
		`SELECT seq FROM pages WHERE crawl = 1 AND seq > 5 ORDER BY seq LIMIT 5`:        "INDEX sqlite_autoindex_pages_1",
		`SELECT id FROM frontier WHERE crawl = 1 AND key = x'00'`:                       "INDEX sqlite_autoindex_frontier_1",
		`SELECT key FROM frontier WHERE crawl = 1 AND key > x'00' ORDER BY key LIMIT 9`: "INDEX sqlite_autoindex_frontier_1",
	} {
		plan := ""
		require.NoError(t, s.read(t.Context(), "acme", func(tx *store.Tx) error {
			rows, err := tx.Query("EXPLAIN QUERY PLAN " + query)
			if err != nil {
				return err
			}
			for rows.Next() {
				var a, b, c int
				var detail string
				if err := rows.Scan(&a, &b, &c, &detail); err != nil {
					return err
				}
				plan += detail + "\n"
			}
			return errors.Join(rows.Err(), rows.Close())
		}))
		require.Contains(t, plan, want, query)
		require.NotContains(t, plan, "TEMP B-TREE", query)
		require.NotContains(t, plan, "SCAN", query)
	}
	require.NoError(t, s.Shutdown())
}
