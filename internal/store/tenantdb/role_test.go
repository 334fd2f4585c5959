package tenantdb_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// asTenant connects with a tenant's own credentials, as a thief of them would.
func asTenant(t *testing.T, o tenantdb.Options, id fleet.TenantID) (*sql.DB, string) {
	t.Helper()
	role, err := tenantdb.Role(o.Fleet, id)
	require.NoError(t, err)
	u, err := url.Parse(o.Postgres.Reveal())
	require.NoError(t, err)
	u.User = url.UserPassword(role, tenantdb.Password(o.Secret, role).Reveal())
	q := u.Query()
	q.Del("search_path")
	u.RawQuery = q.Encode()
	db, err := sql.Open("pgx", u.String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, role
}

// crawled is a store with a crawl in each of two tenants.
func crawled(t *testing.T, o tenantdb.Options) *tenantdb.Store {
	t.Helper()
	s := open(t, o)
	for _, id := range []fleet.TenantID{"acme", "other"} {
		require.NoError(t, s.Create(t.Context(), id))
		require.NoError(t, s.Create(t.Context(), id), "may be repeated")
		require.NoError(t, s.Raise(t.Context(), id, "t", 1))
	}
	return s
}

func TestRole_ReadsItsOwnRowsAndNobodyElses(t *testing.T) {
	t.Parallel()
	o := onDatabase(pgtest.Database(t), time.Now)
	crawled(t, o)
	db, _ := asTenant(t, o, "acme")
	var n int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM crawls`).Scan(&n))
	require.Equal(t, 1, n)

	other, err := tenantdb.Role(o.Fleet, "other")
	require.NoError(t, err)
	for _, refused := range []string{
		`SELECT count(*) FROM "%s".crawls`, `SELECT count(*) FROM "%s".pages`,
		`UPDATE "%s".crawls SET fence = 9`, `DELETE FROM "%s".crawls`, `DROP SCHEMA "%s" CASCADE`,
		`DO $$ BEGIN LOCK TABLE "%s".writer; END $$`, `CREATE TABLE "%s".mine (n BIGINT)`, `SET ROLE "%s"`,
		`GRANT "%s" TO CURRENT_USER`, `ALTER ROLE "%s" PASSWORD 'x'`,
	} {
		_, err := db.Exec(fmt.Sprintf(refused, other))
		require.Regexp(t, "permission denied|must (be|have)|not permitted", err, refused)
	}
	for _, refused := range []string{
		`CREATE ROLE thief`, `CREATE SCHEMA mine`, `SET ROLE fleet`,
		`SELECT rolpassword FROM pg_authid`,
	} {
		_, err := db.Exec(refused)
		require.ErrorContains(t, err, "permission denied", refused)
	}
}

func TestRole_HasALimitOfConnections(t *testing.T) {
	t.Parallel()
	o := onDatabase(pgtest.Database(t), time.Now)
	s := open(t, o)
	require.NoError(t, s.Create(t.Context(), "acme"))
	require.NoError(t, s.Shutdown())
	db, _ := asTenant(t, o, "acme")
	for range tenantdb.RoleConnections {
		c, err := db.Conn(t.Context())
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
	}
	_, err := db.Conn(t.Context())
	require.ErrorContains(t, err, "too many connections for role")
}

func TestRole_IsGoneWithItsTenantWhoeverIsConnected(t *testing.T) {
	t.Parallel()
	o := onDatabase(pgtest.Database(t), time.Now)
	s := crawled(t, o)
	db, role := asTenant(t, o, "acme")
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = c.ExecContext(t.Context(), `BEGIN; SELECT * FROM crawls`) // it holds a lock
	require.NoError(t, err)

	require.NoError(t, s.Destroy(t.Context(), "acme"))
	require.NoError(t, s.Destroy(t.Context(), "acme"), "may be repeated")
	_, err = c.ExecContext(t.Context(), `SELECT 1`)
	require.Error(t, err)
	survivor, _ := asTenant(t, o, "other")
	for _, query := range []string{
		`SELECT count(*) FROM pg_roles WHERE rolname = $1`,
		`SELECT count(*) FROM pg_namespace WHERE nspname = $1`,
	} {
		var n int
		require.NoError(t, survivor.QueryRow(query, role).Scan(&n))
		require.Zero(t, n, query)
	}
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(s.Raise(t.Context(), "acme", "t", 1)))
	require.NoError(t, s.Raise(t.Context(), "other", "t", 2))
}

// The server's log has every statement, the one that makes the role too.
func TestRole_PasswordIsNowhereInTheServersLog(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop()) }()
	require.NoError(t, server.LogStatements(t.Context()))
	at, err := server.Database(t.Context())
	require.NoError(t, err)
	o := onDatabase(at, time.Now)
	s, err := tenantdb.Open(o)
	require.NoError(t, err)
	require.NoError(t, s.Create(t.Context(), "acme"))
	require.NoError(t, s.Shutdown())
	role, err := tenantdb.Role(o.Fleet, "acme")
	require.NoError(t, err)
	log := server.Log() // a session writes its own statement before it runs it
	require.Contains(t, log, `CREATE ROLE "`+role)
	require.NotContains(t, log, tenantdb.Password(o.Secret, role).Reveal())
	require.NotContains(t, log, o.Secret.Reveal())
}

// A fleet that has lost its secret and made another serves its tenants all the same.
func TestRole_GetsTheNewSecretsPassword(t *testing.T) {
	t.Parallel()
	o := onDatabase(pgtest.Database(t), time.Now)
	require.NoError(t, crawled(t, o).Shutdown())
	o.Secret = "another"
	door := o
	door.ReadOnly = true
	r := open(t, door)
	_, err := r.Pages(t.Context(), "acme", "t", 0, 1)
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	s := open(t, o)
	require.NoError(t, s.Raise(t.Context(), "acme", "t", 2))
}

func TestRole_NameFitsOrIsRefused(t *testing.T) {
	t.Parallel()
	longest := fleet.TenantID("a23456789012345678901234567890-2")
	require.NoError(t, longest.Validate())
	name, err := tenantdb.Role("f-0123456789ab", longest)
	require.NoError(t, err)
	require.LessOrEqual(t, len(name), 63)
	_, err = tenantdb.Role("f-0123456789abcdef0123", longest)
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
}

// More tenants at a time than a server has connections for one each.
func TestRole_ManyTenantsAtATime(t *testing.T) {
	t.Parallel()
	o := onDatabase(pgtest.Database(t), time.Now)
	o.MaxOpen = 3
	s := open(t, o)
	const tenants = 8
	id := func(i int) fleet.TenantID { return fleet.TenantID(fmt.Sprint("t", i%tenants)) }
	for i := range tenants {
		require.NoError(t, s.Create(t.Context(), id(i)))
	}
	errs := make(chan error)
	const calls = 64
	for i := range calls {
		go func() { errs <- s.Raise(context.Background(), id(i), "t", int64(i)) }()
	}
	for range calls {
		require.NoError(t, <-errs)
	}
}
