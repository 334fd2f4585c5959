package urlkey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
)

func TestPort(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"http://a.test/": "80", "https://a.test/": "443", "https://a.test:443/x": "443", "http://a.test:443/": "443",
		"http://a.test:8080?q:1": "8080", "http://[::1]/": "80", "https://[::1]:8443/": "8443",
	} {
		u, err := urlkey.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, want, u.Port(), raw)
	}
}
