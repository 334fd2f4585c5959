package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

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
		"tenant: demo\nurls: [http://a/]\nscope: {depht: 3}": "scope.depht",
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
