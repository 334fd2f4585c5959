package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

var demoDay = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func plainKey(url string) (string, string) { return strings.TrimSuffix(url, "#top"), "" }

func fetched(urls ...string) []fleet.PageRow {
	rows := make([]fleet.PageRow, len(urls))
	for i, u := range urls {
		rows[i] = fleet.PageRow{Seq: int64(i + 1), PageResult: fleet.PageResult{URL: u, Outcome: fleet.PageFetched}}
	}
	return rows
}

func requests(source string, paths ...string) []sample.Request {
	log := make([]sample.Request, len(paths))
	for i, p := range paths {
		log[i] = sample.Request{
			Host: "site", Path: p, Source: source, Time: demoDay.Add(time.Duration(i) * time.Second),
		}
	}
	return log
}

// saws are what the findings saw, for tests that read them.
func saws(all []finding) []string {
	out := make([]string, len(all))
	for i, f := range all {
		out[i] = f.Saw
	}
	return out
}

func TestJudgePages_EachPageOnceAndNothingElse(t *testing.T) {
	t.Parallel()
	truth := sample.Truth{Pages: []string{"a", "b"}, Files: []string{"f"}}
	redirect := fleet.PageRow{PageResult: fleet.PageResult{URL: "old", Outcome: fleet.PageRedirected}}
	for name, c := range map[string]struct {
		stored []fleet.PageRow
		saw    []string
	}{
		"as it has to be": {fetched("a", "b", "f"), []string{}},
		"another spelling and what is no page": {
			append(fetched("a#top", "b", "f"), redirect), []string{},
		},
		"missing":               {fetched("a", "f"), []string{"1 missing: b"}},
		"twice":                 {fetched("a", "b", "f", "b"), []string{"1 stored more than once: b"}},
		"twice by its spelling": {fetched("a", "b", "f", "a#top"), []string{"1 stored more than once: a"}},
		"invented":              {fetched("a", "b", "f", "x"), []string{"1 stored that are no page of the site: x"}},
		"nothing":               {nil, []string{"3 missing: a, b, f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.saw, saws(judgePages("t", truth, c.stored, plainKey)))
		})
	}
}

func TestJudgePages_AnotherTitleIsAnotherPage(t *testing.T) {
	t.Parallel()
	key := func(url string) (string, string) { return url, "Brass Compass" }
	stored := fetched("a")
	stored[0].Title = "Brass Compass"
	require.Empty(t, judgePages("t", sample.Truth{Pages: []string{"a"}}, stored, key))
	stored[0].Title = "Not found"
	require.Equal(t, []string{`"Not found"`}, saws(judgePages("t", sample.Truth{Pages: []string{"a"}}, stored, key)))
}

func TestJudgePages_TheBundledSitesOwnTruthHolds(t *testing.T) {
	t.Parallel()
	site := sample.New(sample.Options{})
	require.NoError(t, site.Start(t.Context()))
	t.Cleanup(func() { _ = site.Stop(t.Context()) })
	d := demo{site: site}
	truth := d.truth()
	require.Len(t, truth.Pages, 300)
	stored := fetched(append(append([]string{}, truth.Pages...), truth.Files...)...)
	for i := range stored {
		if p, ok := site.Page(stored[i].URL); ok {
			stored[i].Title = p.Title
		}
	}
	require.Empty(t, judgePages("t", truth, stored, keyOf(site)))
	stored[7].URL = stored[8].URL + "#again"
	require.NotEmpty(t, judgePages("t", truth, stored, keyOf(site)))
}

func TestJudgeManners_NothingForbiddenAndNothingLeftOut(t *testing.T) {
	t.Parallel()
	truth := sample.Truth{
		Pages: []string{"http://site/"}, Redirects: map[string]string{"http://site/old": "http://site/"},
		Blocked: []string{"http://site/trap"},
	}
	require.Empty(t, judgeManners(truth, requests("1", "/robots.txt", "/", "/old")))
	require.Equal(t, []string{"1 never: http://site/old"}, saws(judgeManners(truth, requests("1", "/"))))
	require.Equal(t, []string{"1 asked for: http://site/trap"},
		saws(judgeManners(truth, requests("1", "/", "/old", "/trap"))))
}

