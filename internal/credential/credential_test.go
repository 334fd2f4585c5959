package credential_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

var (
	maker = credential.Maker{Fleet: "f-1", Secret: "a secret of the fleet"}
	mine  = fleet.CrawlerRef{Tenant: "acme", GUID: "0a1b2c3d-0000-4000-8000-00000000000a"}
	other = fleet.CrawlerRef{Tenant: "acme", GUID: "0a1b2c3d-0000-4000-8000-00000000000b"}
	now   = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
)

func forbidden(t *testing.T, err error, of ...any) {
	t.Helper()
	require.Equal(t, fleet.CodeForbidden, fleet.CodeOf(err), of...)
}

func TestMaker_TokensAreGoodForOneThing(t *testing.T) {
	t.Parallel()
	tokens := map[string]fleet.Secret{
		"bootstrap": maker.Bootstrap(mine), "gateway": maker.Gateway(mine),
		"short": maker.Short(mine, now.Add(time.Minute)),
	}
	readers := map[string]func(credential.Maker, fleet.Secret) (fleet.CrawlerRef, error){
		"bootstrap": credential.Maker.Bootstrapped, "gateway": credential.Maker.FromGateway,
		"short": func(m credential.Maker, s fleet.Secret) (fleet.CrawlerRef, error) {
			ref, _, err := m.Shown(s, now)
			return ref, err
		},
	}
	for made, token := range tokens {
		for read, reader := range readers {
			got, err := reader(maker, token)
			if made != read {
				forbidden(t, err, "%s shown as %s", made, read)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, mine, got)
			for name, bad := range spoiled(token) {
				_, err := reader(maker, bad)
				forbidden(t, err, "%s %s", made, name)
			}
			_, err = reader(credential.Maker{Fleet: "f-2", Secret: maker.Secret}, token)
			forbidden(t, err, "another fleet's %s", made)
			_, err = reader(credential.Maker{Fleet: maker.Fleet, Secret: "another secret, too"}, token)
			forbidden(t, err, "another secret's %s", made)
		}
	}
	require.Equal(t, maker.Bootstrap(mine), tokens["bootstrap"], "a repeated launch has the same")
}

// spoiled are what somebody makes of a token.
func spoiled(token fleet.Secret) map[string]fleet.Secret {
	text := token.Reveal()
	return map[string]fleet.Secret{
		"empty":           "",
		"words":           "let me in",
		"cut":             fleet.Secret(text[:len(text)-1]),
		"longer":          fleet.Secret(text + "x"),
		"other tenant":    fleet.Secret(strings.Replace(text, ".acme.", ".acmf.", 1)),
		"other crawler":   fleet.Secret(strings.Replace(text, string(mine.GUID), string(other.GUID), 1)),
		"with a part":     fleet.Secret(strings.Replace(text, ".", ".1.", 1)),
		"without a part":  fleet.Secret(text[strings.Index(text, ".")+1:]),
		"later expiry":    fleet.Secret(strings.Replace(text, "cfc1.1", "cfc1.2", 1) + strings.Repeat("!", 1-strings.Count(text, "cfc1.1"))),
		"invalid tenant":  fleet.Secret(strings.Replace(text, ".acme.", ".../.", 1)),
		"other separator": fleet.Secret(strings.ReplaceAll(text, ".", "|")),
	}
}

func TestMaker_CredentialEnds(t *testing.T) {
	t.Parallel()
	token := maker.Short(mine, now.Add(time.Minute))
	_, until, err := maker.Shown(token, now.Add(59*time.Second))
	require.NoError(t, err)
	require.True(t, until.Equal(now.Add(time.Minute)))
	_, _, err = maker.Shown(token, now.Add(time.Minute))
	forbidden(t, err)
	var e *fleet.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "expired", e.Field, "the crawler is told that another is to be had")
}

func TestMaker_SealIsForOneCrawlerAndATime(t *testing.T) {
	t.Parallel()
	token := []byte("\x0a\x24temporal's own")
	sealed := maker.Seal(mine, token, now.Add(time.Hour))
	got, err := maker.Open(mine, sealed, now)
	require.NoError(t, err)
	require.Equal(t, token, got)
	require.NotContains(t, string(sealed), "temporal")
	require.NotEqual(t, sealed, maker.Seal(mine, token, now.Add(time.Hour)), "nobody can compare them")

	_, err = maker.Open(other, sealed, now)
	forbidden(t, err, "another crawler's")
	_, err = maker.Open(mine, sealed, now.Add(time.Hour))
	forbidden(t, err, "expired")
	_, err = maker.Open(mine, token, now)
	forbidden(t, err, "raw")
	_, err = maker.Open(mine, nil, now)
	forbidden(t, err, "none")
	_, err = credential.Maker{Fleet: "f-2", Secret: maker.Secret}.Open(mine, sealed, now)
	forbidden(t, err, "another fleet's")
	for i := range sealed {
		altered := append([]byte(nil), sealed...)
		altered[i] ^= 1
		_, err := maker.Open(mine, altered, now)
		forbidden(t, err, "altered at %d", i)
		_, err = maker.Open(mine, sealed[:i], now)
		forbidden(t, err, "cut at %d", i)
	}
}

func TestMaker_ProvesAnAddress(t *testing.T) {
	t.Parallel()
	h := fleet.Hello{Address: "203.0.113.7", Proof: maker.Prove(mine.GUID, "203.0.113.7", now)}
	require.NoError(t, maker.Proven(mine.GUID, h, now.Add(10*time.Minute)))
	require.NoError(t, maker.Proven(mine.GUID, h, now.Add(-time.Minute)), "clocks differ")
	for name, bad := range map[string]fleet.Hello{
		"another address": {Address: "203.0.113.8", Proof: h.Proof},
		"no proof":        {Address: h.Address},
		"words":           {Address: h.Address, Proof: "believe me"},
		"later":           {Address: h.Address, Proof: "9" + h.Proof},
	} {
		forbidden(t, maker.Proven(mine.GUID, bad, now), name)
	}
	forbidden(t, maker.Proven(other.GUID, h, now), "another crawler's")
	forbidden(t, maker.Proven(mine.GUID, h, now.Add(time.Hour)), "old")
	forbidden(t, maker.Proven(mine.GUID, h, now.Add(-time.Hour)), "of the future")
}
