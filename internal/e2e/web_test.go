package e2e

import (
	"encoding/csv"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/browser"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// webURL is where dev says that the tenants' pages are.
func (f *Fleet) webURL(t *testing.T) string {
	t.Helper()
	var status struct{ Running struct{ Web string } }
	f.Crawlfleet(t, "", "fleet", "status", "-o", "json").OK(t).Into(t, &status)
	require.NotEmpty(t, status.Running.Web)
	return status.Running.Web
}

// key makes a key of the account as an operator does.
func (a *Tenant) key(t *testing.T, name string) string {
	t.Helper()
	var made struct{ Key string }
	a.Crawlfleet(t, "", "tenant", "key", "create", name, "--tenant", string(a.ID), "-o", "json").OK(t).Into(t, &made)
	require.NotEmpty(t, made.Key)
	return made.Key
}

// ask sends a request with a key, as a program of a tenant does.
func ask(t *testing.T, url, key string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }() // it was read
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

// tourist is somebody who looks at the pages with a browser and without a mouse.
type tourist struct {
	*browser.Page
	t    *testing.T
	site string
}

func visit(t *testing.T, b *browser.Browser, site, key string, v browser.View) tourist {
	t.Helper()
	p, err := b.Open(t.Context(), v)
	require.NoError(t, err)
	g := tourist{p, t, site}
	g.goTo("/")
	g.tabTo("INPUT Key")
	require.NoError(t, p.Type(key))
	require.NoError(t, p.Press(browser.Enter))
	g.await(`document.querySelector("h1").textContent === "Overview"`)
	return g
}

func (g tourist) goTo(path string) {
	g.t.Helper()
	require.NoError(g.t, g.Go(g.site+path))
}

func (g tourist) await(expression string) {
	g.t.Helper()
	require.NoError(g.t, g.Wait(expression))
}

// tabTo presses the tabulator until the focus is on an element, by its tag and text.
func (g tourist) tabTo(want string) {
	g.t.Helper()
	var seen []string
	for range 60 {
		require.NoError(g.t, g.Press(browser.Tab))
		var at string
		require.NoError(g.t, g.Eval(`(() => { const e = document.activeElement;
			return e.tagName + " " + (e.labels?.[0]?.textContent ?? e.textContent).trim(); })()`, &at))
		if seen = append(seen, at); at == want {
			return
		}
	}
	require.Fail(g.t, "the tabulator never comes there", "%s: %s", want, strings.Join(seen, ", "))
}

// clean wants a page that everybody can use and that the browser has nothing against.
func (g tourist) clean() {
	g.t.Helper()
	found, err := g.Inspect()
	require.NoError(g.t, err)
	require.Empty(g.t, found)
	require.Empty(g.t, g.Problems())
}

func TestWeb_ATenantWorksWithItsPages(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Dev: true, Settings: map[string]string{"web-listen": loopback + ":0"}})
	s := site(t, sample.Options{})
	a, other := f.NewTenant(t, fleet.Plan{}), f.NewTenant(t, fleet.Plan{})
	web, key, foreign := f.webURL(t), a.key(t, "ann"), other.key(t, "bob")
	home := "/t/" + string(a.ID)
	b, err := browser.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Stop()) })

	g := visit(t, b, web, key, browser.View{})
	g.clean()
	g.tabTo("A New ticket")
	require.NoError(t, g.Press(browser.Enter))
	g.await(`document.title.startsWith("New ticket")`)
	g.tabTo("TEXTAREA URLs")
	require.NoError(t, g.Type(s.ShopURL(sample.MazePath)))
	g.tabTo("INPUT Most pages")
	require.NoError(t, g.Type("14"))
	g.tabTo("INPUT Id")
	require.NoError(t, g.Type("by-hand"))
	require.NoError(t, g.Press(browser.Enter))
	g.await(`document.querySelector("h1").textContent === "Ticket by-hand"`)
	k := a.Named("by-hand")

	// The page changes under the reader, who has not loaded it again.
	require.NoError(t, g.Eval(`window.untouched = true`, nil))
	g.await(`/^Runs/.test(document.getElementById("line").textContent)`)
	g.tabTo("BUTTON Pause")
	require.NoError(t, g.Press(browser.Enter))
	g.await(`document.querySelector(".notice")?.textContent.includes("is paused")`)
	k.Waits(fleet.WaitPaused)
	require.NoError(t, g.Eval(`window.untouched = true`, nil))
	g.await(`/^Waits: /.test(document.getElementById("line").textContent)`)
	g.await(`[...document.querySelectorAll("#acts button")].some(b => b.textContent === "Resume")`)
	g.clean()
	g.tabTo("BUTTON Resume")
	require.NoError(t, g.Press(browser.Enter))
	g.await(`document.querySelector(".notice")?.textContent.includes("goes on")`)
	require.NoError(t, g.Eval(`window.untouched = true`, nil))
	g.await(`document.getElementById("line").textContent.startsWith("Ended limited")`)
	g.await(`window.untouched && document.getElementById("main").dataset.live === "false"`)
	r := k.End()
	require.Equal(t, int64(14), r.Counters.Fetched)
	var known, sum int64
	require.NoError(t, g.Eval(`Number(document.querySelector(".sum tfoot .n").textContent.replace(/\D/g, ""))`, &known))
	require.NoError(t, g.Eval(`[...document.querySelectorAll(".sum tbody .n")].reduce((s, e) => s + Number(e.textContent.replace(/\D/g, "")), 0)`, &sum))
	require.Equal(t, r.Counters.Discovered, known)
	require.Equal(t, known, sum)
	g.clean()

	status, text := ask(t, web+home+"/tickets/by-hand/pages.csv", key)
	require.Equal(t, http.StatusOK, status)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+len(k.Pages()))

	// Another is cancelled before it has come far.
	slow := a.Submit(maze(s, 1000, time.Second))
	slow.Leased()
	g.goTo(home + "/tickets/" + string(slow.Name))
	g.tabTo("BUTTON Cancel")
	require.NoError(t, g.Press(browser.Enter))
	g.await(`document.querySelector(".notice")?.textContent.includes("being cancelled")`)
	require.Equal(t, fleet.OutcomeCancelled, slow.End().Outcome)
	g.await(`document.getElementById("line").textContent.startsWith("Ended cancelled")`)

	f.isolates(t, web, home, foreign)
	f.readsWithoutScript(t, visit(t, b, web, key, browser.View{NoScript: true}), home)
	f.revives(t, g, home)

	a.Crawlfleet(t, "", "tenant", "key", "revoke", "ann", "--tenant", string(a.ID)).OK(t)
	g.goTo(home)
	g.await(`document.querySelector("h1").textContent === "Log in"`)
	status, _ = ask(t, web+home, key)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, f.Crawlfleet(t, "", "fleet", "status").OK(t).Out, web)
}

