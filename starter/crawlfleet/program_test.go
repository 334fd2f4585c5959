package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

// program is what a command line runs with.
type program struct {
	stores   *stores
	helm     *helm
	in       string
	environ  []string
	terminal bool
	ctx      context.Context
}

type outcome struct {
	code     int
	out, err string
}

// runWith runs one command line over a data directory of its own.
func runWith(t *testing.T, p program, args ...string) outcome {
	t.Helper()
	if p.stores == nil {
		p.stores = story()
	}
	if p.helm == nil {
		p.helm = &helm{}
	}
	if p.ctx == nil {
		p.ctx = t.Context()
	}
	home := t.TempDir()
	d, err := config.OpenDir(filepath.Join(home, "data"), thisRelease(), at)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	require.NoError(t, d.SetRunning(config.Running{Temporal: "127.0.0.1:7233", Namespace: "default", PID: 42, Started: at}))
	require.NoError(t, os.MkdirAll(d.Crawlers(), 0o700))
	require.NoError(t, os.WriteFile(d.CrawlerLog(guidB), []byte("line one\nline two\n"), 0o600))

	var out, problems bytes.Buffer
	environ := append([]string{
		"HOME=" + home, "TEMPORAL_CONFIG_FILE=/none", "CRAWLFLEET_DATA_DIR=" + d.Path,
	}, p.environ...)
	a := newApp(environ, Stdio{In: strings.NewReader(p.in), Out: &out, Err: &problems})
	a.isTerminal = func(any) bool { return p.terminal }
	none := func() error { return nil }
	a.doors = doors{
		control: func(context.Context, *config.Dir, config.Config) (fleet.Reader, func() error, error) {
			return p.stores, none, nil
		},
		tenants: func(context.Context, *config.Dir, config.Config) (fleet.TenantReader, func() error, error) {
			return p.stores, none, nil
		},
		temporal: func(_ context.Context, o client.Options) (steering, func() error, error) {
			require.Equal(t, "127.0.0.1:7233", o.Address, "the running fleet is found")
			return p.helm, none, nil
		},
	}
	code := a.execute(p.ctx, args)
	return outcome{code: code, out: out.String(), err: strings.ReplaceAll(problems.String(), home, "HOME")}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, got, 0o644))
		return
	}
	want, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is missing: go test ./starter/crawlfleet -update", name)
	}
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "go test ./starter/crawlfleet -update, if this is meant")
}

