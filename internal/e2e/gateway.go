package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

// Maker makes what this fleet's gateway and control worker take for their own: with it a
// test has what a thief has.
func (f *Fleet) Maker(t testing.TB) credential.Maker {
	t.Helper()
	dir, err := config.LookDir(f.DataDir())
	require.NoError(t, err)
	secret, err := dir.Secret()
	require.NoError(t, err)
	return credential.Maker{Fleet: dir.Stamp.Fleet, Secret: secret}
}

// Visitor is somebody at the gateway who shows a credential, at Temporal's interface and at
// the gateway's own.
type Visitor struct {
	t      testing.TB
	url    string
	bearer fleet.Secret
	conn   *grpc.ClientConn
	http   *http.Client
}

// Visit comes to the gateway with a credential.
func (f *Fleet) Visit(t testing.TB, bearer fleet.Secret) *Visitor {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.DataDir(), "gateway-ca.pem"))
	require.NoError(t, err)
	ca, _ := pem.Decode(text) // the key follows it
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem.EncodeToMemory(ca)))
	settings := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
	conn, err := grpc.NewClient(f.Gateway, grpc.WithTransportCredentials(credentials.NewTLS(settings)))
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: settings.Clone(), ForceAttemptHTTP2: true}
	t.Cleanup(func() { _ = conn.Close(); transport.CloseIdleConnections() })
	return &Visitor{
		t: t, url: "https://" + f.Gateway, bearer: bearer, conn: conn, http: &http.Client{Transport: transport},
	}
}

// call makes one call on Temporal.
func (v *Visitor) call(ctx context.Context, method string, request, answer any) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+v.bearer.Reveal())
	return v.conn.Invoke(ctx, method, request, answer)
}

// post makes one call on the gateway's own interface, or the data plane's, and gives the
// status with the error that came, if one did.
func (v *Visitor) post(path string, request, answer any, headers ...string) (int, fleet.Error) {
	v.t.Helper()
	body, err := json.Marshal(request)
	require.NoError(v.t, err)
	return v.send(path, bytes.NewReader(body), answer, headers...)
}

func (v *Visitor) send(path string, body io.Reader, answer any, headers ...string) (int, fleet.Error) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, body)
	require.NoError(v.t, err)
	r.Header.Set("Authorization", "Bearer "+v.bearer.Reveal())
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := v.http.Do(r)
	require.NoError(v.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(v.t, err)
	var e fleet.Error
	if res.StatusCode != http.StatusOK {
		require.NoError(v.t, json.Unmarshal(text, &e), "%s", text)
	} else if answer != nil {
		require.NoError(v.t, json.Unmarshal(text, answer), "%s", text)
	}
	return res.StatusCode, e
}

// GatewayCounts reads a metric of the gateway by the value of its one label.
func (f *Fleet) GatewayCounts(t testing.TB, metric, label string) map[string]int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+f.GatewayHealth+"/metrics", http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	out := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var value float64
		rest, ok := strings.CutPrefix(line, metric+"{"+label+"=\"")
		if !ok {
			continue
		}
		name, number, _ := strings.Cut(rest, "\"} ")
		_, err := fmt.Sscan(number, &value)
		require.NoError(t, err, line)
		out[name] = int(value)
	}
	return out
}
