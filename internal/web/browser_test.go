package web_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/browser"
)

func chromium(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Stop()) })
	return b
}

// focused is what the focus is on, as its tag and its text.
func focused(t *testing.T, p *browser.Page) string {
	t.Helper()
	var text string
	require.NoError(t, p.Eval(`(() => { const e = document.activeElement;
		return e.tagName + " " + (e.labels?.[0]?.textContent ?? e.textContent).trim(); })()`, &text))
	return text
}

// loginByKeys logs in as somebody does who has no mouse.
func loginByKeys(t *testing.T, p *browser.Page, site string) {
	t.Helper()
	require.NoError(t, p.Go(site+"/login"))
	require.NoError(t, p.Press(browser.Tab))
	require.Equal(t, "A Skip to the content", focused(t, p))
	require.NoError(t, p.Press(browser.Enter))
	require.NoError(t, p.Press(browser.Tab))
	require.Equal(t, "INPUT Key", focused(t, p))
	require.NoError(t, p.Type(demoKey.Reveal()))
	require.NoError(t, p.Press(browser.Enter))
	require.NoError(t, p.Wait(`location.pathname === "/t/demo" && document.readyState === "complete"`))
}

func TestBrowser_EveryPageCanBeUsedByEverybody(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.deliveries = []fleet.Delivery{{Notice: fleet.NoticeDone, State: fleet.DeliveryPending, URL: "https://a.example/"}}
	v, b := w.serve(t), chromium(t)
	for name, view := range map[string]browser.View{
		"light": {}, "dark": {Dark: true}, "narrow": {Width: 360, Height: 640}, "no script": {NoScript: true},
	} {
		p, err := b.Open(t.Context(), view)
		require.NoError(t, err)
		loginByKeys(t, p, v.site.URL)
		for _, path := range []string{
			"/t/demo", "/t/demo/tickets", "/t/demo/tickets?state=closing", "/t/demo/tickets/runs",
			"/t/demo/tickets/waits", "/t/demo/tickets/has-failed?after=50", "/t/demo/tickets/runs?did=cancel",
			"/t/demo/crawlers", "/t/demo/submit", "/login",
		} {
			require.NoError(t, p.Go(v.site.URL+path))
			found, err := p.Inspect()
			require.NoError(t, err)
			require.Empty(t, found, "%s, %s", path, name)
			var wide bool
			require.NoError(t, p.Eval(`document.documentElement.scrollWidth > innerWidth`, &wide))
			require.False(t, wide, "%s, %s: it scrolls sideways", path, name)
			require.Empty(t, p.Problems(), "%s, %s", path, name)
		}
	}
}

func TestBrowser_SubmitsByKeysAndIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	p, err := chromium(t).Open(t.Context(), browser.View{NoScript: true})
	require.NoError(t, err)
	loginByKeys(t, p, v.site.URL)
	for _, want := range []string{"Skip to the content", "Overview", "Tickets", "Crawlers", "New ticket"} {
		require.NoError(t, p.Press(browser.Tab))
		require.Equal(t, "A "+want, focused(t, p))
	}
	require.NoError(t, p.Press(browser.Enter))
	require.NoError(t, p.Wait(`document.title.startsWith("New ticket")`))
	tabTo(t, p, "TEXTAREA URLs")
	require.NoError(t, p.Type("ftp://a.example/"))
	tabTo(t, p, "BUTTON Submit")
	require.NoError(t, p.Press(browser.Space))
	require.NoError(t, p.Wait(`document.title.startsWith("Error")`))
	tree, err := p.Tree()
	require.NoError(t, err)
	require.Contains(t, tree, browser.Node{Role: "alert", Focusable: true})
	found, err := p.Inspect()
	require.NoError(t, err)
	require.Empty(t, found)

	tabTo(t, p, "TEXTAREA URLs") // from the summary of the errors on
	require.NoError(t, p.Eval(`document.activeElement.select()`, nil))
	require.NoError(t, p.Type("https://a.example/"))
	tabTo(t, p, "BUTTON Submit")
	require.NoError(t, p.Press(browser.Enter))
	require.NoError(t, p.Wait(`location.pathname === "/t/demo/tickets/new-1"`))
	require.Equal(t, []string{"https://a.example/"}, w.started[0].URLs)
}

// tabTo presses the tabulator until the focus is there.
func tabTo(t *testing.T, p *browser.Page, want string) {
	t.Helper()
	var seen []string
	for range 40 {
		require.NoError(t, p.Press(browser.Tab))
		if seen = append(seen, focused(t, p)); seen[len(seen)-1] == want {
			return
		}
	}
	require.Fail(t, "the tabulator never comes there", "%s: %s", want, strings.Join(seen, ", "))
}

func TestBrowser_ProgressComesByItselfAndLeavesTheFocusAlone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	p, err := chromium(t).Open(t.Context(), browser.View{})
	require.NoError(t, err)
	loginByKeys(t, p, v.site.URL)
	require.NoError(t, p.Go(v.site.URL+"/t/demo/tickets/runs"))
	tabTo(t, p, "BUTTON Cancel")
	w.mu.Lock()
	w.counters.Fetched, w.counters.Queued = 240, 42
	w.mu.Unlock()
	require.NoError(t, p.Wait(`document.getElementById("counters").textContent.includes("240")`))
	require.NoError(t, p.Wait(`document.getElementById("line").textContent.includes("80 to 90 %")`))
	require.Equal(t, "BUTTON Cancel", focused(t, p))

	w.mu.Lock()
	for i, row := range w.tickets {
		if row.Input.ID == "runs" {
			w.tickets[i].State, w.tickets[i].Lease = fleet.TicketEnded, nil
			w.tickets[i].Result = &fleet.TicketResult{Outcome: fleet.OutcomeDone, Counters: w.counters}
		}
	}
	w.mu.Unlock()
	require.NoError(t, p.Wait(`document.getElementById("line").textContent === "Ended done"`))
	require.NoError(t, p.Wait(`document.getElementById("main").dataset.live === "false"`), "and asks no more")
	require.Empty(t, p.Problems())
}
