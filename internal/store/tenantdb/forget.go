package tenantdb

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// forgetAtOnce bounds the rows that one transaction removes: the crawlers of the tenant
// wait for the same writer.
const forgetAtOnce = 2000

// Forget removes a crawl with its pages and frontier, in steps: cut short, it goes on
// when it is called again. A tenant without a database has nothing to forget.
func (s *Store) Forget(ctx context.Context, t fleet.TenantID, id fleet.TicketID) error {
	for gone := false; !gone; {
		err := s.write(ctx, t, func(tx *store.Tx) (err error) {
			gone, err = forget(tx, id)
			return err
		})
		if fleet.CodeOf(err) == fleet.CodeNotFound {
			return nil
		}
		if err != nil {
			return fmt.Errorf("forget %s/%s: %w", t, id, err)
		}
	}
	return nil
}

// forget removes a part of a crawl and reports whether nothing is left of it.
func forget(tx *store.Tx, id fleet.TicketID) (bool, error) {
	c, found, err := find(tx, id)
	if err != nil || !found {
		return true, err
	}
	for _, query := range []string{ // pages first: they refer to the frontier
		`DELETE FROM pages WHERE frontier IN (SELECT frontier FROM pages WHERE crawl = ? LIMIT ?)`,
		`DELETE FROM frontier WHERE id IN (SELECT id FROM frontier WHERE crawl = ? LIMIT ?)`,
	} {
		n, err := tx.Exec(query, c.id, forgetAtOnce)
		if err != nil || n > 0 {
			return false, err
		}
	}
	for _, query := range []string{
		`DELETE FROM hosts WHERE crawl = ?`, `DELETE FROM clocks WHERE crawl = ?`,
		`DELETE FROM clock_waits WHERE crawl = ?`, `DELETE FROM patterns WHERE crawl = ?`,
	} {
		if _, err := tx.Exec(query, c.id); err != nil {
			return false, err
		}
	}
	_, err = tx.Exec(`DELETE FROM crawls WHERE id = ?`, c.id)
	return true, err
}

// ForgetSession removes what a session carries, unless a crawl of it is open.
func (s *Store) ForgetSession(ctx context.Context, t fleet.TenantID, key fleet.SessionKey) error {
	err := s.write(ctx, t, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM sessions WHERE name = ? AND NOT EXISTS (
 SELECT 1 FROM crawls c WHERE c.session = sessions.name AND c.state = 'running')`, string(key))
		return err
	})
	if err != nil && fleet.CodeOf(err) != fleet.CodeNotFound { // a tenant without a database
		return fmt.Errorf("forget session %s/%s: %w", t, key, err)
	}
	return nil
}

// Traces counts what is left of a tenant's database, by kind.
func (s *Store) Traces(ctx context.Context, t fleet.TenantID) (map[string]int64, error) {
	if err := t.Validate(); err != nil { // it becomes a path or a name
		return nil, err
	}
	found, err := s.home.traces(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("look for traces of %s: %w", t, err)
	}
	return found, nil
}