// TestOutput_IsWhatTheGoldenFilesShow: what people and scripts read.
func TestOutput_IsWhatTheGoldenFilesShow(t *testing.T) {
	t.Parallel()
	preview := story()
	preview.preview = fleet.Preview{
		Kind: fleet.RouteWait, Start: "process/local-a", Reason: "it is the cheapest that fits",
		Candidates: []fleet.Candidate{
			{GUID: guidA, Reason: "all 4 slots are taken"},
			{Offering: "process/local-a", Chosen: true, Reason: "fits, 0.036000 EUR an hour"},
		},
	}
	pages := story()
	for i := range int64(3) {
		pages.pages = append(pages.pages, fleet.PageRow{Seq: i + 1, GUID: guidA, PageResult: fleet.PageResult{
			ID: i, URL: "http://example.com/?a=1&b=2", Outcome: fleet.PageFetched, Status: 200, Title: "Page",
			Fields: map[string]any{"price": "9 €"}, FetchedAt: at,
		}})
	}
	ok := &helm{result: *story().tickets[0].Result}
	for name, c := range map[string]struct {
		p    program
		args string
	}{
		"help":            {program{}, "--help"},
		"ticket-help":     {program{}, "ticket submit --help"},
		"tenant-list":     {program{}, "tenant list"},
		"tenant-show":     {program{}, "tenant show demo"},
		"tenant-create":   {program{}, "tenant create acme --max-crawlers 2 --wait"},
		"ticket-list":     {program{}, "ticket list"},
		"ticket-list-js":  {program{}, "ticket list --state waiting -o json"},
		"ticket-show":     {program{}, "ticket show done-1"},
		"ticket-failed":   {program{}, "ticket show failed-1 --tenant demo"},
		"ticket-waiting":  {program{}, "ticket show waiting-1"},
		"ticket-submit":   {program{}, "ticket submit http://example.com/ -t demo --id a"},
		"ticket-wait":     {program{helm: ok}, "ticket submit http://example.com/ -t demo --id done-1 --wait"},
		"ticket-dry-run":  {program{stores: preview}, "ticket submit http://example.com/ -t demo --dry-run"},
		"ticket-watch":    {program{}, "ticket watch done-1"},
		"ticket-watch-jl": {program{}, "ticket watch done-1 -o jsonl"},
		"ticket-explain":  {program{}, "ticket explain done-1"},
		"ticket-story":    {program{}, "ticket explain running-1"},
		"results":         {program{stores: pages}, "ticket results done-1"},
		"results-json":    {program{stores: pages}, "ticket results done-1 -o json --limit 2"},
		"results-jsonl":   {program{stores: pages}, "ticket results done-1 -o jsonl --after 1"},
		"results-none":    {program{}, "ticket results done-1 -o json"},
		"results-csv":     {program{stores: pages}, "ticket results done-1 -o csv"},
		"ticket-list-csv": {program{}, "ticket list -o csv"},
		"offerings-csv":   {program{}, "fleet offerings -o csv"},
		"ticket-watch-cs": {program{}, "ticket watch done-1 -o csv"},
		"crawler-list":    {program{}, "crawler list --gone"},
		"crawler-show":    {program{}, "crawler show 5b8c6"},
		"crawler-logs":    {program{}, "crawler logs 5b8c77 -f"},
		"fleet-offerings": {program{}, "fleet offerings"},
		"fleet-cost":      {program{}, "fleet cost"},
		"key-list":        {program{stores: steered()}, "tenant key list"},
		"fleet-audit":     {program{stores: steered()}, "fleet audit"},
		"deliveries":      {program{stores: steered()}, "ticket deliveries done-1"},
		"redeliver":       {program{}, "ticket redeliver done-1"},
		"tenant-plan":     {program{}, "tenant plan demo"},
		"tenant-suspend":  {program{}, "tenant suspend demo --reason unpaid"},
		"key-revoke":      {program{}, "tenant key revoke ann"},
		"ticket-pause":    {program{}, "ticket pause running-1 --reason later"},
		"pause-ended":     {program{}, "ticket pause done-1"},
		"schedule-create": {program{}, "ticket schedule create nightly http://example.com/ -t demo --every 24h"},
		"schedule-list":   {program{}, "ticket schedule list"},
		"schedule-bad":    {program{}, "ticket schedule create nightly http://example.com/ -t demo"},
		"color":           {program{terminal: true}, "ticket list"},
		"error":           {program{}, "ticket submit ftp://example.com/ -t demo"},
		"error-json":      {program{}, "ticket submit ftp://example.com/ -t demo -o json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runWith(t, c.p, strings.Fields(c.args)...)
			text := "$ crawlfleet " + c.args + "\n" + got.out
			if got.err != "" {
				text += "-- standard error\n" + got.err
			}
			text += "-- exit " + string(rune('0'+got.code)) + "\n"
			golden(t, filepath.Join("testdata", name+".txt"), []byte(text))
		})
	}
}

func TestRun_UsageErrorsExitWithTwoAndSayWhatIsWanted(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"nonsense", "ticket nonsense", "ticket show", "ticket show a b", "--nonsense", "ticket list --limit many",
		"ticket list --state sleeping", "ticket submit", "ticket submit http://a/ -f -", "ticket submit -f - --id x",
		"tenant create", "tenant create a -f -", "tenant apply", "tenant delete demo", "completion", "completion tcsh",
		"-o xml version", "version extra",
	} {
		got := runWith(t, program{}, strings.Fields(args)...)
		require.Equal(t, exitUsage, got.code, args)
		require.Empty(t, got.out, args)
		require.Contains(t, got.err, "error [invalid]", args)
	}
	require.Contains(t, runWith(t, program{}, "ticket", "sumbit").err, "did you mean submit?")

	got := runWith(t, program{}, "ticket", "list", "--nonsense", "-o", "json")
	var e fleet.Error
	require.NoError(t, json.Unmarshal([]byte(got.err), &e))
	require.Contains(t, e.Message, "--nonsense")
	require.Equal(t, "crawlfleet ticket list --help", e.Hint)
}

