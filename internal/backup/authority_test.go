package backup_test

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/gateway"
)

// TestRestore_CrawlersOfTheOriginalTrustTheRestoredGateway: who was given the authority of
// the original takes the certificates that the restored fleet's gateway makes.
func TestRestore_CrawlersOfTheOriginalTrustTheRestoredGateway(t *testing.T) {
	t.Parallel()
	d := newFleet(t)
	text, err := d.Kept(config.AuthorityFile, func() ([]byte, error) {
		return gateway.NewAuthority(d.Stamp.Fleet, time.Now())
	})
	require.NoError(t, err)
	original, err := gateway.ReadAuthority(text)
	require.NoError(t, err)
	given := x509.NewCertPool()
	require.True(t, given.AppendCertsFromPEM(original.PEM()))

	archive := filepath.Join(t.TempDir(), "archive.tar.gz")
	_, err = backup.Create(t.Context(), d, archive)
	require.NoError(t, err)
	kept := filepath.Join(restored(t, archive), config.AuthorityFile)
	info, err := os.Stat(kept)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "its key signs certificates")
	text, err = os.ReadFile(kept)
	require.NoError(t, err)
	authority, err := gateway.ReadAuthority(text)
	require.NoError(t, err)
	cert, err := gateway.Issued(authority, []string{"gateway.example.com"}).Get(nil)
	require.NoError(t, err)
	_, err = cert.Leaf.Verify(x509.VerifyOptions{DNSName: "gateway.example.com", Roots: given})
	require.NoError(t, err)
}

// TestRestore_TakesAnArchiveOfTheFirstForm: there no authority is in it, as in one of a fleet
// that has no gateway.
func TestRestore_TakesAnArchiveOfTheFirstForm(t *testing.T) {
	t.Parallel()
	_, archive := archived(t)
	files := unpacked(t, archive)
	var m backup.Manifest
	require.NoError(t, json.Unmarshal(files[0].body, &m))
	require.Equal(t, backup.FormatVersion, m.Format)
	m.Format = 1
	head, err := json.Marshal(m)
	require.NoError(t, err)
	files[0].body, files[0].header.Size = head, int64(len(head))
	first := filepath.Join(t.TempDir(), "first.tar.gz")
	require.NoError(t, os.WriteFile(first, packed(t, files), 0o600))
	require.NoFileExists(t, filepath.Join(restored(t, first), config.AuthorityFile))
}
