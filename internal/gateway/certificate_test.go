package gateway_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/gateway"
)

func authority(t *testing.T) *gateway.Authority {
	t.Helper()
	text, err := gateway.NewAuthority("f-1", time.Now())
	require.NoError(t, err)
	a, err := gateway.ReadAuthority(text)
	require.NoError(t, err)
	require.NotContains(t, string(a.PEM()), "PRIVATE")
	return a
}

func TestCertificates_AreForTheNames(t *testing.T) {
	t.Parallel()
	a := authority(t)
	names, err := gateway.Names("0.0.0.0:8237", "gateway.example.com", "10.0.0.5")
	require.NoError(t, err)
	certs := gateway.Issued(a, names)
	cert, err := certs.Get(nil)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(a.PEM()))
	for _, name := range []string{"localhost", "127.0.0.1", "gateway.example.com", "10.0.0.5"} {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool})
		require.NoError(t, err, name)
	}
	_, err = cert.Leaf.Verify(x509.VerifyOptions{DNSName: "other.example.com", Roots: pool})
	require.Error(t, err)
	_, err = cert.Leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: pool, CurrentTime: time.Now().Add(31 * 24 * time.Hour)})
	require.Error(t, err, "it ends")
	again, err := certs.Get(nil)
	require.NoError(t, err)
	require.Same(t, cert, again, "a handshake makes none")

	strange := x509.NewCertPool()
	require.True(t, strange.AppendCertsFromPEM(authority(t).PEM()))
	_, err = cert.Leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: strange})
	require.Error(t, err, "another fleet's authority")
}

func TestCertificates_FromFilesOfTheOperator(t *testing.T) {
	t.Parallel()
	_, err := gateway.FromFiles("/none", "/none").Get(nil)
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	text, err := gateway.NewAuthority("f-1", time.Now()) // a certificate and a key as any other
	require.NoError(t, err)
	cert, key := pem.Decode(text)
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(cert), 0o600))
	require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	got, err := gateway.FromFiles(certFile, keyFile).Get(nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(cert.Bytes, got.Certificate[0]))
}

func TestReadAuthority_RefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	one, err := gateway.NewAuthority("f-1", time.Now())
	require.NoError(t, err)
	other, err := gateway.NewAuthority("f-1", time.Now())
	require.NoError(t, err)
	cert, _ := pem.Decode(one)
	_, key := pem.Decode(other)
	for name, text := range map[string][]byte{
		"empty": nil, "words": []byte("trust me"), "without a key": pem.EncodeToMemory(cert),
		"another's key": append(pem.EncodeToMemory(cert), key...),
	} {
		_, err := gateway.ReadAuthority(text)
		require.Error(t, err, name)
	}
}
