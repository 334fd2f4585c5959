package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The pauses between tries double from the first to the longest, each with full jitter,
// so that the crawlers of a fleet do not come back in step.
const (
	firstPause   = 50 * time.Millisecond // a restart of the control worker takes about 500 ms
	longestPause = 5 * time.Second
)

// maxAnswer bounds an answer: 1,024 URLs of 4 KiB with the pages that named them, and a
// ticket of 1 MiB, are below 16 MiB.
const maxAnswer = 32 << 20

// call sends a request, with this crawler's credential, until it is answered.
func (c *Client) call(ctx context.Context, path string, request, answer any) error {
	return c.send(ctx, c.Bearer, path, request, answer)
}

// bearer gives the credential of one try.
type bearer func(context.Context) (fleet.Secret, error)

// send sends a request until it is answered: with the answer, with a refusal, or with
// unavailable when the patience has run out.
func (c *Client) send(ctx context.Context, shown bearer, path string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("write request to %s: %w", path, err)
	}
	began := time.Now()
	pause := firstPause
	for try := 1; ; try++ {
		err := c.try(ctx, shown, path, body, answer)
		if err == nil && try > 1 {
			c.log.Info("the data plane answers again", zap.String("call", path), zap.Int("tries", try))
		}
		var again *passing
		if !errors.As(err, &again) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if try == 1 {
			c.log.Warn("the data plane does not answer", zap.String("call", path), zap.Error(err))
		}
		wait := time.Duration(rand.Int64N(int64(pause))) + time.Millisecond
		if time.Since(began)+wait > c.patience {
			return again.giveUp(try, time.Since(began))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		pause = min(2*pause, longestPause)
	}
}

// passing is a failure after which the same request may succeed.
type passing struct{ cause error }

func (p *passing) Error() string { return p.cause.Error() }
func (p *passing) Unwrap() error { return p.cause }

// giveUp is the error of a call whose patience has run out.
func (p *passing) giveUp(tries int, after time.Duration) error {
	var coded *fleet.Error
	if errors.As(p.cause, &coded) {
		return coded
	}
	return fleet.Errorf(fleet.CodeUnavailable, fmt.Sprintf(
		"the data plane does not answer: %d tries in %s", tries, after.Round(time.Millisecond))).
		Because(p.cause)
}

func (c *Client) try(ctx context.Context, shown bearer, path string, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, c.attempt)
	defer cancel()
	token, err := shown(ctx)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	res, err := c.http.Do(r)
	if err != nil {
		return &passing{fmt.Errorf("call %s: %w", path, err)}
	}
	defer func() { _ = res.Body.Close() }() // what counts has been read
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil { // cut in the middle: whether it was applied is not known
		return &passing{fmt.Errorf("read answer of %s: %w", path, err)}
	}
	if res.StatusCode != http.StatusOK {
		err := refusal(path, res.StatusCode, text)
		var e *fleet.Error
		if c.pass != nil && errors.As(err, &e) && expired(res.StatusCode, e) {
			c.pass.drop(token)
			return &passing{e}
		}
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	return nil
}

// refusal makes an error of an answer that is none: the data plane's own by its code,
// one of something in between by its status.
func refusal(path string, status int, text []byte) error {
	e := new(fleet.Error)
	if err := json.Unmarshal(text, e); err != nil || e.Code == "" {
		err := fmt.Errorf("call %s: status %d", path, status)
		if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
			return &passing{err}
		}
		return err
	}
	if e.Code.Retryable() {
		return &passing{e}
	}
	return e
}
