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
