package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestPages_AreWhatTheyWere(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	golden(t, "login.html", v.get("/login").text)
	require.Equal(t, http.StatusSeeOther, v.login(demoKey).StatusCode)
	for name, path := range map[string]string{
		"overview": "/t/demo", "tickets": "/t/demo/tickets?label=project%3Dshop", "crawlers": "/t/demo/crawlers",
		"submit": "/t/demo/submit", "waiting": "/t/demo/tickets/waits?after=120",
		"running": "/t/demo/tickets/runs?after=117", "failed": "/t/demo/tickets/has-failed?after=118",
	} {
		a := v.get(path)
		require.Equal(t, http.StatusOK, a.StatusCode, path)
		require.NotContains(t, a.text, "<script>alert", path)
		golden(t, name+".html", unsigned(a.text))
	}
	golden(t, "missing.html", v.get("/t/demo/nothing").text)
}

// unsigned takes the tokens out of a page: they follow from a random id.
func unsigned(text string) string {
	const open = `name="token" value="`
	var b strings.Builder
	for {
		head, rest, found := strings.Cut(text, open)
		b.WriteString(head)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, `"`)
		b.WriteString(open + `…"`)
	}
}

func TestPages_HaveTheHeadersThatKeepThemApart(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	v.login(demoKey)
	for _, path := range []string{"/login", "/t/demo", "/t/other", "/nothing", "/t/demo/tickets/runs/pages.csv"} {
		h := v.get(path).Header
		require.Equal(t, "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "+
			"img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			h.Get("Content-Security-Policy"), path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Equal(t, "no-store", h.Get("Cache-Control"), path)
	}
	page := v.do(func() *http.Request {
		r := v.request(http.MethodGet, "/t/demo", "")
		r.Header.Set("Accept-Encoding", "gzip")
		return r
	}())
	require.Empty(t, page.Header.Get("Content-Encoding"), "a page with a token is not compressed")
}

func TestAssets_AreKeptForEverAndSmall(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	v.login(demoKey)
	page := v.get("/t/demo").text
	for _, open := range []string{`<link rel="stylesheet" href="`, `<script src="`} {
		_, rest, found := strings.Cut(page, open)
		require.True(t, found, open)
		path, _, _ := strings.Cut(rest, `"`)
		a := v.get(path)
		require.Equal(t, http.StatusOK, a.StatusCode)
		require.Contains(t, a.Header.Get("Cache-Control"), "immutable")
		if strings.Contains(path, ".js") {
			require.Less(t, len(a.text), 3000)
		}
	}
	require.Equal(t, http.StatusNotFound, v.get("/assets/style.css").StatusCode)
}

func TestTickets_AreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	w := newWorld()
	row := w.tickets[2]
	w.tickets = nil
	for i := range 120 {
		row.Input.ID = fleet.TicketID("t-" + string(rune('a'+i/26)) + string(rune('a'+i%26)))
		w.tickets = append(w.tickets, row)
	}
	v := w.serve(t)
	v.login(demoKey)
	seen := map[string]bool{}
	path := "/t/demo/tickets"
	for pages := 0; path != ""; pages++ {
		require.Less(t, pages, 3)
		text := v.get(path).text
		for part := range strings.SplitSeq(text, `<th scope="row" class="name"><a href="/t/demo/tickets/`) {
			if id, _, found := strings.Cut(part, `"`); found && strings.HasPrefix(id, "t-") {
				require.False(t, seen[id], id)
				seen[id] = true
			}
		}
		path = ""
		if before, _, found := strings.Cut(text, `">Older</a>`); found {
			path = strings.ReplaceAll(before[strings.LastIndex(before, `"`)+1:], "&amp;", "&")
		}
	}
	require.Len(t, seen, 120)
	for query, part := range map[string]string{
		"state=wild": "running", "label=x": "name=value", "before=%20": "starting with",
	} {
		a := v.get("/t/demo/tickets?" + query)
		require.Equal(t, http.StatusUnprocessableEntity, a.StatusCode, query)
		require.Contains(t, a.text, part, query)
	}
	require.Contains(t, v.get("/t/demo/tickets?state=ended").text, "No ticket fits")
}

func TestTicket_SaysWhenItsCountersDoNotAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	v.login(demoKey)
	require.Contains(t, v.get("/t/demo/tickets/runs").text, "the sum of the rows")
	w.counters.Fetched++
	require.Contains(t, v.get("/t/demo/tickets/runs").text, "which is a defect")
}

func TestTicket_ShowsItsMessagesToWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.deliveries = []fleet.Delivery{{
		DeliveryRef: fleet.DeliveryRef{Tenant: "demo", ID: "msg_1"}, Notice: fleet.NoticeDone, Tries: 3,
		State: fleet.DeliverySetAside, URL: "https://hooks.example.com/in?secret=1", LastError: "it answered 500",
	}}
	v := w.serve(t)
	v.login(demoKey)
	text := v.get("/t/demo/tickets/was-done").text
	require.Contains(t, text, "it answered 500")
	require.Contains(t, text, "set_aside")
	require.NotContains(t, text, "secret=1")
}

func TestOverview_SaysWhyNothingRuns(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	v.login(demoKey)
	require.NotContains(t, v.get("/t/demo").text, `class="banner"`)
	for text, change := range map[string]func(*fleet.TenantStatus){
		"is suspended (unpaid)": func(s *fleet.TenantStatus) { s.State, s.Reason = fleet.TenantSuspended, "unpaid" },
		"the month is spent":    func(s *fleet.TenantStatus) { s.Held = &fleet.Wait{Message: "the month is spent"} },
		"being deleted":         func(s *fleet.TenantStatus) { s.State = fleet.TenantDeleting },
		"being set up":          func(s *fleet.TenantStatus) { s.State = fleet.TenantProvisioning },
		"could not be set up":   func(s *fleet.TenantStatus) { s.State = fleet.TenantFailed },
	} {
		s := fleet.TenantStatus{Tenant: "demo", State: fleet.TenantReady}
		change(&s)
		w.mu.Lock()
		w.tenants["demo"] = s
		w.mu.Unlock()
		for _, path := range []string{"/t/demo", "/t/demo/tickets"} {
			require.Contains(t, v.get(path).text, text)
		}
	}
}

func TestForm_SubmitGoldenOfErrors(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	v.login(demoKey)
	a := v.post("/t/demo/tickets", url.Values{
		"token": {v.token("/t/demo/submit")}, "urls": {"ftp://example.com/\n<b>"}, "pages": {"9"},
	})
	require.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
	golden(t, "submit-error.html", unsigned(a.text))
}
