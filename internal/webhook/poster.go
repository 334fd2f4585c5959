package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

const (
	// DefaultTimeout bounds one request with its answer: a receiver that works longer
	// than that does its work before it answers, and should not.
	DefaultTimeout = 15 * time.Second
	// maxAnswer is how much of an answer is read, to use its connection again; nobody
	// looks at it.
	maxAnswer = 16 << 10
	// idleTime is how long a connection waits for the next message.
	idleTime = 30 * time.Second
)

// Options are the parts of a Poster.
type Options struct {
	// Secret gives what a tenant's messages are signed with. Required.
	Secret func(fleet.TenantID) fleet.Secret
	// Reach is what the operator lets it ask besides the public web.
	Reach guard.Reach
	// UserAgent is the header of that name.
	UserAgent string
	// Timeout bounds one request; default DefaultTimeout.
	Timeout time.Duration
}

// Poster makes the requests. It is safe for concurrent use.
type Poster struct {
	o      Options
	client *http.Client
}

var _ fleet.Poster = (*Poster)(nil)

// New makes a poster. Close ends its idle connections.
func New(o Options) *Poster {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	dialer := net.Dialer{Timeout: o.Timeout, Control: guard.New(o.Reach).Control}
	return &Poster{o: o, client: &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			// No Proxy: the environment must not redirect what the guard has checked.
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true, // a DialContext of one's own turns it off
			DisableCompression:     true, // the answer is thrown away
			IdleConnTimeout:        idleTime,
			MaxIdleConnsPerHost:    2,
			MaxIdleConns:           64,
			MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close ends the idle connections.
func (p *Poster) Close() { p.client.CloseIdleConnections() }

// Post signs a body and sends it once.
func (p *Poster) Post(ctx context.Context, d fleet.Delivery, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return fleet.Errorf(fleet.CodeInvalid, "the webhook's URL is none") // it is not shown
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", p.o.UserAgent)
	if err := sign(request.Header, p.o.Secret(d.Tenant), d.ID, time.Now(), body); err != nil {
		return err
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return p.failure(err)
	}
	// What the receiver says beside its status is not looked at; that it was cut is no
	// failure of the delivery.
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	_ = answer.Body.Close()
	return verdict(answer)
}

// verdict says what a status means.
func verdict(answer *http.Response) error {
	status := answer.StatusCode
	text := fmt.Sprintf("the receiver answered %d %s", status, http.StatusText(status))
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusGone:
		return fleet.Errorf(fleet.CodeNotFound, text+": it wants no more")
	case status >= 300 && status < 400:
		return fleet.Errorf(fleet.CodeUnavailable, text+": redirects are not followed")
	}
	e := fleet.Errorf(fleet.CodeUnavailable, text)
	e.RetryAfter = fleet.Duration(retryAfter(answer.Header.Get("Retry-After"), time.Now()))
	return e
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// failure puts an error of the network into words that show neither the URL nor what
// a server said of itself.
func (p *Poster) failure(err error) error {
	var (
		outer   *url.Error
		blocked *guard.BlockedError
		dns     *net.DNSError
	)
	passing := func(text string) error {
		return fleet.Errorf(fleet.CodeUnavailable, text)
	}
	switch {
	case errors.As(err, &blocked):
		return fleet.Errorf(fleet.CodeForbidden, "the receiver's address "+blocked.Error())
	case errors.As(err, &outer) && outer.Timeout():
		return fleet.Errorf(fleet.CodeTimeout, "no answer within "+p.o.Timeout.String())
	case errors.As(err, &dns):
		return passing("the receiver's host name does not resolve")
	case errors.Is(err, syscall.ECONNREFUSED):
		return passing("the receiver refuses the connection")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return passing("the receiver cut the connection")
	case outer != nil:
		return passing("no connection: " + guard.Cause(outer).Error())
	default:
		return passing("no connection")
	}
}
