package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	out      io.Writer // besides what runWith gives back
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
	stdout := io.Writer(&out)
	if p.out != nil {
		stdout = io.MultiWriter(&out, p.out)
	}
	a := newApp(environ, Stdio{In: strings.NewReader(p.in), Out: stdout, Err: &problems})
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
	shop := story()
	shop.tickets[0].Input.Extract = map[string]fleet.Field{
		"name":   {CSS: "h1", Required: true},
		"price":  {CSS: ".price", Fields: map[string]fleet.Field{"amount": {CSS: "b", Type: "number"}, "currency": {CSS: "i"}}},
		"offers": {CSS: ".offer", Many: true, Fields: map[string]fleet.Field{"sku": {CSS: "b", Type: "int", Required: true}, "size": {CSS: "i"}}},
	}
	for i, fields := range []fleet.Values{
		{
			"name": "Tea", "price": map[string]any{"amount": json.Number("9.50"), "currency": "EUR"},
			"offers": []any{map[string]any{"sku": json.Number("12345678901234567")}, map[string]any{"size": "S"}},
		},
		{"name": nil, "price": nil},
	} {
		p := fleet.PageRow{Seq: int64(i + 1), PageResult: fleet.PageResult{
			URL: fmt.Sprint("http://example.com/p/", i), Outcome: fleet.PageFetched, Fields: fields,
		}}
		if i == 1 {
			p.Notes.Mistyped = []string{"price.amount"}
		}
		shop.pages = append(shop.pages, p)
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
		"items":           {program{stores: shop}, "ticket results " + string(shop.tickets[0].Input.ID) + " --items"},
		"items-jsonl":     {program{stores: shop}, "ticket results " + string(shop.tickets[0].Input.ID) + " --items -o jsonl"},
		"items-csv":       {program{stores: shop}, "ticket results " + string(shop.tickets[0].Input.ID) + " --items --complete -o csv"},
		"items-each-csv":  {program{stores: shop}, "ticket results " + string(shop.tickets[0].Input.ID) + " --items --each offers -o csv"},
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
		"fleet-leftovers": {program{stores: leftOver()}, "fleet audit --leftovers"},
		"tenant-egress":   {program{stores: leftOver()}, "tenant egress demo"},
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

func TestCrawler_IsFoundByThePartOfItsGUID(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "crawler", "drain", "5B8C6").code)
	require.Zero(t, runWith(t, program{helm: h}, "crawler", "drain", guidA.Short()).code)
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

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	var b buildInfo
	require.NoError(t, json.Unmarshal([]byte(runWith(t, program{}, "version", "-o", "json").out), &b))
	require.Equal(t, fleet.ContractVersion, b.Contract)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, runWith(t, program{}, "completion", shell).out, "crawlfleet", shell)
	}
}
