package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

// planePaths are the calls of the data plane that crawlers have.
var planePaths = map[string]bool{
	fleet.PathClaim: true, fleet.PathExchange: true, fleet.PathEcho: true, fleet.PathReady: true,
}

const (
	// planeConns is how many connections to the data plane are kept: one for each crawler
	// that exchanges at this moment.
	planeConns = 256
	// planeIdle is shorter than the data plane's own, so that the gateway is the one to close.
	planeIdle = 90 * time.Second
	// maxAdmission bounds an answer that has two short fields.
	maxAdmission = 64 << 10
)

// unspecified is the peer of a question that no crawler's request stands behind.
var unspecified = netip.IPv4Unspecified()

// plane asks the data plane in the gateway's own name.
type plane struct {
	base  *url.URL
	maker credential.Maker
	http  *http.Client
}

func newPlane(base *url.URL, m credential.Maker) *plane {
	return &plane{base: base, maker: m, http: &http.Client{
		Transport: &http.Transport{
			MaxIdleConns: planeConns, MaxIdleConnsPerHost: planeConns, IdleConnTimeout: planeIdle,
			DisableCompression: true, // it is on this machine, or the next
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// admit asks the rows for a crawler, and with a nonce to admit it.
func (p *plane) admit(
	ctx context.Context, c fleet.CrawlerRef, nonce string, peer netip.Addr,
) (a fleet.Admission, err error) {
	body, err := json.Marshal(fleet.AdmitRequest{Tenant: c.Tenant, GUID: c.GUID, Nonce: nonce})
	if err != nil {
		return a, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base.String()+fleet.PathAdmit, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	p.sign(r, c, peer)
	res, err := p.http.Do(r)
	if err != nil {
		return a, away(err)
	}
	defer func() { _ = res.Body.Close() }() // what counts has been read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAdmission))
	if err != nil {
		return a, away(err)
	}
	if res.StatusCode != http.StatusOK {
		e := new(fleet.Error)
		if json.Unmarshal(text, e) != nil || e.Code == "" {
			return a, away(fmt.Errorf("status %d", res.StatusCode))
		}
		return a, e
	}
	return a, json.Unmarshal(text, &a)
}

// sign puts the gateway's token for a crawler in the place of whatever there was.
func (p *plane) sign(r *http.Request, c fleet.CrawlerRef, peer netip.Addr) {
	r.Header = http.Header{
		"Content-Type":   {"application/json"},
		"Authorization":  {"Bearer " + p.maker.Gateway(c).Reveal()},
		fleet.HeaderPeer: {peer.String()},
	}
}

// ready reports whether the data plane answers at all.
func (p *plane) ready(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base.String()+"/", http.NoBody)
	if err != nil {
		return err
	}
	res, err := p.http.Do(r)
	if err != nil {
		return away(err)
	}
	return res.Body.Close()
}

func away(err error) error {
	return fleet.Errorf(fleet.CodeUnavailable, "the data plane does not answer").Because(err)
}

// reverse is what carries a crawler's messages to the data plane and the answers back:
// streamed, with nothing of the crawler's but the body.
func (g *Gateway) reverse(base *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: g.plane.http.Transport, BufferPool: new(buffers),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = base.Scheme, base.Host
			r.Out.URL.Path, r.Out.URL.RawPath, r.Out.URL.RawQuery = base.Path+r.In.URL.Path, "", ""
			r.Out.Host = ""
			from, _ := guestOf(r.In.Context())
			g.plane.sign(r.Out, from.CrawlerRef, addressOf(r.In))
		},
		ModifyResponse: func(res *http.Response) error {
			if res.StatusCode == http.StatusForbidden {
				from, _ := guestOf(res.Request.Context())
				g.refused(from, RefusedPlane, res.Request.URL.Path, "",
					fleet.Errorf(fleet.CodeForbidden, "the data plane refuses it"))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			var long *http.MaxBytesError
			if errors.As(err, &long) {
				from, _ := guestOf(r.Context())
				g.turnAway(w, r, from, RefusedSize, fleet.Invalid("",
					fmt.Sprintf("the message has more than %d bytes", long.Limit), "a smaller batch"))
				return
			}
			g.o.Log.Debug("the data plane does not answer", zap.String("call", r.URL.Path), zap.Error(err))
			answerError(w, r, away(err))
		},
	}
}

// buffers are used again: each message in either direction is copied through one.
type buffers struct{ pool sync.Pool }

// bufferSize is what net/http's own reverse proxy takes.
const bufferSize = 32 << 10

// Get gives a buffer.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, bufferSize)
}

// Put takes it back.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// servePlane hands a message on under the gateway's own credential for the crawler.
func (g *Gateway) servePlane(w http.ResponseWriter, r *http.Request, from *guest) {
	if r.ContentLength > g.o.Limits.Body {
		g.turnAway(w, r, from, RefusedSize, fleet.Invalid("",
			fmt.Sprintf("the message has more than %d bytes", g.o.Limits.Body), "a smaller batch"))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, g.o.Limits.Body)
	g.o.Count.Passed(r.URL.Path)
	g.proxy.ServeHTTP(w, r.WithContext(withGuest(r.Context(), from)))
}

// addressOf is the crawler's egress address: what its connection comes from.
func addressOf(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return unspecified
	}
	return from.Addr().Unmap().WithZone("")
}

type guestKey struct{}

func withGuest(ctx context.Context, g *guest) context.Context {
	return context.WithValue(ctx, guestKey{}, g)
}

// guestOf gives the guest that a request has been let in as.
func guestOf(ctx context.Context) (*guest, bool) {
	g, ok := ctx.Value(guestKey{}).(*guest)
	return g, ok
}
