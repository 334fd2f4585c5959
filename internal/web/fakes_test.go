package web_test

import (
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/web"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// at is when everything in these tests begins.
var at = time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC)

const (
	demoKey  = fleet.Secret("cfk_demo")
	otherKey = fleet.Secret("cfk_other")
	guidA    = fleet.GUID("5b8c6d2e-0000-4000-8000-0000aaaaaaaa")
	guidB    = fleet.GUID("5b8c77aa-0000-4000-8000-0000bbbbbbbb")
)

// world stands in for the stores and for Temporal; the tests in internal/e2e use the
// real ones.
type world struct {
	mu         sync.Mutex
	now        time.Time
	tenants    map[fleet.TenantID]fleet.TenantStatus
	keys       map[string]fleet.KeyRow
	tickets    []fleet.TicketRow // the newest first
	crawlers   []fleet.CrawlerRow
	decisions  []fleet.DecisionRecord
	bill       fleet.Bill
	deliveries []fleet.Delivery
	pages      []fleet.PageRow
	counters   fleet.Counters
	mostPages  int   // that were asked for at once
	away       error // of the control store

	started   []fleet.TicketInput
	cancelled []string
	steered   []string
	refusal   error // of StartTicket
	unaccept  error // of the workflow that was started
}

func (w *world) Tenant(_ context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away != nil {
		return fleet.TenantStatus{}, w.away
	}
	s, ok := w.tenants[t]
	if !ok {
		return s, fleet.Errorf(fleet.CodeNotFound, "no tenant "+string(t))
	}
	return s, nil
}

func (w *world) Ticket(_ context.Context, t fleet.TenantID, id fleet.TicketID) (fleet.TicketRow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, row := range w.tickets {
		if row.Input.Tenant == t && row.Input.ID == id {
			return row, nil
		}
	}
	return fleet.TicketRow{}, fleet.Errorf(fleet.CodeNotFound, "no ticket "+string(id))
}

func (w *world) Tickets(_ context.Context, f fleet.TicketFilter) ([]fleet.TicketRow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []fleet.TicketRow
	before := f.Before == ""
	for _, row := range w.tickets {
		fits := row.Input.Tenant == f.Tenant && (f.State == "" || row.State == f.State)
		for k, v := range f.Label {
			fits = fits && row.Input.Labels[k] == v
		}
		if fits && before && len(rows) < f.Limit {
			rows = append(rows, row)
		}
		before = before || row.Input.ID == f.Before
	}
	return rows, nil
}

func (w *world) Crawlers(context.Context, fleet.TenantID) ([]fleet.CrawlerRow, error) {
	return slices.DeleteFunc(slices.Clone(w.crawlers), func(c fleet.CrawlerRow) bool { return !c.State.Live() }), nil
}

func (w *world) AllCrawlers(_ context.Context, f fleet.CrawlerFilter) ([]fleet.CrawlerRow, error) {
	rows := slices.Clone(w.crawlers)
	if f.Limit > 0 {
		rows = rows[:min(len(rows), f.Limit)]
	}
	return rows, nil
}

func (w *world) Decisions(context.Context, fleet.TenantID, fleet.TicketID) ([]fleet.DecisionRecord, error) {
	return w.decisions, nil
}

func (w *world) Bill(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Bill, error) {
	return w.bill, nil
}

func (w *world) Deliveries(context.Context, fleet.TenantID, fleet.TicketID) ([]fleet.Delivery, error) {
	return w.deliveries, nil
}

func (w *world) KeyOf(_ context.Context, digest string) (fleet.KeyRow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	row, ok := w.keys[digest]
	if !ok {
		return row, fleet.Errorf(fleet.CodeNotFound, "no such key")
	}
	return row, nil
}

func (w *world) Pages(
	_ context.Context, _ fleet.TenantID, _ fleet.TicketID, after int64, limit int,
) ([]fleet.PageRow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mostPages = max(w.mostPages, limit)
	var rows []fleet.PageRow
	for _, p := range w.pages {
		if p.Seq > after && len(rows) < limit {
			rows = append(rows, p)
		}
	}
	return rows, nil
}

