package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/gocolly/colly/v2"

	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// Options are the parts of a Client. The zero value reaches public addresses
// only, from whatever address the system takes.
type Options struct {
	UserAgent string
	// AllowPrivate are the networks that may be reached although they are private,
	// and there on any port. It is the operator's to set, never a tenant's.
	AllowPrivate []netip.Prefix
	// Source is the address to connect from, for the targets that SourceFor says.
	Source    netip.Addr
	SourceFor SourceFor
}

// Client holds the connections that all visitors share. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	chain     http.RoundTripper
	userAgent string
}

// NewClient makes a client. Close ends its idle connections.
func NewClient(o Options) *Client {
	t := &http.Transport{
		// No Proxy: the environment must not redirect what the guard has checked.
		DialContext:         newDialer(guard.New(o.AllowPrivate), o.Source, o.SourceFor).DialContext,
		ForceAttemptHTTP2:   true, // a DialContext of one's own turns it off
		DisableCompression:  true, // decoder does it, under a limit
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second, // net/http's own default
		MaxIdleConnsPerHost: 64,               // a ticket's greatest concurrency
		MaxIdleConns:        512,              // a broad crawl's hosts, and their file descriptors
		// Some honest sites send tens of KB of cookies and policies, none this much.
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         16 << 10, // a usual page in one or two reads
	}
	return &Client{transport: t, chain: &decoder{next: t}, userAgent: o.UserAgent}
}

// Close ends the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Request is one URL to get.
type Request struct {
	URL     string
	Timeout time.Duration // for everything: connect, headers and body
	MaxBody int64         // decoded bytes; what is longer is cut
}

// Response is what came back, whatever its status.
type Response struct {
	Status      int
	Header      http.Header // without what the body's decoding made untrue
	ContentType string      // as it was sent
	Location    string      // of a redirect, as it was sent
	Cookies     bool        // whether it set any
	Body        []byte      // decoded
	Truncated   bool        // the body was longer than MaxBody
	SHA256      string      // of Body, hex
	At          time.Time   // when it was asked for
	Took        time.Duration
}

// Visitor makes one request at a time: a worker's own Colly collector over the
// client's shared connections.
type Visitor struct {
	client    *Client
	collector *colly.Collector
	response  *colly.Response
}

// NewVisitor makes a visitor that keeps its cookies in jar; nil means none.
func (c *Client) NewVisitor(jar http.CookieJar) *Visitor {
	v := &Visitor{client: c, collector: &colly.Collector{}}
	// Init, not NewCollector: that one lets COLLY_… environment variables override
	// what is set here.
	v.collector.Init()
	v.collector.UserAgent = c.userAgent
	v.collector.AllowURLRevisit = true // which URL is fetched when is the frontier's to know
	v.collector.IgnoreRobotsTxt = true // checked before, by the standard
	v.collector.ParseHTTPErrorResponse = true
	v.collector.MaxBodySize = 0 // the decoder cuts, by decoded bytes
	v.collector.SetRequestTimeout(0)
	v.collector.WithTransport(c.chain)
	v.collector.SetRedirectHandler(func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	})
	v.collector.DisableCookies()
	if jar != nil {
		v.collector.SetCookieJar(jar)
	}
	v.collector.OnResponse(func(r *colly.Response) { v.response = r })
	return v
}

// Get makes one request. Its error is one of the network, the guard or the body;
// a status is never an error. Reason puts errors into words.
func (v *Visitor) Get(ctx context.Context, r Request) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	got := &capture{limit: r.MaxBody}
	v.response, v.collector.Context = nil, withCapture(ctx, got)
	at := time.Now()
	err := v.collector.Request(http.MethodGet, r.URL, nil, nil, v.header())
	if err != nil {
		if ctx.Err() != nil {
			// The transport may word it in its own way; what counts is why.
			err = context.Cause(ctx)
		}
		return Response{}, err
	}
	resp := v.response
	v.response = nil // an idle worker holds no body
	if resp == nil {
		return Response{}, errors.New("no response")
	}
	return Response{
		Status: resp.StatusCode, Header: *resp.Headers,
		ContentType: got.contentType, Location: got.location,
		Cookies: len((*resp.Headers)["Set-Cookie"]) > 0,
		Body:    resp.Body, Truncated: got.truncated,
		SHA256: hex.EncodeToString(got.sum.Sum(nil)),
		At:     at, Took: time.Since(at),
	}, nil
}

// header is made anew for each request: net/http adds the cookies to it.
func (v *Visitor) header() http.Header {
	return http.Header{
		"User-Agent":      {v.client.userAgent},
		"Accept":          {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"},
		"Accept-Encoding": {acceptEncoding},
	}
}