func TestRun_ExitCodesFollowTheOutcome(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[fleet.Outcome]int{
		fleet.OutcomeDone: exitDone, fleet.OutcomeLimited: exitDone,
		fleet.OutcomeFailed: exitOutcome, fleet.OutcomeExpired: exitOutcome, fleet.OutcomeCancelled: exitOutcome,
	} {
		h := &helm{result: fleet.TicketResult{Ticket: "a", Outcome: outcome}}
		got := runWith(t, program{helm: h}, "ticket", "submit", "http://a.example/", "-t", "demo", "--wait", "-o", "json")
		require.Equal(t, want, got.code, "%s: %s", outcome, got.err)
		var result fleet.TicketResult
		require.NoError(t, json.Unmarshal([]byte(got.out), &result), "data stays alone on standard output")
		require.Equal(t, outcome, result.Outcome)
	}
	require.Equal(t, exitOutcome, runWith(t, program{}, "ticket", "watch", "failed-1").code)
	require.Equal(t, exitError, runWith(t, program{}, "ticket", "watch", "nobody").code)
	h := &helm{result: fleet.TicketResult{Outcome: fleet.OutcomeCancelled}}
	require.Equal(t, exitDone, runWith(t, program{helm: h}, "ticket", "cancel", "running-1", "--wait").code, "as asked")
}

func TestWait_TimeoutAndInterruptLeaveTheTicketAlone(t *testing.T) {
	t.Parallel()
	got := runWith(t, program{helm: &helm{waiting: make(chan struct{})}},
		"ticket", "submit", "http://a.example/", "-t", "demo", "--id", "x", "--wait", "--wait-timeout", "10ms", "-q")
	require.Equal(t, exitWaiting, got.code)
	require.Contains(t, got.err, "the wait timed out; ticket x goes on")
	require.Contains(t, got.err, "crawlfleet ticket watch x --tenant demo")

	ctx, interrupt := context.WithCancel(t.Context())
	h := &helm{waiting: make(chan struct{})}
	go func() { <-h.waiting; interrupt() }()
	got = runWith(t, program{helm: h, ctx: ctx}, "ticket", "submit", "http://a.example/", "-t", "demo", "--id", "x", "--wait")
	require.Equal(t, exitWaiting, got.code)
	require.Contains(t, got.err, "detached; ticket x goes on")
	require.Empty(t, h.cancelled)

	got = runWith(t, program{}, "ticket", "watch", "running-1", "--wait-timeout", "10ms")
	require.Equal(t, exitWaiting, got.code)
	require.Contains(t, got.err, "running-1: running on aaaaaaaa, 5 URLs = 2 fetched + 1 in flight + 2 queued")
}

func TestBatch_ReportsABadLineAndGoesOn(t *testing.T) {
	t.Parallel()
	h := &helm{}
	batch := `{"tenant":"demo","urls":["http://a.example/"],"id":"one"}
{"tenant":"demo","urls":["http://a.example/"],"colour":"red"}

{"tenant":"demo","urls":
{"urls":["http://b.example/"],"id":"two"}
`
	got := runWith(t, program{helm: h, in: batch}, "ticket", "submit", "-f", "-", "-t", "demo", "-o", "jsonl")
	require.Equal(t, exitError, got.code)
	require.Len(t, h.started, 2)
	require.Equal(t, fleet.TenantID("demo"), h.started[1].Tenant, "--tenant completes a document")
	require.Len(t, strings.Split(strings.TrimSpace(got.out), "\n"), 2)
	var problems []failure
	for line := range strings.Lines(got.err) {
		f := failure{Error: &fleet.Error{}}
		if json.Unmarshal([]byte(line), &f) == nil && f.Code != "" {
			problems = append(problems, f)
		}
	}
	require.Len(t, problems, 2, got.err)
	require.Equal(t, "line 2", problems[0].At)
	require.Equal(t, "colour", problems[0].Field)
	require.Equal(t, "line 4", problems[1].At)
	require.Contains(t, got.err, "2 submitted, 2 refused of 4")
}

func TestBatch_WaitsForAllAndTellsTheWorst(t *testing.T) {
	t.Parallel()
	h := &helm{result: fleet.TicketResult{Outcome: fleet.OutcomeFailed}}
	batch := `[{"tenant":"demo","urls":["http://a.example/"]},{"tenant":"demo","urls":["http://b.example/"]}]`
	got := runWith(t, program{helm: h, in: batch}, "ticket", "submit", "-f", "-", "--wait", "-o", "json")
	require.Equal(t, exitOutcome, got.code, got.err)
	var results []fleet.TicketResult
	require.NoError(t, json.Unmarshal([]byte(got.out), &results))
	require.Len(t, results, 2)
}