func TestJudgeOnce_AllowsRobotsAndThePageThatFailsOnce(t *testing.T) {
	t.Parallel()
	log := requests("1", "/robots.txt", "/robots.txt", "/a", "/flaky", "/flaky")
	require.Empty(t, judgeOnce(log, "http://site/flaky"))
	require.NotEmpty(t, judgeOnce(log))
	require.NotEmpty(t, judgeOnce(append(log, requests("1", "/flaky")...), "http://site/flaky"))
}

func TestJudgeRefetched_BoundsWhatAKillCosts(t *testing.T) {
	t.Parallel()
	log := requests("1", "/a", "/b", "/a", "/b", "/c")
	require.Empty(t, judgeRefetched(log, 2))
	require.NotEmpty(t, judgeRefetched(log, 1))
	n, urls := refetched(log)
	require.Equal(t, 2, n)
	require.Equal(t, []string{"http://site/a", "http://site/b"}, urls)
}

func TestJudgeSources_AnotherAddressIsSeen(t *testing.T) {
	t.Parallel()
	log := requests("127.0.16.1", "/a", "/b")
	require.Empty(t, judgeSources(log, "127.0.16.1"))
	require.NotEmpty(t, judgeSources(log, "127.0.16.2"))
	require.NotEmpty(t, judgeSources(append(log, requests("127.0.16.2", "/c")...), "127.0.16.1"))
	require.Equal(t, []string{"from none"}, saws(judgeSources(nil, "127.0.16.1")))

	require.Empty(t, judgeSpread(log, 1))
	require.NotEmpty(t, judgeSpread(log, 2))
}

func TestJudgeMoved_OnlyAnotherAddressAfterTheKillCounts(t *testing.T) {
	t.Parallel()
	killed := demoDay.Add(time.Minute)
	late := requests("127.0.16.2", "/z")
	before := append(requests("127.0.16.1", "/a"), late...)
	require.NotEmpty(t, judgeMoved(before, "127.0.16.1", killed), "what came before the kill")
	late[0].Time = killed.Add(time.Second)
	require.Empty(t, judgeMoved(append(requests("127.0.16.1", "/a"), late...), "127.0.16.1", killed))
	require.NotEmpty(t, judgeMoved(late, "127.0.16.2", killed), "the killed one itself")
}

func TestJudgeResumed_WantsBothCrawlers(t *testing.T) {
	t.Parallel()
	rows := fetched("a", "b")
	rows[0].GUID, rows[1].GUID = "victim", "other"
	require.Empty(t, judgeResumed(rows, "victim"))
	require.NotEmpty(t, judgeResumed(rows[:1], "victim"), "never resumed")
	require.NotEmpty(t, judgeResumed(rows[1:], "victim"), "killed before it did anything")
	rows = append(rows, fetched("c")...)
	rows[2].GUID = "third"
	require.NotEmpty(t, judgeResumed(rows, "victim"))
}

func TestJudgeProcesses_ASurvivorIsNamed(t *testing.T) {
	t.Parallel()
	p := machineProcess{PID: 4711, GUID: "01a1fbaf-81d2-72d5-9cdc-71dd56b8a95d"}
	require.Empty(t, judgeProcesses("now", 0, nil))
	require.Equal(t, []string{"4711 (56b8a95d)"}, saws(judgeProcesses("now", 0, []machineProcess{p})))
	require.Equal(t, []string{"none"}, saws(judgeProcesses("now", 1, nil)))
	require.NotEmpty(t, judgeVictim(p, []machineProcess{p}))
	require.Empty(t, judgeVictim(p, []machineProcess{{PID: 1, GUID: "other"}}))

	living := func(pid int) bool { return pid == 4711 }
	require.Empty(t, judgeGone(map[string]int{"control worker": 1}, living))
	require.Equal(t, []string{"control worker, process 4711"},
		saws(judgeGone(map[string]int{"control worker": 4711, "Temporal server": 1}, living)))
}

func TestJudgeEnd_OnlyDoneWithASumIsDone(t *testing.T) {
	t.Parallel()
	row := func(o fleet.Outcome, c fleet.Counters) fleet.TicketRow {
		return fleet.TicketRow{Result: &fleet.TicketResult{Outcome: o, Counters: c}}
	}
	require.Empty(t, judgeEnd(row(fleet.OutcomeDone, fleet.Counters{Discovered: 1, Fetched: 1})))
	require.NotEmpty(t, judgeEnd(row(fleet.OutcomeDone, fleet.Counters{Discovered: 2, Fetched: 1})))
	require.NotEmpty(t, judgeEnd(row(fleet.OutcomeLimited, fleet.Counters{})))
	require.NotEmpty(t, judgeEnd(row(fleet.OutcomeFailed, fleet.Counters{})))
	require.Equal(t, []string{"running"}, saws(judgeEnd(fleet.TicketRow{State: fleet.TicketRunning})))
}

