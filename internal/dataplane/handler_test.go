package dataplane_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

// post calls the data plane as anybody could.
func (p *place) post(method, path, token, body string) (int, fleet.Error) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.server.URL()+path, strings.NewReader(body))
	require.NoError(p.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, res.Body.Close()) }()
	require.Equal(p.t, "application/json", res.Header.Get("Content-Type"))
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	var e fleet.Error
	require.NoError(p.t, json.Unmarshal(text, &e), "%s", text)
	return res.StatusCode, e
}

func TestHandler_RefusesWithTheField(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(o *dataplane.Options) { o.MaxBody = 2000 })
	mine := dataplane.Token(secret, keyOf("acme", guid)).Reveal()
	claim := func(tenant, ticket, guid string) string {
		return `{"tenant":"` + tenant + `","ticket":"` + ticket + `","guid":"` + guid + `","epoch":1}`
	}
	g := string(guid)
	for _, c := range []struct {
		name, path, token, body string
		code                    fleet.Code
		field                   string
	}{
		{"no credential", fleet.PathClaim, "", claim("acme", "t-1", g), fleet.CodeForbidden, ""},
		{"no credential, no message", fleet.PathExchange, "", "", fleet.CodeForbidden, ""},
		{"wrong credential", fleet.PathClaim, mine + "x", claim("acme", "t-1", g), fleet.CodeForbidden, ""},
		{"echo without credential", fleet.PathEcho, "", "{}", fleet.CodeForbidden, ""},
		{"other tenant", fleet.PathClaim, mine, claim("umbrella", "t-1", g), fleet.CodeForbidden, "tenant"},
		{"no tenant", fleet.PathClaim, mine, "{}", fleet.CodeForbidden, "tenant"},
		{"other tenant's batch", fleet.PathExchange, mine, claim("umbrella", "t-1", g), fleet.CodeForbidden, "tenant"},
		{"other crawler", fleet.PathClaim, mine, claim("acme", "t-1", string(other)), fleet.CodeForbidden, "guid"},
		{"other crawler's batch", fleet.PathExchange, mine, claim("acme", "t-1", string(other)), fleet.CodeForbidden, "guid"},
		{"no ticket", fleet.PathClaim, mine, claim("acme", "", g), fleet.CodeInvalid, "id"},
		{"unknown ticket", fleet.PathClaim, mine, claim("acme", "t-2", g), fleet.CodeNotFound, ""},
		{"empty", fleet.PathClaim, mine, "", fleet.CodeInvalid, ""},
		{"not JSON", fleet.PathClaim, mine, "<xml/>", fleet.CodeInvalid, ""},
		{"cut JSON", fleet.PathClaim, mine, `{"tenant":"acme`, fleet.CodeInvalid, ""},
		{"two messages", fleet.PathClaim, mine, "{}{}", fleet.CodeInvalid, ""},
		{"wrong type", fleet.PathClaim, mine, `{"tenant":"acme","epoch":"1"}`, fleet.CodeInvalid, "epoch"},
		{"not a list", fleet.PathExchange, mine, `{"tenant":"acme","pages":5}`, fleet.CodeInvalid, "pages"},
		{"oversized", fleet.PathExchange, mine, `{"tenant":"` + strings.Repeat("a", 2000) + `"}`, fleet.CodeInvalid, ""},
		{"no such call", "/v1/pages", mine, "{}", fleet.CodeNotFound, ""},
	} {
		status, e := p.post(http.MethodPost, c.path, c.token, c.body)
		require.Equal(t, c.code, e.Code, "%s: %+v", c.name, e)
		require.Equal(t, c.field, e.Field, c.name)
		require.NotEmpty(t, e.Message, c.name)
		require.Equal(t, dataplane.Status(c.code), status, c.name)
	}
	_, e := p.post(http.MethodGet, fleet.PathClaim, mine, "")
	require.Equal(t, fleet.CodeNotFound, e.Code)
	for _, entry := range p.logs.All() {
		require.NotContains(t, entry.Message, mine)
		for _, f := range entry.Context {
			require.NotContains(t, f.String, mine)
		}
	}
}

func TestHandler_PassesOverUnknownFields(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	status, _ := p.post(http.MethodPost, fleet.PathEcho, dataplane.Token(secret, keyOf("acme", guid)).Reveal(),
		`{"ofALaterRelease":true}`)
	require.Equal(t, http.StatusOK, status)
}

func TestHandler_ClaimNeedsTheLease(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	p.lease.epoch.Store(2)
	_, err := c.Claim(t.Context(), claimRequest())
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	n, at, err := p.data.Progress(t.Context(), "acme", "t-1")
	require.NoError(t, err)
	require.Zero(t, n)
	require.True(t, at.IsZero(), "nothing was claimed")
}

// broken is a store in which each call goes wrong in one way.
type broken struct{ do func(context.Context) error }

func (b broken) Claim(ctx context.Context, _ fleet.ClaimRequest, _ fleet.TicketInput) (fleet.ClaimAnswer, error) {
	return fleet.ClaimAnswer{}, b.do(ctx)
}

func (b broken) Exchange(ctx context.Context, _ fleet.ExchangeRequest) (fleet.ExchangeAnswer, error) {
	return fleet.ExchangeAnswer{}, b.do(ctx)
}

func TestHandler_ContainsWhatGoesWrongInside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, logged string
		do           func(context.Context) error
		code         fleet.Code
	}{
		{"panic", "panic", func(context.Context) error { panic("nil map") }, fleet.CodeInternal},
		{"error", "failed", func(context.Context) error { return errors.New("disk I/O error at /var") }, fleet.CodeInternal},
		{"stuck", "timed out", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, fleet.CodeTimeout},
		{"coded", "refused", func(context.Context) error {
			return fleet.Errorf(fleet.CodeFenced, "overtaken").Because(errors.New("secret cause"))
		}, fleet.CodeFenced},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(o *dataplane.Options) {
				o.Data, o.Timeout = broken{c.do}, 50*time.Millisecond
			})
			token := dataplane.Token(secret, keyOf("acme", guid)).Reveal()
			body := `{"tenant":"acme","ticket":"t-1","guid":"` + string(guid) + `","epoch":1}`
			for _, path := range []string{fleet.PathClaim, fleet.PathExchange} {
				status, e := p.post(http.MethodPost, path, token, body)
				require.Equal(t, c.code, e.Code)
				require.Equal(t, dataplane.Status(c.code), status)
				require.NotContains(t, e.Error(), "I/O")
				require.NotContains(t, e.Error(), "cause")
			}
			require.Equal(t, 2, p.logs.FilterMessage(c.logged).Len())
			status, _ := p.post(http.MethodPost, fleet.PathEcho, token, "{}")
			require.Equal(t, http.StatusOK, status, "it serves on")
		})
	}
}

func TestNew_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	whole := dataplane.Options{
		Data: broken{}, Leases: new(lease), Tokens: dataplane.Tokens{Fleet: "f1", Secret: secret},
	}
	_, err := dataplane.New(whole)
	require.NoError(t, err)
	for field, spoil := range map[string]func(*dataplane.Options){
		"dataplane":        func(o *dataplane.Options) { o.Data = nil },
		"dataplane.fleet":  func(o *dataplane.Options) { o.Tokens.Fleet = "" },
		"dataplane.secret": func(o *dataplane.Options) { o.Tokens.Secret = "short" },
	} {
		o := whole
		spoil(&o)
		_, err := dataplane.New(o)
		var e *fleet.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, field, e.Field)
	}
}
