package main

import (
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func euro(micros int64) fleet.Money { return fleet.Money{Micros: micros, Currency: "EUR"} }

// story is a fleet in which something has happened.
// steered is a story with keys, an audit trail and messages to webhooks.
func steered() *stores {
	s := story()
	s.keys = []fleet.KeyRow{
		{Tenant: "demo", Name: "ann", Digest: "0123456789ab", CreatedAt: at},
		{Tenant: "demo", Name: "bob", Digest: "ba9876543210", CreatedAt: at, RevokedAt: at.Add(time.Hour)},
		{Tenant: "demo", Name: "eve", Digest: "aaaaaaaaaaaa", CreatedAt: at.Add(-time.Hour), ExpiresAt: at.AddDate(-1, 0, 0)},
	}
	s.audit = []fleet.AuditRecord{
		{Seq: 2, At: at.Add(time.Minute), Tenant: "demo", Actor: "ann@desk", Action: "tenant suspend", Detail: "unpaid"},
		{Seq: 1, At: at, Tenant: "demo", Action: "tenant plan", Detail: "maxCrawlers 2"},
	}
	message := fleet.Delivery{
		DeliveryRef: fleet.DeliveryRef{Tenant: "demo", ID: "msg_0123456789abcdef01234567"}, Ticket: "done-1",
		Notice: fleet.NoticeDone, URL: "https://example.com/hook", State: fleet.DeliveryDone, Tries: 1, TriedAt: at,
	}
	aside := message
	aside.ID, aside.State, aside.Tries, aside.LastError = "msg_ffffffffffffffffffffffff", fleet.DeliverySetAside, 24, "answered 503"
	s.deliveries = []fleet.Delivery{message, aside}
	return s
}

// leftOver is a fleet on two substrates, of which one does not list, and an address that
// is banned.
func leftOver() *stores {
	s := steered()
	cost := euro(108_000)
	s.comparisons = []fleet.Comparison{
		{Provider: "nomad", Tried: at, Done: at.Add(-time.Hour), Error: "list: nomad: list: retryable: no leader"},
		{Provider: "process", Tried: at, Done: at, Instances: 2, Leftovers: []fleet.Leftover{
			{
				Provider: "process", Kind: fleet.LeftoverOrphan, Tenant: "gone", GUID: guidA, Offering: "process/local-a",
				ProviderID: "4711", Address: "127.0.16.2", Found: at.Add(-time.Minute), Cost: &cost,
			},
			{Provider: "process", Kind: fleet.LeftoverMissing, Tenant: "demo", GUID: guidB, Offering: "process/local-b", Found: at},
		}},
	}
	s.egress = []fleet.EgressRow{
		{
			Tenant: "demo", Host: "example.com", Address: "127.0.16.2", Used: at, Took: fleet.Duration(1500 * time.Millisecond),
			Banned: at.Add(10 * time.Minute), Bans: 1, Why: "status 429",
		},
		{Tenant: "demo", Host: "example.com", Address: "127.0.16.3", Used: at, Took: fleet.Duration(4 * time.Second), Slow: true},
	}
	return s
}

func story() *stores {
	result := fleet.TicketResult{
		Tenant: "demo", Ticket: "done-1", Outcome: fleet.OutcomeDone, Crawlers: []fleet.GUID{guidA, guidB},
		Addresses: []string{"127.0.16.1", "127.0.16.2"}, Moves: 1, Bill: euro(123),
		Counters: fleet.Counters{Discovered: 10, Fetched: 7, Redirected: 1, Failed: 1, Skipped: 1, Refetched: 2, Bytes: 900},
		Times: fleet.TicketTimes{
			Accepted: at, Leased: at.Add(410 * time.Millisecond), Started: at.Add(420 * time.Millisecond),
			Ended: at.Add(3210 * time.Millisecond),
		},
	}
	failed := result
	failed.Ticket, failed.Outcome, failed.Reason = "failed-1", fleet.OutcomeFailed, "no seed could be fetched"
	failed.Error = fleet.Errorf(fleet.CodeUnreachable, "connection refused")
	input := func(id fleet.TicketID) fleet.TicketInput {
		return fleet.TicketInput{Tenant: "demo", ID: id, URLs: []string{"http://example.com/", "http://example.com/b"}}
	}
	row := func(id fleet.TicketID, state fleet.TicketState) fleet.TicketRow {
		return fleet.TicketRow{
			Input: input(id), State: state, WorkflowID: "by-hand-" + string(id), Times: fleet.TicketTimes{Accepted: at},
		}
	}
	done, bad := row("done-1", fleet.TicketEnded), row("failed-1", fleet.TicketEnded)
	done.Result, done.Times, bad.Result, bad.Times = &result, result.Times, &failed, result.Times
	waiting, running := row("waiting-1", fleet.TicketWaiting), row("running-1", fleet.TicketRunning)
	waiting.Wait = &fleet.Wait{Code: fleet.WaitSlots, Message: "all 2 slots of the plan are in use", Since: at}
	running.Lease = &fleet.Lease{GUID: guidA, Address: "127.0.16.1"}
	running.Times.Leased = at.Add(time.Millisecond)
	return &stores{
		tenants: []fleet.TenantStatus{{Tenant: "demo", State: fleet.TenantReady, Name: "Demonstration"}},
		tickets: []fleet.TicketRow{done, bad, waiting, running},
		crawlers: []fleet.CrawlerRow{
			{
				Tenant: "demo", GUID: guidA, State: fleet.CrawlerServing, Offering: "process/local-a", Country: "DE",
				Address: "127.0.16.1", Slots: 4, Leased: 1, Served: 3, PID: 77,
				Times: fleet.CrawlerTimes{Reserved: at, Main: at.Add(30 * time.Millisecond), Serving: at.Add(90 * time.Millisecond)},
			},
			{Tenant: "demo", GUID: guidB, State: fleet.CrawlerGone, Offering: "process/local-b", Slots: 4, Reason: "idle"},
		},
		decisions: []fleet.DecisionRecord{
			{At: at.Add(-42 * time.Second), GUID: guidA, Kind: fleet.DecidedLaunch, Reason: "accepted after 11ms"},
			{At: at, Kind: fleet.DecidedAccept, Reason: "new ticket"},
			{At: at.Add(time.Millisecond), Kind: fleet.DecidedWait, Reason: "a crawler is being started for it"},
			{At: at.Add(5 * time.Millisecond), GUID: guidA, Kind: fleet.DecidedStart, Reason: "process/local-a is the cheapest"},
			{At: at.Add(2 * time.Second), GUID: guidA, Kind: fleet.DecidedBury, Reason: "killed by signal 9"},
			{At: at.Add(3210 * time.Millisecond), Kind: fleet.DecidedEnd, Reason: "done, 7 pages"},
		},
		bill: fleet.Bill{Tenant: "demo", Ticket: "done-1", Total: euro(150), Final: true, Lines: []fleet.LedgerLine{
			{Kind: fleet.LedgerSlot, Amount: euro(100)},
			{Kind: fleet.LedgerSlot, Amount: euro(23)},
			{Kind: fleet.LedgerStart, Amount: euro(27)},
		}},
		counters: fleet.Counters{Discovered: 5, Fetched: 2, InFlight: 1, Queued: 2},
	}
}