func TestJudgeTenant_ReadyWithAProof(t *testing.T) {
	t.Parallel()
	proof := fleet.CrawlerRow{Proof: true, Times: fleet.CrawlerTimes{Serving: demoDay}}
	ready := fleet.TenantStatus{State: fleet.TenantReady}
	require.Empty(t, judgeTenant(ready, []fleet.CrawlerRow{proof}))
	require.NotEmpty(t, judgeTenant(fleet.TenantStatus{State: fleet.TenantFailed}, []fleet.CrawlerRow{proof}))
	require.NotEmpty(t, judgeTenant(ready, []fleet.CrawlerRow{{Proof: true}}), "it never said Hello")
	require.NotEmpty(t, judgeTenant(ready, []fleet.CrawlerRow{{Times: proof.Times}}), "no proof")
}

func TestJudgeBill_IsTheSumOfTheLedger(t *testing.T) {
	t.Parallel()
	eur := func(micros int64) fleet.Money { return fleet.Money{Micros: micros, Currency: "EUR"} }
	bill := fleet.Bill{
		Tenant: "demo", Ticket: "t", Total: eur(5), Final: true,
		Lines: []fleet.LedgerLine{{Amount: eur(2)}, {Amount: eur(3)}},
	}
	require.Empty(t, judgeBill(bill, eur(5)))
	require.NotEmpty(t, judgeBill(bill, eur(4)), "the ticket's row")
	wrong := bill
	wrong.Total = eur(6)
	require.NotEmpty(t, judgeBill(wrong, eur(5)), "the bill")
	open := bill
	open.Final = false
	require.NotEmpty(t, judgeBill(open, eur(5)), "not final")
	require.NotEmpty(t, judgeBill(fleet.Bill{Final: true}, fleet.Money{}), "a crawl that cost nothing")

	costs := []fleet.Bill{{Tenant: "demo", Total: eur(7)}, {Tenant: "other", Total: eur(100)}}
	require.Empty(t, judgeTotal(costs, "demo", []fleet.Bill{bill, {Total: eur(2)}}))
	require.NotEmpty(t, judgeTotal(costs, "demo", []fleet.Bill{bill}), "one micro that nobody pays")
}

func TestJudgeVisit_SomePagesAndNotTooMany(t *testing.T) {
	t.Parallel()
	row := fleet.TicketRow{Result: &fleet.TicketResult{Outcome: fleet.OutcomeLimited}}
	require.Empty(t, judgeVisit(row, fetched("https://a/")))
	require.NotEmpty(t, judgeVisit(row, fetched("https://a/", "https://a/")))
	require.NotEmpty(t, judgeVisit(fleet.TicketRow{}, fetched("https://a/")))
	many := make([]string, visitPages+1)
	for i := range many {
		many[i] = "https://a/" + strings.Repeat("x", i)
	}
	require.NotEmpty(t, judgeVisit(row, fetched(many...)))
	away := fleet.PageRow{PageResult: fleet.PageResult{
		URL: "https://a/", Outcome: fleet.PageRedirected, Links: []fleet.Link{{URL: "https://www.a/"}},
	}}
	require.Contains(t, saws(judgeVisit(row, []fleet.PageRow{away}))[0], "try --url https://www.a/")
}

func TestJudgePace_TwoRequestsTooSoonAreSeen(t *testing.T) {
	t.Parallel()
	at := func(url string, d time.Duration) fleet.PageRow {
		return fleet.PageRow{PageResult: fleet.PageResult{URL: url, Status: 200, FetchedAt: demoDay.Add(d)}}
	}
	polite := []fleet.PageRow{at("https://a/1", time.Second), at("https://a/2", 0), at("https://b/1", 100*time.Millisecond)}
	require.Empty(t, judgePace(polite, 500*time.Millisecond))
	require.NotEmpty(t, judgePace(append(polite, at("https://a/3", 1200*time.Millisecond)), 500*time.Millisecond))
}
