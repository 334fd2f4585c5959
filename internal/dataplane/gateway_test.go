package dataplane_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

// door admits one crawler.
type door struct{ nonce string }

func (d *door) Admit(_ context.Context, t fleet.TenantID, g fleet.GUID, nonce string) (fleet.CrawlerState, error) {
	if t != "acme" || g != guid || nonce != "" && d.nonce != "" && nonce != d.nonce {
		return "", fleet.Errorf(fleet.CodeForbidden, "no")
	}
	d.nonce = nonce
	return fleet.CrawlerStarting, nil
}

// asGateway calls as the gateway does, for a crawler at an address; fleet.Error in the
// answer where it is refused.
func (p *place) asGateway(path, peer string, request, answer any) *fleet.Error {
	p.t.Helper()
	ref := fleet.CrawlerRef{Tenant: "acme", GUID: guid}
	token := credential.Maker{Fleet: "f1", Secret: secret}.Gateway(ref)
	return p.ask(token, path, peer, request, answer)
}

func (p *place) ask(token fleet.Secret, path, peer string, request, answer any) *fleet.Error {
	p.t.Helper()
	body, err := json.Marshal(request)
	require.NoError(p.t, err)
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.server.URL()+path, strings.NewReader(string(body)))
	require.NoError(p.t, err)
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	if peer != "" {
		r.Header.Set(fleet.HeaderPeer, peer)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	if res.StatusCode != http.StatusOK {
		e := new(fleet.Error)
		require.NoError(p.t, json.Unmarshal(text, e))
		return e
	}
	require.NoError(p.t, json.Unmarshal(text, answer))
	return nil
}

func TestHandler_BelievesTheGatewayOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(o *dataplane.Options) { o.Gate = &door{} })
	maker := credential.Maker{Fleet: "f1", Secret: secret}
	own := dataplane.Token(secret, keyOf("acme", guid))
	const peer = "203.0.113.7"

	var seen fleet.EchoAnswer
	require.Nil(t, p.asGateway(fleet.PathEcho, peer, struct{}{}, &seen))
	require.Equal(t, peer, seen.Address)
	require.NoError(t, maker.Proven(guid, fleet.Hello{Address: peer, Proof: seen.Proof}, time.Now()))
	require.Nil(t, p.ask(own, fleet.PathEcho, peer, struct{}{}, &seen))
	require.Equal(t, "127.0.0.1", seen.Address, "a crawler cannot say where it comes from")
	require.NoError(t, maker.Proven(guid, fleet.Hello{Address: "127.0.0.1", Proof: seen.Proof}, time.Now()))
	require.Equal(t, fleet.CodeInvalid, p.asGateway(fleet.PathEcho, "", struct{}{}, &seen).Code)
	require.Equal(t, fleet.CodeInvalid, p.asGateway(fleet.PathEcho, "somewhere", struct{}{}, &seen).Code)

	ask := fleet.AdmitRequest{Tenant: "acme", GUID: guid, Nonce: "n-1"}
	var let fleet.Admission
	require.Equal(t, fleet.CodeForbidden, p.ask(own, fleet.PathAdmit, "", ask, &let).Code)
	require.Nil(t, p.asGateway(fleet.PathAdmit, peer, ask, &let))
	require.Equal(t, fleet.CrawlerStarting, let.State)
	require.Equal(t, peer, let.Echo.Address)
	require.NoError(t, maker.Proven(guid, fleet.Hello{Address: peer, Proof: let.Echo.Proof}, time.Now()))
	ask.Nonce = "n-2"
	require.Equal(t, fleet.CodeForbidden, p.asGateway(fleet.PathAdmit, peer, ask, &let).Code)
	ask.GUID = other
	require.Equal(t, "guid", p.asGateway(fleet.PathAdmit, peer, ask, &let).Field)
	ask.Tenant = "umbrella"
	require.Equal(t, "tenant", p.asGateway(fleet.PathAdmit, peer, ask, &let).Field)
}

func TestHandler_HandsOnWhoPollsAndFromWhere(t *testing.T) {
	t.Parallel()
	heard := make(chan fleet.Hello, 2)
	p := newPlace(t, func(o *dataplane.Options) {
		o.Ready = func(_ context.Context, h fleet.Hello) error {
			heard <- h
			return nil
		}
	})
	hello := fleet.Hello{GUID: guid, Slots: 2, Address: "198.51.100.1"} // as it likes
	require.Nil(t, p.asGateway(fleet.PathReady, "203.0.113.7", hello, &struct{}{}))
	require.Equal(t, "203.0.113.7", (<-heard).Address)
	own := dataplane.Token(secret, keyOf("acme", guid))
	require.Nil(t, p.ask(own, fleet.PathReady, "", hello, &struct{}{}))
	require.Equal(t, "127.0.0.1", (<-heard).Address)
	hello.GUID = other
	require.Equal(t, "guid", p.ask(own, fleet.PathReady, "", hello, &struct{}{}).Field)
	require.Empty(t, heard)

	older := newPlace(t)
	hello.GUID = guid
	require.Equal(t, fleet.CodeNotFound, older.ask(own, fleet.PathReady, "", hello, &struct{}{}).Code)
}

func TestHandler_KnowsThePeerOfEachPage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var claimed fleet.ClaimAnswer
	require.Nil(t, p.asGateway(fleet.PathClaim, "203.0.113.7", claimRequest(), &claimed))
	first := fleet.ExchangeRequest{
		Tenant: "acme", Ticket: "t-1", GUID: guid, Fence: claimed.Fence, Seq: 1, Want: 8,
		Seeds: []fleet.Link{{URL: "http://a.test/", Key: "http://a.test/"}},
	}
	var work fleet.ExchangeAnswer
	require.Nil(t, p.asGateway(fleet.PathExchange, "203.0.113.7", first, &work))
	require.Len(t, work.Work, 1)
	second := first
	second.Seq, second.Seeds = 2, nil
	second.Pages = []fleet.PageResult{{
		ID: work.Work[0].ID, URL: work.Work[0].URL, Outcome: fleet.PageFetched, Status: 200,
		Address: "198.51.100.1", // as it likes
	}}
	require.Nil(t, p.asGateway(fleet.PathExchange, "203.0.113.7", second, &work))
	pages, err := p.data.Pages(t.Context(), "acme", "t-1", 0, 10)
	require.NoError(t, err)
	require.Len(t, pages, 1)
	require.Equal(t, "203.0.113.7", pages[0].Address)
}
