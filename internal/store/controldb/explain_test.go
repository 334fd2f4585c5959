package controldb

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
)

func TestMigrations_LeaveTheSameTablesInBothDialects(t *testing.T) {
	t.Parallel()
	files, err := fs.Sub(migrations, "migrations")
	require.NoError(t, err)
	pgtest.SameTables(t, files)
}

// Tickets, crawlers and decisions are kept for more than a year: what runs often
// must not read all of them.
func TestQueries_DoNotScanWhatIsKept(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{
		Path: filepath.Join(t.TempDir(), "control.db"), Clock: time.Now,
		NewGUID: func() fleet.GUID { return "" },
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for name, query := range map[string]string{
		"ticket": `SELECT ` + ticketFields + ` FROM tickets WHERE tenant = 'a' AND ticket = 'b'`,
		"entry":  entryQuery + `WHERE tenant = 'a' AND ticket = 'b'`,
		"unfinished": entryQuery + `WHERE state <> 'ended' AND (state = 'closing' OR seen_at <= 1)
			ORDER BY since, tenant, ticket`,
		"waiting":  waitingQuery,
		"crawlers": crawlerColumns + `WHERE tenant = 'a' AND state <> 'gone'`,
		"crawler":  crawlerColumns + `WHERE guid = 'a'`,
		"leaving":  `SELECT 1 FROM crawlers WHERE account = 'a' AND state <> 'gone' AND state IN ('draining', 'retired')`,
		"starved": `SELECT tenant, place, count(*), min(since) FROM tickets
			WHERE state = 'waiting' AND wait_code = 'capacity' AND tenant <> 'a' GROUP BY tenant, place`,
		"hopeful": `SELECT DISTINCT tenant FROM tickets WHERE state = 'waiting'
			AND (tenant = 'a' OR wait_code IN ('capacity', 'unplaced', 'session'))`,
		"drains":        drainsOfAll + ` ORDER BY tenant, guid`,
		"drains of one": drainsOfAll + ` AND tenant = 'a' ORDER BY tenant, guid`,
		"others":        crawlerColumns + `WHERE tenant <> 'a' AND state <> 'gone' AND proof = 0 ORDER BY idle_from, seq`,
		"expired": `SELECT tenant, ticket FROM tickets WHERE tenant = 'a'
			AND state = 'ended' AND forgotten = 0 AND ended_at <= 1 ORDER BY ended_at LIMIT 1`,
		"forgettable": crawlerColumns + `WHERE tenant = 'a' AND state = 'gone' AND purged = 0
			AND gone_at <= 1 AND booked = 1 ORDER BY gone_at LIMIT 1`,
		"undelivered": undeliveredQuery,
		"spent":       `SELECT currency, sum(amount) FROM ledger WHERE tenant = 'a' AND at >= 1 GROUP BY currency`,
		"room": `SELECT count(*) FROM tickets WHERE tenant = 'a' AND state = 'ended' AND forgotten = 0
			AND ended_at > 1`,
		"buried leases":    crawlerColumns + buriedLeases,
		"miscounted":       crawlerColumns + miscounted,
		"leaseless":        `SELECT ticket ` + leaseless,
		"stray deliveries": `SELECT id ` + strayDeliveries,
		"gauge":            `SELECT wait_code, count(*) FROM tickets WHERE state = 'waiting' GROUP BY wait_code`,
		"grants":           `SELECT tenant FROM leases WHERE tenant = 'a' AND granted = 1`,
		"session":          `SELECT count(*) FROM leases l WHERE l.tenant = 'a' AND l.session_key = 'b'`,
		"bill":             `SELECT l.guid, c.address FROM ledger l LEFT JOIN crawlers c ON c.guid = l.guid WHERE l.tenant = 'a' AND l.ticket = 'b'`,
	} {
		require.NoError(t, s.read(t.Context(), name, func(w *work) error {
			return w.each(`EXPLAIN QUERY PLAN `+query, make([]any, strings.Count(query, "?")), func(r *sql.Rows) error {
				var id, parent, unused int
				var detail string
				if err := r.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				scans := strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "USING")
				require.False(t, scans, "%s: %s", name, detail)
				return nil
			})
		}))
	}
}
