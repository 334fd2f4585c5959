package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// wrong is a ticket's document that is refused, with how.
type wrong struct {
	name     string
	document string
	code     fleet.Code
	field    string // "" where the error is about the whole document
	says     string
}

func wrongs(tenant fleet.TenantID, url string) []wrong {
	ticket := func(rest string) string { return fmt.Sprintf(`{"tenant":%q,%s}`, tenant, rest) }
	good := fmt.Sprintf(`"urls":[%q]`, url)
	long := strings.Repeat(fmt.Sprintf("%q,", url+"?"+strings.Repeat("x", 100)), 10_000)
	return []wrong{
		{"an unknown tenant", `{"tenant":"nobody",` + good + `}`, fleet.CodeNotFound, "tenant", "nobody"},
		{"an unknown field", ticket(good + `,"colour":"red"`), fleet.CodeUnknownField, "colour", "unknown field"},
		{"what only the operator may allow", ticket(good + `,"fetch":{"robots":"ignore"}`), fleet.CodeForbidden, "fetch.robots", "--ignore-robots"},
		{"a bad URL", ticket(`"urls":["gopher://example.org/"]`), fleet.CodeInvalid, "urls[0]", "gopher"},
		{"a URL of a wrong type", ticket(`"urls":"` + url + `"`), fleet.CodeInvalid, "urls", "a list"},
		{"no seeds", ticket(`"urls":[]`), fleet.CodeInvalid, "urls", "is empty"},
		{"a private address", ticket(`"urls":["http://10.0.0.1/"]`), fleet.CodeForbidden, "urls[0]", "10.0.0.1"},
		{"seeds of over 1 MB", ticket(`"urls":[` + long + `"` + url + `"]`), fleet.CodeInvalid, "", "split the seed list"},
		{"a negative depth", ticket(good + `,"scope":{"maxDepth":-1}`), fleet.CodeInvalid, "scope.maxDepth", "0 to 1000"},
		{"too many pages", ticket(good + `,"scope":{"maxPages":20000000}`), fleet.CodeInvalid, "scope.maxPages", "10000000"},
		{"too many fetchers", ticket(good + `,"fetch":{"concurrency":65}`), fleet.CodeInvalid, "fetch.concurrency", "64"},
		{"a number for a duration", ticket(good + `,"fetch":{"timeout":30}`), fleet.CodeInvalid, "fetch.timeout", "duration"},
		{"a bad session key", ticket(good + `,"session":{"key":"an n"}`), fleet.CodeInvalid, "session.key", ""},
		{"a country that is none", ticket(good + `,"place":{"countries":["Germany"]}`), fleet.CodeInvalid, "place.countries[0]", "Germany"},
		{"a place where nothing is", ticket(good + `,"place":{"countries":["XX"]}`), fleet.CodeInvalid, "place", "XX"},
		{"a deadline that is none", ticket(good + `,"deadline":"soon"`), fleet.CodeInvalid, "deadline", "soon"},
	}
}

// refused judges the error of our own command line.
func (w wrong) refused(t *testing.T, e fleet.Error) {
	t.Helper()
	require.Equal(t, w.code, e.Code, "%s: %+v", w.name, e)
	require.Equal(t, w.field, e.Field, "%s: %+v", w.name, e)
	require.Contains(t, e.Error(), w.says, w.name)
}

// refusedByTemporal gives the document to a workflow by the stock command line and
// judges its failure.
func (w wrong) refusedByTemporal(t *testing.T, f *Fleet, workflow, id string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "document.json")
	require.NoError(t, os.WriteFile(file, []byte(w.document), 0o600))
	said := f.TemporalCLI(t, "workflow", "execute", "--type", workflow, "--task-queue", "crawlfleet",
		"--workflow-id", id, "--input-file", file, "--output", "json")
	require.NotZero(t, said.Exit, w.name)
	message, kind := failureOf(t, said)
	require.Equal(t, string(w.code), kind, "%s: %s", w.name, said.Out)
	require.Contains(t, message, w.field, w.name)
	require.Contains(t, message, w.says, w.name)
}

func TestBadTenant_IsRefusedByFieldAtBothDoors(t *testing.T) {
	t.Parallel()
	f := shared(t)
	a := f.NewTenant(t, fleet.Plan{})
	for i, w := range []wrong{
		{"an unknown field", `{"tenant":"bad-one","plan":{"colour":1}}`, fleet.CodeUnknownField, "plan.colour", "unknown field"},
		{"a bad name", `{"tenant":"Bad One"}`, fleet.CodeInvalid, "tenant", "Bad One"},
		{"too many slots", `{"tenant":"bad-one","plan":{"slotsPerCrawler":65}}`, fleet.CodeInvalid, "plan.slotsPerCrawler", "64"},
	} {
		said := f.Crawlfleet(t, w.document, "tenant", "create", "-f", "-", "--wait", "-o", "json")
		w.refused(t, said.Error(t))
		w.refusedByTemporal(t, f, "Tenant", fmt.Sprintf("bad-tenant-%d", i))
	}
	e := f.Crawlfleet(t, "", "tenant", "create", string(a.ID), "-o", "json").Error(t)
	require.Equal(t, fleet.CodeConflict, e.Code)
	require.Equal(t, "tenant", e.Field)
	_, err := f.Control.Tenant(t.Context(), "bad-one")
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err), "nothing was made")
}

