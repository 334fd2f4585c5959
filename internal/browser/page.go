package browser

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// View is how a page is looked at.
type View struct {
	Width, Height int  // default 1200 by 900
	Dark          bool // the user prefers dark colours
	NoScript      bool // scripts of the page do not run
}

// Page is one tab with cookies of its own. Its methods wait at most Patience.
type Page struct {
	wire    *wire
	ctx     context.Context //nolint:containedctx // a page lives as long as its test
	session string

	mu       sync.Mutex
	problems []string
}

// Open opens an empty tab that shares nothing with others. It may be used until ctx ends.
func (b *Browser) Open(ctx context.Context, v View) (*Page, error) {
	p := &Page{wire: b.wire, ctx: ctx}
	if err := p.open(v); err != nil {
		return nil, fmt.Errorf("open a page: %w", err)
	}
	return p, nil
}

type object = map[string]any

func (p *Page) open(v View) error {
	var of struct{ BrowserContextID, TargetID, SessionID string }
	err := p.call("Target.createBrowserContext", nil, &of)
	if err == nil {
		err = p.call("Target.createTarget",
			object{"url": "about:blank", "browserContextId": of.BrowserContextID}, &of)
	}
	if err == nil {
		err = p.call("Target.attachToTarget", object{"targetId": of.TargetID, "flatten": true}, &of)
	}
	if err != nil {
		return err
	}
	p.session = of.SessionID
	p.wire.listen(p.session, p.heard)
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	if v.Width == 0 {
		v.Width, v.Height = 1200, 900
	}
	for _, c := range []struct {
		method string
		params object
	}{
		{"Page.enable", nil},
		{"Runtime.enable", nil},
		{"Log.enable", nil},
		{"Audits.enable", nil},
		{"Emulation.setDeviceMetricsOverride", object{
			"width": v.Width, "height": v.Height, "deviceScaleFactor": 1, "mobile": false,
		}},
		{"Emulation.setEmulatedMedia", object{"features": []object{
			{"name": "prefers-color-scheme", "value": scheme},
		}}},
		{"Emulation.setScriptExecutionDisabled", object{"value": v.NoScript}},
	} {
		if err := p.call(c.method, c.params, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *Page) call(method string, params object, into any) error {
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	return p.wire.call(ctx, p.session, method, params, into)
}

// heard keeps what the browser complains of: errors and warnings in its log, what
// scripts throw, and refusals by the content security policy.
func (p *Page) heard(method string, params json.RawMessage) {
	var e struct {
		Entry struct{ Level, Text, URL string }
		Issue struct {
			Code    string
			Details json.RawMessage
		}
		ExceptionDetails json.RawMessage
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	problem := ""
	switch {
	case method == "Log.entryAdded" && (e.Entry.Level == "error" || e.Entry.Level == "warning"):
		problem = e.Entry.Text + " " + e.Entry.URL
	case method == "Runtime.exceptionThrown":
		problem = string(e.ExceptionDetails)
	case method == "Audits.issueAdded" && e.Issue.Code == "ContentSecurityPolicyIssue":
		problem = e.Issue.Code + " " + string(e.Issue.Details)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, problem)
}

// Problems is what the browser has complained of since the last call.
func (p *Page) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.problems
	p.problems = nil
	return all
}

// Go opens a URL and waits until it is loaded.
func (p *Page) Go(url string) error {
	var answer struct{ ErrorText string }
	if err := p.call("Page.navigate", object{"url": url}, &answer); err != nil {
		return err
	}
	if answer.ErrorText != "" {
		return fmt.Errorf("open %s: %s", url, answer.ErrorText)
	}
	return p.Wait(`document.readyState === "complete"`)
}

// Eval evaluates an expression in the page and reads its value; into may be nil.
func (p *Page) Eval(expression string, into any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	err := p.call("Runtime.evaluate", object{
		"expression": expression, "returnByValue": true, "awaitPromise": true,
	}, &answer)
	switch {
	case err != nil:
		return err
	case answer.ExceptionDetails != nil:
		return errors.New(answer.ExceptionDetails.Exception.Description)
	case into == nil || len(answer.Result.Value) == 0:
		return nil
	}
	return json.Unmarshal(answer.Result.Value, into)
}

// Wait waits until an expression is true. Between two documents, where nothing can be
// evaluated, it is not.
func (p *Page) Wait(expression string) error {
	until := time.Now().Add(Patience)
	for {
		var holds bool
		err := p.Eval(expression, &holds)
		if err == nil && holds {
			return nil
		}
		if p.ctx.Err() != nil || time.Now().After(until) {
			text := ""
			_ = p.Eval(`location.href + "\n" + document.body.innerText`, &text) // only to tell of it
			return fmt.Errorf("awaited %s in vain (%v); the page says: %s", expression, err, text)
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// Screenshot is a PNG of the page: of what is in view, or of all of it.
func (p *Page) Screenshot(whole bool) ([]byte, error) {
	var answer struct{ Data string }
	err := p.call("Page.captureScreenshot", object{
		"format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": false,
	}, &answer)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(answer.Data)
}

// Settle waits until the page has stayed as it is for a while: pages that are put
// together by scripts have no moment at which they are there.
func (p *Page) Settle() error {
	const still = 800 * time.Millisecond
	last, since, until := "", time.Now(), time.Now().Add(Patience)
	for time.Now().Before(until) {
		var now string
		if err := p.Eval(`document.body.innerText`, &now); err != nil {
			return err
		}
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) >= still {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil // one that never comes to rest, as a clock does, is as good as any
}
