package remote

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// pass is a crawler's way in at the gateway: a bootstrap token and a nonce of its own,
// which nobody else knows, and the credential that it was last given for them.
type pass struct {
	token fleet.Secret
	nonce string

	asking sync.Mutex // held while one is asked for: by one at a time
	mu     sync.Mutex
	bearer fleet.Secret
	until  time.Time     // by this machine's clock, from when it was asked for
	half   time.Time     // when it is time for the next
	first  chan struct{} // closed when there is one
}

func newPass(token fleet.Secret) *pass {
	return &pass{token: token, nonce: rand.Text(), first: make(chan struct{})}
}

// current gives the credential that is good now; "" for none.
func (p *pass) current() fleet.Secret {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().Before(p.until) {
		return p.bearer
	}
	return ""
}

func (p *pass) take(c fleet.Credential, asked time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bearer == "" {
		close(p.first)
	}
	p.bearer = fleet.Secret(c.Bearer)
	p.until, p.half = asked.Add(c.Lasts.Std()), asked.Add(c.Lasts.Std()/2)
}

// drop forgets a credential that the gateway says has expired: this machine was asleep,
// or its clock was set.
func (p *pass) drop(bearer fleet.Secret) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bearer == bearer {
		p.until = time.Time{}
	}
}

func (p *pass) renewIn() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.half), 0)
}

// Enter exchanges the bootstrap token for a first credential, and answers the address
// that the gateway sees this crawler come from. It is repeated while the gateway is away;
// a token that another has used is forbidden.
func (c *Client) Enter(ctx context.Context) (fleet.EchoAnswer, error) {
	c.pass.asking.Lock()
	defer c.pass.asking.Unlock()
	return c.enter(ctx)
}

func (c *Client) enter(ctx context.Context) (fleet.EchoAnswer, error) {
	var got fleet.Credential
	asked := time.Now()
	token := func(context.Context) (fleet.Secret, error) { return c.pass.token, nil }
	err := c.send(ctx, token, fleet.PathBootstrap, fleet.BootstrapRequest{Nonce: c.pass.nonce}, &got)
	if err != nil {
		return fleet.EchoAnswer{}, err
	}
	c.pass.take(got, asked)
	return got.Echo, nil
}

// Bearer gives what this crawler shows at every call. At a gateway it waits for the first
// credential, and asks for another where the last one has expired.
func (c *Client) Bearer(ctx context.Context) (fleet.Secret, error) {
	if c.pass == nil {
		return c.token, nil
	}
	select {
	case <-c.pass.first:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if bearer := c.pass.current(); bearer != "" {
		return bearer, nil
	}
	c.pass.asking.Lock()
	defer c.pass.asking.Unlock()
	if bearer := c.pass.current(); bearer != "" {
		return bearer, nil // another call has asked
	}
	if _, err := c.enter(ctx); err != nil {
		return "", err
	}
	return c.pass.current(), nil
}

// Renew keeps the credential young until ctx ends, or the gateway gives no other: then
// this crawler is not wanted any more.
func (c *Client) Renew(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.pass.renewIn()):
		}
		var got fleet.Credential
		asked := time.Now()
		err := c.call(ctx, fleet.PathRenew, struct{}{}, &got)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			c.pass.take(got, asked)
		case fleet.CodeOf(err).Retryable():
			c.log.Warn("the gateway gives no new credential", zap.Error(err))
		default:
			return err
		}
	}
}

// expired reports whether an answer says that a credential was good, and is no more.
func expired(status int, e *fleet.Error) bool {
	return status == http.StatusUnauthorized && e.Field == "expired"
}
