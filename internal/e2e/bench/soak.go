package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// soakRow is the state of the programs after so many tickets.
type soakRow struct {
	Tickets    int     `json:"tickets"`
	Rate       float64 `json:"rate"` // tickets a second since the row before
	ServerMB   float64 `json:"serverMB"`
	ControlMB  float64 `json:"controlMB"`
	ServerFDs  int     `json:"serverFDs"`
	ControlFDs int     `json:"controlFDs"`
	ServerGo   float64 `json:"serverGoroutines"`
	ControlGo  float64 `json:"controlGoroutines"`
	// Bytes of each ticket since the row before, by database: Temporal's, the control
	// store's, the tenants'.
	Temporal float64 `json:"temporalBytes"`
	Control  float64 `json:"controlBytes"`
	Tenants  float64 `json:"tenantsBytes"`

	sizes [3]int64
}

const (
	soakRows     = 10
	soakInFlight = 32
	soakSlots    = 8
)

// soak sends n one-page tickets of many tenants through the fleet. Nothing is deleted
// meanwhile: retention is days, so that databases have to grow by the same for each ticket.
func (r *rig) soak(ctx context.Context, n, tenants int) ([]soakRow, error) {
	names := make([]fleet.TenantID, tenants)
	for i := range names {
		names[i] = fleet.TenantID(fmt.Sprintf("soak-%03d", i))
		plan := fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: soakSlots}
		if err := r.newTenant(ctx, names[i], plan); err != nil {
			return nil, err
		}
		if _, err := r.ticket(ctx, names[i]); err != nil {
			return nil, err // its crawler is there from now on
		}
	}
	rows := []soakRow{r.look(ctx, 0)}
	for at := range soakRows {
		count := n*(at+1)/soakRows - n*at/soakRows
		began := time.Now()
		if err := r.batch(ctx, names, count); err != nil {
			return rows, err
		}
		row := r.look(ctx, rows[at].Tickets+count)
		row.Rate = float64(count) / time.Since(began).Seconds()
		each := func(i int) float64 { return float64(row.sizes[i]-rows[at].sizes[i]) / float64(count) }
		row.Temporal, row.Control, row.Tenants = each(0), each(1), each(2)
		rows = append(rows, row)
	}
	for _, t := range names {
		if err := r.noCrawler(ctx, t); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func (r *rig) batch(ctx context.Context, names []fleet.TenantID, count int) error {
	var next atomic.Int64
	_, err := runFor(ctx, side{do: func(ctx context.Context) (string, error) {
		return r.ticket(ctx, names[int(next.Add(1))%len(names)])
	}}, soakInFlight, count)
	return err
}

// look reads the programs' state.
func (r *rig) look(ctx context.Context, tickets int) soakRow {
	server, control := r.fleet.Server.PID(), r.fleet.Worker.PID()
	return soakRow{
		Tickets: tickets, ServerMB: residentMB(server), ControlMB: residentMB(control),
		ServerFDs: openFiles(server), ControlFDs: openFiles(control),
		ServerGo:  gauge(ctx, r.fleet.ServerHealth, "go_goroutines"),
		ControlGo: gauge(ctx, r.fleet.Health, "go_goroutines"),
		sizes: [3]int64{
			bytesIn(ctx, filepath.Join(r.fleet.Dir, "temporal")),
			bytesIn(ctx, filepath.Join(r.fleet.DataDir(), "control.db")),
			bytesIn(ctx, filepath.Join(r.fleet.DataDir(), "tenants")),
		},
	}
}

// bytesIn is the size of a database, or of all databases below a directory, as their
// readers see it: what is committed and still in the write-ahead log counts, and what is
// left of that file's busiest time does not.
func bytesIn(ctx context.Context, path string) (sum int64) {
	_ = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".db" {
			return nil //nolint:nilerr // a file that has just gone has no size
		}
		if n, err := databaseBytes(ctx, path); err == nil {
			sum += n
		}
		return nil
	})
	return sum
}

func databaseBytes(ctx context.Context, path string) (int64, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }() // it was only read
	var pages, size int64
	err = errors.Join(
		db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages),
		db.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size))
	return pages * size, err
}

func openFiles(pid int) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	return len(entries)
}