func TestBadTicket_IsRefusedByFieldOrCauseAtBothDoorsAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	beside := a.Submit(maze(s, 100, 50*time.Millisecond))
	beside.Leased()
	for i, w := range wrongs(a.ID, s.URL()) {
		submit := []string{"ticket", "submit", "-f", "-", "-o", "json"}
		w.refused(t, f.Crawlfleet(t, w.document, append(submit, "--wait")...).Error(t))
		w.refused(t, f.Crawlfleet(t, w.document, submit...).Error(t))
		w.refusedByTemporal(t, f, "Ticket", fmt.Sprintf("bad-%s-%d", a.ID, i))
	}
	r := beside.End()
	require.Equal(t, fleet.OutcomeLimited, r.Outcome, show(r))
	require.EqualValues(t, 100, r.Counters.Fetched)
	require.Zero(t, r.Moves, "it was not disturbed")
}

func TestBadTicket_PrivateAddressIsRefusedWhereTheOperatorAllowsNone(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Settings: map[string]string{"allow-private": ""}})
	s := site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	for _, url := range []string{s.URL(), "http://localhost:1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/"} {
		e := f.Crawlfleet(t, "", "ticket", "submit", url, "-t", string(a.ID), "--wait", "-o", "json").Error(t)
		require.Equal(t, fleet.CodeForbidden, e.Code, url)
		require.Equal(t, "urls[0]", e.Field)
		require.Contains(t, e.Hint, "--allow-private")
	}
	require.Empty(t, a.Processes(), "no crawler was started for it")
	require.Empty(t, s.Log())
}

func TestBadSite_PageThatNeverEndsIsCutAndTheTicketEnds(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	in := page(s.ShopURL(sample.NeverEndsPath))
	in.Fetch.MaxBody = 256 << 10
	k := a.Submit(in)
	k.Done()
	pages := k.Pages()
	require.Len(t, pages, 1)
	require.True(t, pages[0].Truncated)
	require.EqualValues(t, 256<<10, pages[0].Bytes)

	// And by time, where the cap is far away.
	in = page(s.ShopURL(sample.NeverEndsPath))
	none := 0
	in.Fetch.MaxBody, in.Fetch.Timeout, in.Fetch.Retries = 100<<20, fleet.Duration(time.Second), &none
	r := a.Submit(in).End()
	require.Equal(t, fleet.OutcomeFailed, r.Outcome, show(r))
	require.Equal(t, fleet.CodeUnreachable, r.Error.Code)
}

func TestBadSite_OneThatIsDownFailsTheTicketWithTheCause(t *testing.T) {
	t.Parallel()
	f := shared(t)
	a := f.NewTenant(t, fleet.Plan{})
	// Two ports that no outgoing connection gets while the site is down.
	ports, err := devserver.FreePorts(loopback, 2)
	require.NoError(t, err)
	hosts := []string{fmt.Sprintf("%s:%d", loopback, ports[0]), fmt.Sprintf("%s:%d", loopback, ports[1])}
	url := "http://" + hosts[0] + "/"
	said := f.Crawlfleet(t, "", "ticket", "submit", url, "-t", string(a.ID), "--id", "down",
		"--max-pages", "20", "--wait", "-o", "json")
	require.Equal(t, 3, said.Exit, "a bad outcome\n%s%s", said.Out, said.Errors)
	r := a.Named("down").End()
	require.Equal(t, fleet.OutcomeFailed, r.Outcome)
	require.Equal(t, fleet.CodeUnreachable, r.Error.Code)
	require.Contains(t, r.Error.Message, "refused")
	require.Contains(t, r.Error.Message, url)

	// Another attempt, when the site is there again.
	again := site(t, sample.Options{Hosts: hosts})
	said = f.Crawlfleet(t, "", "ticket", "retry", "down", "-t", string(a.ID), "--wait", "-o", "json").OK(t)
	var second fleet.TicketResult
	said.Into(t, &second)
	require.Equal(t, 2, second.Attempt)
	require.Equal(t, fleet.OutcomeLimited, second.Outcome)
	require.Equal(t, 1, again.Count(url))
	require.True(t, second.Counters.Balanced(), show(second.Counters))
}
