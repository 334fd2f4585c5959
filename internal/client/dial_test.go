package client

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func TestSDKOptions_TheSDKsConfigurationWins(t *testing.T) {
	t.Parallel()
	home := []string{"TEMPORAL_CONFIG_FILE=" + filepath.Join(t.TempDir(), "none.toml")}
	with := func(e ...string) []string { return append(home, e...) }
	for name, c := range map[string]struct {
		environ                []string
		address, namespace     string
		wantAddress, wantSpace string
		plainTransport         bool
	}{
		"nothing is set":        {home, "", "", "localhost:7233", "default", true},
		"the running fleet":     {home, "127.0.0.1:4000", "crawl", "127.0.0.1:4000", "crawl", true},
		"another server":        {with("TEMPORAL_ADDRESS=far.example:7233"), "127.0.0.1:4000", "crawl", "far.example:7233", "crawl", false},
		"another namespace too": {with("TEMPORAL_ADDRESS=[::1]:1", "TEMPORAL_NAMESPACE=n"), "127.0.0.1:4000", "crawl", "[::1]:1", "n", true},
	} {
		o, err := sdkOptions(Options{Environ: c.environ, Address: c.address, Namespace: c.namespace})
		require.NoError(t, err, name)
		require.Equal(t, c.wantAddress, o.HostPort, name)
		require.Equal(t, c.wantSpace, o.Namespace, name)
		_, plain := o.ConnectionOptions.GrpcCompression.(*client.GrpcCompressionNone)
		require.Equal(t, c.plainTransport, plain, name)
	}
}

func TestConfigured_FollowsEnvironmentAndFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte("[profile.default]\naddress = \"a:1\"\n"), 0o600))
	for name, c := range map[string]struct {
		environ []string
		want    bool
	}{
		"nothing":     {[]string{"TEMPORAL_CONFIG_FILE=/none"}, false},
		"environment": {[]string{"TEMPORAL_CONFIG_FILE=/none", "TEMPORAL_ADDRESS=a:1"}, true},
		"file":        {[]string{"TEMPORAL_CONFIG_FILE=" + file}, true},
	} {
		got, err := Configured(c.environ)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}
