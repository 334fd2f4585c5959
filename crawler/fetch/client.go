package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gocolly/colly/v2"

	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// Options are the parts of a Client. The zero value reaches public addresses
// only, from whatever address the system takes.
type Options struct {
	UserAgent string
	// Reach is what the operator lets it ask besides the public web.
	Reach guard.Reach
	// Source is the address to connect from, for the targets that SourceFor says.
	Source    netip.Addr
	SourceFor SourceFor
	// IPv6 lets it connect over IPv6 too.
	IPv6 bool
}

// Client holds the connections that all visitors share. It is safe for concurrent use.
type Client struct {
	options   Options
	transport *http.Transport
	chain     http.RoundTripper
	userAgent string
	header    http.Header // besides ours
}

// NewClient makes a client. Close ends its idle connections.
func NewClient(o Options) *Client {
	t := &http.Transport{
		// No Proxy: the environment must not redirect what the guard has checked.
		DialContext:         o.dialer(guard.New(o.Reach)).DialContext,
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
	return &Client{options: o, transport: t, chain: &decoder{next: t}, userAgent: o.UserAgent}
}

func (o Options) dialer(g *guard.Guard) *dialer {
	d := newDialer(g, o.Source, o.SourceFor)
	d.ipv4 = !o.IPv6 && !o.Source.Is6() // an IPv6 address that it was given is declared
	return d
}

// Close ends the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Request is one URL to get.
type Request struct {
	URL     string
	Timeout time.Duration // for everything: connect, headers and body
	MaxBody int64         // decoded bytes; what is longer is cut
	// Accept says by its type, in lower case and without parameters, whether the body of
	// a page is wanted; nil wants all.
	Accept func(mediaType string) bool
	// Take reads the body of a page with a status 2xx as it comes, instead of all of it being
	// held; what it answers is Response.Body. It is called once for each response, and what it
	// leaves is read behind it. Nil holds all.
	Take func(contentType string, body io.Reader) []byte
	// Since asks for the page only if it is no longer what it was.
	Since Validators
}

// Validators tell one state of a page from another, in the site's own words.
type Validators struct {
	ETag         string
	LastModified string
}

// Response is what came back, whatever its status.
type Response struct {
	Status      int
	Header      http.Header // without what the body's decoding made untrue
	ContentType string      // as it was sent
	Location    string      // of a redirect, as it was sent, with bytes that are no UTF-8 escaped
	Cookies     bool        // whether it set any
	Body        []byte      // decoded, or what Request.Take made of it
	Size        int64       // of the decoded body
	Cut         Cut         // why Body is not all of it
	Refused     bool        // its type was not wanted, Body is empty
	SHA256      string      // of the decoded body, hex
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
	got := &capture{limit: r.MaxBody, accept: r.Accept, take: r.Take}
	v.response, v.collector.Context = nil, withCapture(ctx, got)
	at := time.Now()
	err := v.collector.Request(http.MethodGet, r.URL, nil, nil, v.header(r.Since))
	if err != nil {
		if ctx.Err() != nil {
			// The transport may word it in its own way; what counts is why.
			err = context.Cause(ctx)
		}
		return Response{}, err
	}
	resp := v.response
	if resp != nil && got.took {
		resp.Body = got.taken
	}
	v.response = nil // an idle worker holds no body
	if resp == nil {
		return Response{}, errors.New("no response")
	}
	return Response{
		Status: resp.StatusCode, Header: *resp.Headers,
		ContentType: got.contentType, Location: escapedLocation(got.location),
		Cookies: len((*resp.Headers)["Set-Cookie"]) > 0,
		Body:    resp.Body, Size: got.size, Cut: got.cut, Refused: got.refused,
		SHA256: hex.EncodeToString(got.sum.Sum(nil)),
		At:     at, Took: time.Since(at),
	}, nil
}

// header is made anew for each request: net/http adds the cookies to it.
func (v *Visitor) header(since Validators) http.Header {
	h := http.Header{
		"User-Agent":      {v.client.userAgent},
		"Accept":          {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"},
		"Accept-Encoding": {acceptEncoding},
	}
	for name, values := range v.client.header {
		h[name] = values
	}
	// Both where there are both: a server that knows the first ignores the second (RFC
	// 9110 section 13.2.2).
	if since.ETag != "" {
		h["If-None-Match"] = []string{since.ETag}
	}
	if since.LastModified != "" {
		h["If-Modified-Since"] = []string{since.LastModified}
	}
	return h
}

// escapedLocation writes the bytes of a Location that is no UTF-8 as escapes: the site wants
// them back as they are, in whatever encoding, and browsers do so (RFC 9110, 10.2.2 has no
// such bytes at all).
func escapedLocation(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] < utf8.RuneSelf {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
