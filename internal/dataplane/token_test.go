package dataplane_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

const (
	secret = fleet.Secret("a secret of the fleet")
	guid   = fleet.GUID("0a1b2c3d-0000-4000-8000-00000000000a")
	other  = fleet.GUID("0a1b2c3d-0000-4000-8000-00000000000b")
)

func keyOf(t fleet.TenantID, g fleet.GUID) fleet.Key {
	return fleet.Key{Fleet: "f1", Tenant: t, GUID: g}
}

func TestToken_NamesItsCrawlerOnly(t *testing.T) {
	t.Parallel()
	tokens := dataplane.Tokens{Fleet: "f1", Secret: secret}
	token := dataplane.Token(secret, keyOf("acme", guid))
	require.Equal(t, token, dataplane.Token(secret, keyOf("acme", guid)), "a repeated launch has the same")
	k, err := tokens.Verify(token)
	require.NoError(t, err)
	require.Equal(t, keyOf("acme", guid), k)

	parts := strings.Split(token.Reveal(), ".")
	join := func(p ...string) fleet.Secret { return fleet.Secret(strings.Join(p, ".")) }
	for name, bad := range map[string]fleet.Secret{
		"none":            "",
		"words":           "let me in",
		"other tenant":    join(parts[0], "acmf", parts[2], parts[3]),
		"other crawler":   join(parts[0], parts[1], string(other), parts[3]),
		"other form":      join("cf2", parts[1], parts[2], parts[3]),
		"no signature":    join(parts[0], parts[1], parts[2], ""),
		"cut signature":   token[:len(token)-1],
		"long signature":  token + "A",
		"other fleet":     dataplane.Token(secret, fleet.Key{Fleet: "f2", Tenant: "acme", GUID: guid}),
		"other secret":    dataplane.Token(secret+"x", keyOf("acme", guid)),
		"shifted borders": dataplane.Token(secret, fleet.Key{Fleet: "f1|acme", Tenant: "", GUID: guid}),
		"no GUID at all":  dataplane.Token(secret, keyOf("acme", "me")),
	} {
		_, err := tokens.Verify(bad)
		require.Equal(t, fleet.CodeForbidden, fleet.CodeOf(err), name)
	}
}

func TestToken_IsNotPrinted(t *testing.T) {
	t.Parallel()
	token := dataplane.Token(secret, keyOf("acme", guid))
	b, err := json.Marshal(map[string]any{"token": token})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %s", token, token, token, token, b), token.Reveal())
}

func TestStatus_KnowsEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range fleet.Codes() {
		s := dataplane.Status(c)
		require.GreaterOrEqual(t, s, 400, c)
		if c != fleet.CodeInternal {
			require.NotEqual(t, 500, s, "%s is not in the table", c)
		}
		require.Equal(t, c.Retryable(), s >= 500, "%s: what stands between repeats by the status", c)
	}
	require.Equal(t, 500, dataplane.Status("never heard of"))
}