func (w *world) Progress(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Counters, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counters, at, nil
}

func (w *world) Pace(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Pace, error) {
	return fleet.Pace{}, nil
}

func (w *world) StartTicket(_ context.Context, in fleet.TicketInput) (client.Ticket, error) {
	in, err := in.Normalise()
	if err != nil {
		return client.Ticket{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusal != nil {
		return client.Ticket{}, w.refusal
	}
	if in.ID == "" {
		in.ID = "new-1"
	}
	w.started = append(w.started, in)
	if w.unaccept == nil {
		w.tickets = append([]fleet.TicketRow{{Input: in, State: fleet.TicketWaiting, RunID: "run"}}, w.tickets...)
	}
	return client.Ticket{
		Tenant: in.Tenant, Ticket: in.ID, RunID: "run",
		WorkflowID: fleet.TicketWorkflowID(in.Tenant, in.ID),
	}, nil
}

func (w *world) WaitTicket(ctx context.Context, _, _ string) (fleet.TicketResult, error) {
	if w.unaccept != nil {
		return fleet.TicketResult{}, w.unaccept
	}
	<-ctx.Done()
	return fleet.TicketResult{}, ctx.Err()
}

func (w *world) CancelTicket(_ context.Context, workflowID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancelled = append(w.cancelled, workflowID)
	return nil
}

func (w *world) PauseTicket(_ context.Context, id string, r fleet.SteerRequest) (fleet.TicketStatus, error) {
	w.steered = append(w.steered, "pause "+id+" by "+r.By)
	return fleet.TicketStatus{}, nil
}

func (w *world) ResumeTicket(_ context.Context, id string, r fleet.SteerRequest) (fleet.TicketStatus, error) {
	w.steered = append(w.steered, "resume "+id+" by "+r.By)
	return fleet.TicketStatus{}, nil
}

// visitor is a browser of somebody.
type visitor struct {
	t    *testing.T
	site *httptest.Server
	http http.Client
}

func (w *world) serve(t *testing.T, change ...func(*web.Options)) *visitor {
	t.Helper()
	o := web.Options{
		Control: w, Data: w, Secret: "the fleet's secret", Clock: func() time.Time { return w.now },
		Steer: func(context.Context) (web.Steering, error) { return w, nil },
	}
	for _, c := range change {
		c(&o)
	}
	h, err := web.New(o)
	require.NoError(t, err)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return (&visitor{t: t, site: s}).another()
}

// another is somebody else at the same site.
func (v *visitor) another() *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(v.t, err)
	return &visitor{t: v.t, site: v.site, http: http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a visitor got.
type answer struct {
	*http.Response
	text string
}

func (v *visitor) do(r *http.Request) answer {
	v.t.Helper()
	resp, err := v.http.Do(r)
	require.NoError(v.t, err)
	b, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	require.NoError(v.t, resp.Body.Close())
	return answer{resp, string(b)}
}

func (v *visitor) request(method, path, body string) *http.Request {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.site.URL+path, strings.NewReader(body))
	require.NoError(v.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (v *visitor) get(path string) answer {
	v.t.Helper()
	return v.do(v.request(http.MethodGet, path, ""))
}

// post sends a form as a browser does from our own page.
func (v *visitor) post(path string, form url.Values) answer {
	v.t.Helper()
	r := v.request(http.MethodPost, path, form.Encode())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(r)
}

func (v *visitor) login(key fleet.Secret) answer {
	v.t.Helper()
	return v.post("/login", url.Values{"key": {key.Reveal()}})
}

// token reads the token of the forms of a page.
func (v *visitor) token(path string) string {
	v.t.Helper()
	_, rest, found := strings.Cut(v.get(path).text, `name="token" value="`)
	require.True(v.t, found, "no form on %s", path)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}
