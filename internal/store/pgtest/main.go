package pgtest

import (
	"context"
	"fmt"
	neturl "net/url"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// one is the server of the test binary, with a database for those who want only a schema.
var one struct {
	sync.Mutex
	server   *Server
	database fleet.Secret
	err      error
}

// Main runs the tests of a binary and stops the server if one of them has asked for it.
// It gives the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	one.Lock()
	defer one.Unlock()
	if one.server == nil {
		return code
	}
	if err := one.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL: PostgreSQL, at its end:", err)
		return 1
	}
	return code
}

// Shared is the server of the test binary, whose TestMain is Main.
func Shared(t testing.TB) *Server {
	t.Helper()
	one.Lock()
	defer one.Unlock()
	if one.server == nil && one.err == nil {
		one.server, one.err = Start(context.Background())
		if one.err == nil {
			one.database, one.err = one.server.Database(context.Background())
		}
	}
	require.NoError(t, one.err)
	return one.server
}

// Database is an empty database of the binary's server, dropped with the test.
func Database(t testing.TB) fleet.Secret {
	t.Helper()
	s := Shared(t)
	at, err := s.Database(context.Background())
	require.NoError(t, err)
	u, err := neturl.Parse(at.Reveal())
	require.NoError(t, err)
	t.Cleanup(func() { s.drop(t, "postgres", "DATABASE "+u.Path[1:]+" WITH (FORCE)") })
	return at
}

// Schema is a database of the binary's server with a schema for this test alone, which
// does not exist yet: the URL names it. It is dropped with the test, and much sooner made
// than a database.
func Schema(t testing.TB) fleet.Secret {
	t.Helper()
	s := Shared(t)
	u, err := neturl.Parse(one.database.Reveal())
	require.NoError(t, err)
	name := fmt.Sprintf("s%d", s.names.Add(1))
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	t.Cleanup(func() { s.drop(t, u.Path[1:], "SCHEMA IF EXISTS "+name+" CASCADE") })
	return fleet.Secret(u.String())
}

// drop drops what a test has made. The test's own context has ended.
func (s *Server) drop(t testing.TB, database, what string) {
	t.Helper()
	_, err := s.psql(context.Background(), database, "DROP "+what)
	require.NoError(t, err)
}

func url(user, password, host, database string) fleet.Secret {
	u := neturl.URL{
		Scheme: "postgres", User: neturl.UserPassword(user, password), Path: "/" + database,
		RawQuery: neturl.Values{"host": {host}, "port": {port}}.Encode(),
	}
	return fleet.Secret(u.String())
}