// isolates: to another tenant's key the pages look as those that do not exist.
func (f *Fleet) isolates(t *testing.T, web, home, foreign string) {
	t.Helper()
	_, missing := ask(t, web+"/t/nobody", foreign)
	for _, path := range []string{home, home + "/tickets", home + "/tickets/by-hand", home + "/tickets/by-hand/pages.json"} {
		status, text := ask(t, web+path, foreign)
		require.Equal(t, http.StatusNotFound, status, path)
		require.Equal(t, missing, text, path)
	}
}

// readsWithoutScript: everything is there for a browser that runs no script.
func (f *Fleet) readsWithoutScript(t *testing.T, g tourist, home string) {
	t.Helper()
	for path, part := range map[string]string{
		"": "by-hand", "/tickets": "by-hand", "/crawlers": "process/", "/tickets/by-hand": "What was decided, and why",
	} {
		g.goTo(home + path)
		var text string
		require.NoError(t, g.Eval(`document.getElementById("main").innerText`, &text))
		require.Contains(t, text, part, path)
		g.clean()
	}
}

// revives: the pages come back by themselves, on the same port, and who was logged in is.
func (f *Fleet) revives(t *testing.T, g tourist, home string) {
	t.Helper()
	all, err := f.Processes()
	require.NoError(t, err)
	killed := 0
	for _, p := range all {
		if len(p.Args) > 1 && p.Args[1] == "web" {
			Kill(p.PID)
			killed++
		}
	}
	require.Equal(t, 1, killed)
	Await(t, "the pages to be back", func() (bool, string) {
		err := g.Go(g.site + home)
		return err == nil, show(err)
	})
	g.await(`document.querySelector("h1").textContent === "Overview"`)
}
