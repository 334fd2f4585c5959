package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

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

func TestBatch_RefusesFlagsThatDocumentsHaveFieldsFor(t *testing.T) {
	t.Parallel()
	for flag, value := range map[string]string{
		"--id": "t-1", "--session": "ann", "--country": "DE", "--address": "203.0.113.7", "--fresh-address": "true",
		"--max-pages": "1", "--max-depth": "1", "--delay": "1s", "--deadline": "1h", "--start-at": "1h",
		"--max-cost": "1EUR", "--webhook": "https://a.example/", "--extract": "h=h1", "--label": "a=b", "--priority": "1",
	} {
		h := &helm{}
		batch := `{"tenant":"demo","urls":["http://a.example/"]}`
		got := runWith(t, program{helm: h, in: batch}, "ticket", "submit", "-f", "-", flag+"="+value)
		require.Equal(t, exitUsage, got.code, "%s: %s", flag, got.err)
		require.Contains(t, got.err, strings.TrimPrefix(flag, "--")+": is given with documents")
		require.Empty(t, h.started, flag)
	}
}