func TestDocuments_InYAML(t *testing.T) {
	t.Parallel()
	h := &helm{}
	yaml := `
tenant: demo
id: first
urls:
- http://a.example/   # a comment
place: {countries: [NO, DE]}
fetch: {delay: 0s}
deadline: 2030-01-02T03:04:05Z
---
{"tenant": "demo", "id": "second", "urls": ["http://b.example/"]}
`
	got := runWith(t, program{helm: h, in: yaml}, "ticket", "submit", "-f", "-")
	require.Zero(t, got.code, got.err)
	require.Len(t, h.started, 2)
	require.Equal(t, []string{"NO", "DE"}, h.started[0].Place.Countries, "NO is a country, not a no")
	require.Zero(t, *h.started[0].Fetch.Delay)
	require.Equal(t, fleet.Moment("2030-01-02T03:04:05Z"), h.started[0].Deadline)

	for doc, field := range map[string]string{
		"tenant: demo\nurls: [http://a/]\nscope: {depht: 3}": "depht",
		"tenant: demo\nurls: [http://a/]\nfetch: {delay: 3}": "fetch.delay",
		"tenant: [": "",
		"- 7":       "",
	} {
		got := runWith(t, program{in: doc}, "ticket", "submit", "-f", "-", "-o", "json", "-q")
		require.Equal(t, exitError, got.code, doc)
		var e fleet.Error
		require.NoError(t, json.Unmarshal([]byte(got.err), &e), got.err)
		require.Equal(t, field, e.Field, doc)
	}
}

func TestDocuments_FromFilesAndMissingOnes(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "ticket.json")
	require.NoError(t, os.WriteFile(name, []byte("{\n  \"tenant\": \"demo\",\n  \"urls\": [\"http://a.example/\"]\n}\n"), 0o600))
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "ticket", "submit", "-f", name, "-f", name).code)
	require.Len(t, h.started, 2)
	require.Equal(t, exitError, runWith(t, program{}, "ticket", "submit", "-f", name+"x").code)
	require.Equal(t, exitError, runWith(t, program{in: "\n"}, "ticket", "submit", "-f", "-").code)
}

func TestSubmit_FlagsMakeTheTicket(t *testing.T) {
	t.Parallel()
	h := &helm{}
	got := runWith(t, program{helm: h}, "ticket", "submit", "http://a.example/", "http://b.example/", "-t", "demo", "--id", "x",
		"--session", "ann", "--country", "DE,NL", "--max-pages", "9", "--max-depth", "0", "--delay", "0s", "--deadline", "10m",
		"--extract", "title=h1", "--extract", "price=.price", "--label", "k=v", "--priority", "1")
	require.Zero(t, got.code, got.err)
	depth, delay := 0, fleet.Duration(0)
	want, err := fleet.TicketInput{
		Tenant: "demo", ID: "x", URLs: []string{"http://a.example/", "http://b.example/"}, Labels: map[string]string{"k": "v"},
		Session: &fleet.Session{Key: "ann"}, Place: fleet.Place{Countries: []string{"DE", "NL"}},
		Scope: fleet.Scope{MaxPages: 9, MaxDepth: &depth}, Fetch: fleet.FetchOptions{Delay: &delay}, Deadline: "10m",
		Extract: map[string]fleet.Field{"title": {CSS: "h1"}, "price": {CSS: ".price"}}, Priority: 1,
	}.Normalise()
	require.NoError(t, err)
	require.Equal(t, []fleet.TicketInput{want}, h.started)
	require.Contains(t, got.err, "no operator contact")
	require.NotContains(t, runWith(t, program{}, "-q", "ticket", "submit", "http://a/", "-t", "demo").err, "contact")
}

func TestRetry_IsTheNextAttemptOfABadEnd(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "ticket", "retry", "failed-1").code)
	require.Equal(t, 2, h.started[0].Attempt)
	for _, id := range []string{"done-1", "running-1"} {
		got := runWith(t, program{helm: h}, "ticket", "retry", id)
		require.Equal(t, exitError, got.code)
		require.Contains(t, got.err, "error [conflict]")
	}
	require.Len(t, h.started, 1)
}

