package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestReadCookies(t *testing.T) {
	t.Parallel()
	at := time.Unix(2000000000, 0).UTC()
	want := []fleet.Cookie{
		{URL: "https://shop.test/", Name: "login", Value: "a=b", Path: "/", Domain: "shop.test", Secure: true, HTTPOnly: true, Expires: at},
		{URL: "http://www.shop.test/", Name: "seen", Value: "", Path: "/x"},
	}
	for name, text := range map[string]string{
		"cookies.txt": "# Netscape HTTP Cookie File\n\n#HttpOnly_.shop.test\tTRUE\t/\tTRUE\t2000000000\tlogin\ta=b\r\n" +
			"www.shop.test\tFALSE\t/x\tFALSE\t0\tseen\t\n",
		"JSON": ` [{"name":"login","value":"a=b","domain":".shop.test","path":"/","secure":true,"httpOnly":true,"expirationDate":2000000000.5},
			{"name":"seen","value":"","domain":"www.shop.test","path":"/x","expires":-1}]`,
	} {
		got, err := readCookies([]byte(text))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for _, bad := range []string{"", "# nothing\n", "a\tb\n", "h\tTRUE\t/\tTRUE\tsoon\tn\tv\n", `[{"name":"x"}]`, "[{"} {
		_, err := readCookies([]byte(bad))
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), bad)
		require.NotContains(t, err.Error(), "a=b")
	}
}
