package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestNumbered_CountsPlaceholdersOnly(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`SELECT 1`:                          `SELECT 1`,
		`WHERE a = ? AND b = ?`:             `WHERE a = $1 AND b = $2`,
		`VALUES (?,?), (?, ?)`:              `VALUES ($1,$2), ($3, $4)`,
		`a = 'why?' AND b = ?`:              `a = 'why?' AND b = $1`,
		`a = 'it''s ?' AND "b?" = ?`:        `a = 'it''s ?' AND "b?" = $1`,
		"a = ? -- really?\nAND b = ?":       "a = $1 -- really?\nAND b = $2",
		`a = ? -- really?`:                  `a = $1 -- really?`,
		`a - ? - -b`:                        `a - $1 - -b`,
		`'never closed ?`:                   `'never closed ?`,
		`CASE ? WHEN 'x' THEN ? ELSE y END`: `CASE $1 WHEN 'x' THEN $2 ELSE y END`,
	} {
		require.Equal(t, want, numbered(query))
	}
}

func TestValues_AreWhatPostgresTakes(t *testing.T) {
	t.Parallel()
	require.Equal(t,
		[]any{nil, 1, int64(2), []byte("\x00\xff"), "a\uFFFDb\uFFFD", 1, 0, "acme", int32(7)},
		values([]any{nil, 1, int64(2), []byte("\x00\xff"), "a\x00b\xff", true, false, fleet.TenantID("acme"), int32(7)}))
}
