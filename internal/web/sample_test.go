package web_test

import (
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func euro(micros int64) fleet.Money { return fleet.Money{Micros: micros, Currency: "EUR"} }

// newWorld has two tenants with a key each; demo has a ticket in each state.
func newWorld() *world {
	w := &world{
		now: at.Add(time.Minute),
		tenants: map[fleet.TenantID]fleet.TenantStatus{
			"demo": {
				Tenant: "demo", Name: "Demo & Sons", State: fleet.TenantReady, Spent: euro(8_123_456),
				Plan:     fleet.Plan{MaxSpend: &fleet.Money{Micros: 10_000_000, Currency: "EUR"}},
				Webhooks: []fleet.Webhook{{URL: "https://hooks.example.com/in?secret=1"}},
			},
			"other": {Tenant: "other", State: fleet.TenantReady},
		},
		keys:      map[string]fleet.KeyRow{},
		counters:  fleet.Counters{Discovered: 300, Fetched: 120, Redirected: 4, Failed: 1, Skipped: 5, InFlight: 8, Queued: 162, Bytes: 1 << 20},
		crawlers:  sampleCrawlers(),
		decisions: sampleDecisions(),
		bill:      sampleBill(),
	}
	for key, tenant := range map[fleet.Secret]fleet.TenantID{demoKey: "demo", otherKey: "other"} {
		w.keys[fleet.KeyDigest(key)] = fleet.KeyRow{Tenant: tenant, Name: "pages", CreatedAt: at}
	}
	w.tickets = sampleTickets()
	for i := range 120 {
		w.pages = append(w.pages, samplePage(int64(i+1)))
	}
	w.pages[1].Title = `=HYPERLINK("http://evil.example") <script>alert("1")</script>`
	return w
}

func samplePage(seq int64) fleet.PageRow {
	return fleet.PageRow{
		Seq: seq, GUID: guidA, Depth: 1,
		PageResult: fleet.PageResult{
			ID: seq, URL: fmt.Sprintf("https://shop.example.com/item/%d?a=1&b=2", seq), Outcome: fleet.PageFetched,
			Status: 200, Title: fmt.Sprintf("Item %d", seq), Bytes: 2048, Took: fleet.Duration(31 * time.Millisecond),
			FetchedAt: at, Fields: map[string]any{"price": "12.50"},
		},
	}
}

func sampleTickets() []fleet.TicketRow {
	row := func(id fleet.TicketID, state fleet.TicketState) fleet.TicketRow {
		return fleet.TicketRow{
			Input: fleet.TicketInput{
				Tenant: "demo", ID: id, URLs: []string{"https://shop.example.com/?q=<b>"},
				Labels: map[string]string{"project": "shop"}, Extract: map[string]fleet.Field{"price": {CSS: ".price"}},
			},
			State: state, WorkflowID: fleet.TicketWorkflowID("demo", id), RunID: "run-1",
			Times: fleet.TicketTimes{Accepted: at, Leased: at.Add(time.Second)},
		}
	}
	waiting, running := row("waits", fleet.TicketWaiting), row("runs", fleet.TicketRunning)
	waiting.Times.Leased = time.Time{}
	waiting.Wait = &fleet.Wait{
		Code: fleet.WaitSlot, Message: "all 4 slots are taken, and the plan allows no more crawlers", Since: at,
		Until: at.Add(time.Minute),
	}
	running.Lease = &fleet.Lease{GUID: guidA, Address: "127.0.16.2"}
	done, failed := row("was-done", fleet.TicketEnded), row("has-failed", fleet.TicketEnded)
	for r, o := range map[*fleet.TicketRow]fleet.Outcome{&done: fleet.OutcomeDone, &failed: fleet.OutcomeFailed} {
		r.Times.Ended = at.Add(30 * time.Second)
		r.Result = &fleet.TicketResult{
			Outcome: o, Crawlers: []fleet.GUID{guidB, guidA}, Addresses: []string{"127.0.16.3", "127.0.16.2"}, Moves: 1,
			Attempt: 1, Counters: fleet.Counters{Discovered: 20, Fetched: 18, Failed: 2, Refetched: 3},
		}
	}
	failed.Result.Error = fleet.Errorf(fleet.CodeUnreachable, "no seed could be fetched")
	failed.Result.Reason = "no seed could be fetched"
	foreign := row("foreign", fleet.TicketRunning)
	foreign.Input.Tenant = "other"
	return []fleet.TicketRow{foreign, waiting, running, done, failed}
}

func sampleCrawlers() []fleet.CrawlerRow {
	return []fleet.CrawlerRow{
		{
			Tenant: "demo", GUID: guidA, State: fleet.CrawlerServing, Offering: "process/local-a", Country: "DE",
			Address: "127.0.16.2", Slots: 4, Leased: 2, Served: 7, Times: fleet.CrawlerTimes{Reserved: at},
		},
		{
			Tenant: "demo", GUID: guidB, State: fleet.CrawlerGone, Reason: "lost: killed by signal 9",
			Offering: "process/local-b", Country: "NL", Address: "127.0.16.3", Slots: 4, Served: 1,
			Times: fleet.CrawlerTimes{Reserved: at.Add(-time.Hour), Gone: at},
		},
	}
}

func sampleDecisions() []fleet.DecisionRecord {
	record := func(after time.Duration, kind fleet.DecisionKind, guid fleet.GUID, reason string) fleet.DecisionRecord {
		return fleet.DecisionRecord{At: at.Add(after), Tenant: "demo", Kind: kind, GUID: guid, Reason: reason}
	}
	return []fleet.DecisionRecord{
		record(-42*time.Second, fleet.DecidedLaunch, guidA, "launched for an earlier ticket"),
		record(0, fleet.DecidedAccept, "", "accepted"),
		record(2*time.Millisecond, fleet.DecidedWait, "", "no crawler serves"),
		record(5*time.Millisecond, fleet.DecidedStart, guidA, "the cheapest place that fits"),
		record(80*time.Millisecond, fleet.DecidedRoute, guidA, "it has a free slot"),
	}
}

func sampleBill() fleet.Bill {
	line := func(kind fleet.LedgerKind, took time.Duration, micros int64) fleet.LedgerLine {
		return fleet.LedgerLine{
			GUID: guidA, Offering: "process/local-a", Kind: kind, Time: fleet.Duration(took), Amount: euro(micros),
		}
	}
	return fleet.Bill{
		Total: euro(160), Final: false,
		Lines: []fleet.LedgerLine{line(fleet.LedgerSlot, 29*time.Second, 150), line(fleet.LedgerStart, time.Second, 10)},
	}
}
