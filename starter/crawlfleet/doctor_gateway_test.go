package main

import (
	"crypto/tls"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/gateway"
)

// door is a TLS listener with certificates of an authority, and the fleet beside it.
type door struct {
	dir     *config.Dir
	address string
}

// newDoor has a fleet's authority (another's, where foreign) sign for some names.
func newDoor(t *testing.T, foreign bool, names ...string) door {
	t.Helper()
	d := fleetThatIsDown(t)
	held, err := config.OpenDir(d.Path, thisRelease(), at)
	require.NoError(t, err)
	a, err := authority(held)
	require.NoError(t, err)
	require.NoError(t, held.Close())
	if foreign {
		text, err := gateway.NewAuthority("other", time.Now())
		require.NoError(t, err)
		a, err = gateway.ReadAuthority(text)
		require.NoError(t, err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: gateway.Issued(a, names).Get,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if c, ok := c.(*tls.Conn); ok {
				_ = c.Handshake() // how it ends, the doctor says
			}
			_ = c.Close()
		}
	}()
	return door{dir: d, address: l.Addr().String()}
}

func TestDoctor_LooksAtTheGatewayAsACrawlerDoes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		foreign bool
		names   []string
		environ func(d door) []string
		check   string
		state   health
		says    string
		typed   string
	}{
		"as it should be": {
			names: []string{"127.0.0.1"}, check: "gateway", state: healthOK, says: "answers at https://127.0.0.1:",
		},
		"a name that is not in the certificate": {
			names: []string{"gateway.example.com"}, check: "gateway", state: healthFail, says: "127.0.0.1",
			typed: "--gateway-names 127.0.0.1",
		},
		"another fleet's": {
			foreign: true, names: []string{"127.0.0.1"}, check: "gateway", state: healthFail,
			says: "no certificate of this fleet's authority", typed: "openssl s_client",
		},
		"nobody there, and the fleet is down": {
			names:   []string{"127.0.0.1"},
			environ: func(door) []string { return []string{"CRAWLFLEET_GATEWAY_URL=https://127.0.0.1:1"} },
			check:   "gateway", state: healthWarn, says: "nobody answers", typed: "crawlfleet dev",
		},
		"files that are not there": {
			names: []string{"127.0.0.1"},
			environ: func(door) []string {
				return []string{"CRAWLFLEET_GATEWAY_CERT=/none.pem", "CRAWLFLEET_GATEWAY_KEY=/none.key"}
			},
			check: "gateway certificate", state: healthFail, says: "/none.pem", typed: "gateway.cert",
		},
		"the operator's own, for another name": {
			names: []string{"127.0.0.1"},
			environ: func(d door) []string {
				own := filepath.Join(d.dir.Path, config.AuthorityFile) // a certificate and a key as any other
				return []string{"CRAWLFLEET_GATEWAY_CERT=" + own, "CRAWLFLEET_GATEWAY_KEY=" + own}
			},
			check: "gateway certificate", state: healthFail, says: "127.0.0.1", typed: "openssl x509",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t, tc.foreign, tc.names...)
			environ := []string{"CRAWLFLEET_GATEWAY_URL=https://" + d.address}
			if tc.environ != nil {
				environ = append(environ, tc.environ(d)...)
			}
			got, code := examined(t, d.dir.Path, environ...)
			require.NotEmpty(t, got[tc.check], "%+v", got)
			v := got[tc.check][0]
			require.Equal(t, tc.state, v.State, "%+v", v)
			require.Contains(t, v.Says, tc.says)
			require.Contains(t, v.Type, tc.typed)
			require.Equal(t, tc.state == healthFail, code == exitError, "exit %d: %+v", code, got)
		})
	}
}

func TestDoctor_OfAGatewayThatHasNoAuthorityYet(t *testing.T) {
	t.Parallel()
	d := fleetThatIsDown(t)
	got, code := examined(t, d.Path, "CRAWLFLEET_GATEWAY_URL=https://gateway.example.com:8237")
	require.Zero(t, code)
	require.Equal(t, healthWarn, got["gateway certificate"][0].State)
	require.Empty(t, got["gateway"], "there is nothing to trust it by")
}

// What the fleet is configured to launch crawlers on is asked, and nothing else.
func TestDoctor_AsksTheSubstratesThatAreConfigured(t *testing.T) {
	t.Parallel()
	d := fleetThatIsDown(t)
	got, code := examined(t, d.Path)
	require.Zero(t, code)
	require.Empty(t, got["docker engine"])
	require.Empty(t, got["nomad agent"])

	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := l.Addr().String()
	require.NoError(t, l.Close())
	got, code = examined(t, d.Path, "CRAWLFLEET_PROVIDERS=docker,nomad",
		"CRAWLFLEET_DOCKER_HOST=unix:///none/docker.sock", "CRAWLFLEET_NOMAD_ADDRESS=http://"+nobody)
	require.Equal(t, exitError, code)
	require.Equal(t, healthFail, got["docker engine"][0].State)
	require.Contains(t, got["docker engine"][0].Type, "docker --host unix:///none/docker.sock version")
	require.Equal(t, healthFail, got["nomad agent"][0].State)
	require.Contains(t, got["nomad agent"][0].Type, "curl http://"+nobody)
}