func TestCancel_GoesToTheTicketsOwnWorkflow(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "ticket", "cancel", "waiting-1", "-t", "demo").code)
	require.Equal(t, []string{"by-hand-waiting-1"}, h.cancelled)
	require.Contains(t, runWith(t, program{helm: h}, "ticket", "cancel", "done-1").err, "has ended already")
}

func TestResults_AreNeverWholeInMemory(t *testing.T) {
	t.Parallel()
	s := story()
	for i := range int64(1700) {
		s.pages = append(s.pages, fleet.PageRow{Seq: 2*i + 2, PageResult: fleet.PageResult{Outcome: fleet.PageFetched}})
	}
	got := runWith(t, program{stores: s}, "ticket", "results", "done-1", "-o", "jsonl")
	require.Equal(t, 1700, strings.Count(got.out, "\n"))
	require.LessOrEqual(t, s.maxBatch, pageBatch)
	got = runWith(t, program{stores: s}, "ticket", "results", "done-1", "-o", "json", "--limit", "1001", "--follow")
	var rows []fleet.PageRow
	require.NoError(t, json.Unmarshal([]byte(got.out), &rows))
	require.Len(t, rows, 1001)
}

func TestTenant_IsCreatedAppliedAndDeleted(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "tenant", "create", "acme", "--slots", "2", "--idle-after", "5s").code)
	require.Equal(t, 5*time.Second, h.tenants[0].Plan.IdleAfter.Std())
	require.Equal(t, 2, h.tenants[0].Plan.SlotsPerCrawler)

	doc := "tenant: acme\nplan: {maxCrawlers: 3}\n"
	require.Zero(t, runWith(t, program{helm: h, in: doc}, "tenant", "apply", "-f", "-").code)
	require.Len(t, h.tenants, 1, "one that is there is changed")
	h.unknown = true
	require.Zero(t, runWith(t, program{helm: h, in: doc}, "tenant", "apply", "-f", "-").code)
	require.Equal(t, 3, h.tenants[1].Plan.MaxCrawlers)
	require.Contains(t, runWith(t, program{in: "tenant: a\nplam: {}"}, "tenant", "apply", "-f", "-").err, "plam: unknown field")

	require.Zero(t, runWith(t, program{helm: h}, "tenant", "delete", "acme", "--yes", "--wait").code)
	require.Zero(t, runWith(t, program{helm: h, in: "acme\n", terminal: true}, "tenant", "delete", "acme").code)
	require.Equal(t, exitError, runWith(t, program{helm: h, in: "acne\n", terminal: true}, "tenant", "delete", "acme").code)
	require.Len(t, h.deleted, 2)
}

func TestCrawler_IsFoundByThePartOfItsGUID(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "crawler", "drain", "5B8C6").code)
	require.Zero(t, runWith(t, program{helm: h}, "crawler", "drain", short(guidA)).code)
	ref := fleet.CrawlerRef{Tenant: "demo", GUID: guidA}
	require.Equal(t, []fleet.CrawlerRef{ref, ref}, h.drained)
	require.Contains(t, runWith(t, program{helm: h}, "crawler", "drain", "5b8c").err, "fits 2 crawlers")
	require.Contains(t, runWith(t, program{helm: h}, "crawler", "drain", "ffff").err, "error [not_found]")
}

func TestColor_OnATerminalOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p    program
		args []string
		want bool
	}{
		"terminal":   {program{terminal: true}, nil, true},
		"pipe":       {program{}, nil, false},
		"NO_COLOR":   {program{terminal: true, environ: []string{"NO_COLOR=1"}}, nil, false},
		"--no-color": {program{terminal: true}, []string{"--no-color"}, false},
		"dumb":       {program{terminal: true, environ: []string{"TERM=dumb"}}, nil, false},
	} {
		got := runWith(t, c.p, append([]string{"ticket", "list"}, c.args...)...)
		require.Equal(t, c.want, strings.Contains(got.out, "\x1b["), name)
	}
}

