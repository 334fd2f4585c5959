package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

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
