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

// one is the server of the test binary.
var one struct {
	sync.Mutex
	server *Server
	err    error
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
	t.Cleanup(func() {
		u, err := neturl.Parse(at.Reveal())
		if err == nil {
			_, err = s.psql(context.Background(), "postgres", "DROP DATABASE "+u.Path[1:]+" WITH (FORCE)")
		}
		require.NoError(t, err)
	})
	return at
}

func url(user, password, host, database string) fleet.Secret {
	u := neturl.URL{
		Scheme: "postgres", User: neturl.UserPassword(user, password), Path: "/" + database,
		RawQuery: neturl.Values{"host": {host}, "port": {port}}.Encode(),
	}
	return fleet.Secret(u.String())
}