func TestConfig_ShowAndCheck(t *testing.T) {
	t.Parallel()
	key := "k1:" + strings.Repeat("A", 43) + "="
	p := program{environ: []string{"CRAWLFLEET_CODEC_KEYS=" + key, "CRAWLFLEET_CONTACT=ops@example.com"}}
	got := runWith(t, p, "config", "show", "-o", "json")
	require.Zero(t, got.code, got.err)
	require.NotContains(t, got.out+got.err, key)
	var values []config.Value
	require.NoError(t, json.Unmarshal([]byte(got.out), &values))
	require.Len(t, values, len(config.Settings()))
	require.Zero(t, runWith(t, p, "config", "check").code)

	p.environ = append(p.environ, "CRAWLFLEET_CONTCAT=x")
	got = runWith(t, p, "config", "check")
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, "CRAWLFLEET_CONTCAT: nothing reads this variable")
	got = runWith(t, program{environ: []string{"CRAWLFLEET_LOG_LEVEL=loud"}}, "tenant", "list")
	require.Contains(t, got.err, "log.level")
}

func TestFleet_StatusSaysWhetherItRuns(t *testing.T) {
	t.Parallel()
	got := runWith(t, program{}, "fleet", "status", "-o", "json")
	require.Zero(t, got.code, got.err)
	var s fleetStatus
	require.NoError(t, json.Unmarshal([]byte(got.out), &s))
	require.Equal(t, 42, s.Running.PID)
	require.Equal(t, map[fleet.TicketState]int{"waiting": 1, "running": 1}, s.Tickets)
	require.Contains(t, runWith(t, program{}, "fleet", "status").out, "1 waiting, 1 running")

	got = runWith(t, program{}, "fleet", "status", "--data-dir", t.TempDir())
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, "error [not_found] dataDir: no fleet in ")
	require.Contains(t, got.err, "hint: crawlfleet dev")
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	var b buildInfo
	require.NoError(t, json.Unmarshal([]byte(runWith(t, program{}, "version", "-o", "json").out), &b))
	require.Equal(t, fleet.ContractVersion, b.Contract)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, runWith(t, program{}, "completion", shell).out, "crawlfleet", shell)
	}
}

func TestTenantPlan_ChangesWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	h := &helm{}
	got := runWith(t, program{helm: h}, "tenant", "plan", "demo", "--max-crawlers", "3", "--max-spend", "12.50 EUR",
		"--keep-results", "720h")
	require.Equal(t, exitDone, got.code, got.err)
	want := fleet.Plan{MaxCrawlers: 3, MaxSpend: &fleet.Money{Micros: 12_500_000, Currency: "EUR"}}
	want.Keep.Results = fleet.Duration(720 * time.Hour)
	require.Equal(t, want, h.replans[0].Plan)
	require.Contains(t, h.replans[0].By, "@")
	require.Contains(t, got.out, "at most 12.500000 EUR a month")

	require.Equal(t, exitDone, runWith(t, program{helm: h}, "tenant", "plan", "demo").code)
	require.Len(t, h.replans, 1, "without flags it is only shown")
	got = runWith(t, program{helm: h}, "tenant", "plan", "demo", "--max-spend", "12")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.err, "such as 12.50 EUR")
}

func TestTenantKey_IsShownOnceAndOnlyItsDigestIsSent(t *testing.T) {
	t.Parallel()
	h := &helm{}
	got := runWith(t, program{helm: h}, "tenant", "key", "create", "ann", "--valid-for", "24h")
	require.Equal(t, exitDone, got.code, got.err)
	key := strings.TrimSpace(got.out)
	require.True(t, strings.HasPrefix(key, fleet.KeyPrefix))
	require.Len(t, key, len(fleet.KeyPrefix)+43)
	require.Equal(t, fleet.KeyDigest(fleet.Secret(key)), h.keys[0].Digest)
	require.False(t, h.keys[0].ExpiresAt.IsZero())
	require.NotContains(t, got.err, key)
	again := runWith(t, program{helm: h}, "tenant", "key", "create", "ann")
	require.NotEqual(t, got.out, again.out)
}

func TestTenantDelete_ForgetsTheWorkflowWhenTheProofIsPrinted(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Equal(t, exitDone, runWith(t, program{helm: h}, "tenant", "delete", "demo", "--yes").code)
	require.Empty(t, h.steered)
	require.Equal(t, exitDone, runWith(t, program{helm: h}, "tenant", "delete", "demo", "--yes", "--wait").code)
	require.Equal(t, []string{"forget demo"}, h.steered)
}
