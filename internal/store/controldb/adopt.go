package controldb

import (
	"context"
	"errors"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// SchemaVersion is the schema that this program reads and writes.
func SchemaVersion() int { return store.Newest(migrations) }

// Adopt gives the store of a fleet that does not run to another fleet, and answers the
// crawlers that the former one had launched and not seen the end of. The store may be of
// an older schema; it is not migrated.
func Adopt(ctx context.Context, path string, id fleet.FleetID) (left []fleet.Instance, err error) {
	db, err := store.OpenSQLite(path, false)
	if err != nil {
		return nil, fmt.Errorf("adopt control store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE fleet SET id = ?`, id)
		if err != nil || n == 0 { // one that no worker has opened has no crawlers either
			return err
		}
		rows, err := tx.Query(`SELECT tenant, guid, offering, address, launched_at FROM crawlers
			WHERE state <> 'gone' AND launched_at > 0 ORDER BY seq`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // its errors are those of Err
		for rows.Next() {
			i := fleet.Instance{Key: fleet.Key{Fleet: id}}
			var launched int64
			if err := rows.Scan(&i.Tenant, &i.GUID, &i.Offering, &i.Address, &launched); err != nil {
				return err
			}
			i.CreatedAt = store.Moment(launched)
			left = append(left, i)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("adopt control store: %w", err)
	}
	return left, nil
}
