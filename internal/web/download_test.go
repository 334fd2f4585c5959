package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestDownload_HasEveryPageOnceInEachForm(t *testing.T) {
	t.Parallel()
	const most = 1234
	w := newWorld()
	for i := len(w.pages); i < most; i++ {
		w.pages = append(w.pages, samplePage(int64(i+1)))
	}
	v := w.serve(t)
	v.login(demoKey)
	read := map[string]func(text string) int{
		"json": func(text string) int {
			var all []fleet.PageRow
			require.NoError(t, json.Unmarshal([]byte(text), &all))
			return len(all)
		},
		"jsonl": func(text string) int {
			n := 0
			for line := range strings.Lines(text) {
				var p fleet.PageRow
				require.NoError(t, json.Unmarshal([]byte(line), &p))
				n++
				require.Equal(t, int64(n), p.Seq)
			}
			return n
		},
		"csv": func(text string) int {
			all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			require.NoError(t, err)
			require.Contains(t, all[0], "fields.price")
			return len(all) - 1
		},
	}
	for form, count := range read {
		a := v.get("/t/demo/tickets/runs/pages." + form)
		require.Equal(t, http.StatusOK, a.StatusCode)
		require.Equal(t, "attachment; filename=runs."+form, a.Header.Get("Content-Disposition"))
		require.Equal(t, most, count(a.text), form)
	}
	require.LessOrEqual(t, w.mostPages, 500, "never the whole in memory")
}

func TestDownload_ItemsAreWhatTheTicketExtracts(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.pages = w.pages[:2]
	w.pages[1].Outcome = fleet.PageFailed
	v := w.serve(t)
	v.login(demoKey)
	require.Contains(t, v.get("/t/demo/tickets/runs").text, `href="/t/demo/tickets/runs/items.csv"`)
	for form, want := range map[string]string{
		"json": "[\n{\"price\":\"12.50\"}\n]\n", "jsonl": "{\"price\":\"12.50\"}\n", "csv": "price\n12.50\n",
	} {
		a := v.get("/t/demo/tickets/runs/items." + form)
		require.Equal(t, want, a.text)
		require.Equal(t, "attachment; filename=runs-items."+form, a.Header.Get("Content-Disposition"))
	}
	for i := range w.tickets {
		w.tickets[i].Input.Extract = nil
	}
	require.NotContains(t, v.get("/t/demo/tickets/runs").text, "items.csv")
	require.Equal(t, http.StatusUnprocessableEntity, v.get("/t/demo/tickets/runs/items.csv").StatusCode)
}

func TestDownload_OfNothingIsAnEmptyList(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.pages = nil
	v := w.serve(t)
	v.login(demoKey)
	require.Equal(t, "[]\n", v.get("/t/demo/tickets/runs/pages.json").text)
	require.Empty(t, v.get("/t/demo/tickets/runs/pages.jsonl").text)
	require.Contains(t, v.get("/t/demo/tickets/runs/pages.csv").text, "seq,")
	require.Equal(t, http.StatusNotFound, v.get("/t/demo/tickets/runs/pages.xml").StatusCode)
}

func TestDownload_IsCompressedWhereThatIsTaken(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	v.login(demoKey)
	plain := v.get("/t/demo/tickets/runs/pages.jsonl")
	r := v.request(http.MethodGet, "/t/demo/tickets/runs/pages.jsonl", "")
	r.Header.Set("Accept-Encoding", "gzip")
	a := v.do(r)
	require.Equal(t, "gzip", a.Header.Get("Content-Encoding"))
	z, err := gzip.NewReader(bytes.NewReader([]byte(a.text)))
	require.NoError(t, err)
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, plain.text, string(text))
}
