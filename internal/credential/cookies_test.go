package credential_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

func TestCookies_AreGoodForOneSession(t *testing.T) {
	t.Parallel()
	state := fleet.SessionState{Version: 3, Cookies: []fleet.Cookie{
		{URL: "http://a.test/", Name: "login", Value: "s3cret", Path: "/"},
	}}
	sealed, err := maker.SealCookies("acme", "shop", state)
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "s3cret")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", state, state, state, state.Cookies[0].Value), "s3cret")
	again, err := maker.SealCookies("acme", "shop", state)
	require.NoError(t, err)
	require.NotEqual(t, sealed, again)
	got, err := maker.OpenCookies("acme", "shop", sealed)
	require.NoError(t, err)
	require.Equal(t, &state, got)

	for name, open := range map[string]func() (*fleet.SessionState, error){
		"another tenant":  func() (*fleet.SessionState, error) { return maker.OpenCookies("other", "shop", sealed) },
		"another session": func() (*fleet.SessionState, error) { return maker.OpenCookies("acme", "club", sealed) },
		"changed":         func() (*fleet.SessionState, error) { return maker.OpenCookies("acme", "shop", sealed[:len(sealed)-2]) },
		"nothing":         func() (*fleet.SessionState, error) { return maker.OpenCookies("acme", "shop", "") },
		"no form":         func() (*fleet.SessionState, error) { return maker.OpenCookies("acme", "shop", sealed[2:]) },
		"short":           func() (*fleet.SessionState, error) { return maker.OpenCookies("acme", "shop", fleet.SealedPrefix+"AA") },
		"another secret": func() (*fleet.SessionState, error) {
			return credential.Maker{Fleet: maker.Fleet, Secret: "another secret, too"}.OpenCookies("acme", "shop", sealed)
		},
	} {
		_, err := open()
		forbidden(t, err, name)
	}
}
