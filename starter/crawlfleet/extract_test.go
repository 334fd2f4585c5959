package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func rulesFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func shopPage(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/p", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest/", http.StatusFound)
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<title>Lamp</title><h1>Lamp</h1><p class=price>12,50 EUR</p>`))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestExtract_ShowsWhatMatches(t *testing.T) {
	t.Parallel()
	s := shopPage(t)
	for _, rules := range []string{
		"name: {css: h1}\nprice: {css: .price, type: number}\nsku: {css: .sku, required: true}\n",
		"tenant: demo\nurls: [http://a.example/]\nextract:\n  name: {css: h1}\n  price: {css: .price, type: number}\n  sku: {css: .sku, required: true}\n",
	} {
		got := runWith(t, program{}, "extract", "--url", s.URL+"/moved", "--rules", rulesFile(t, rules),
			"--allow-private", "127.0.0.0/8", "-o", "json")
		require.Zero(t, got.code, got.err)
		require.JSONEq(t, `{"url":"`+s.URL+`/p","status":200,"contentType":"text/html","charset":"utf-8","title":"Lamp",
			"fields":{"name":"Lamp","price":12.5,"sku":null},"missing":["sku"]}`, got.out)
	}
}

func TestExtract_ObeysTheGuardAndNamesBadFields(t *testing.T) {
	t.Parallel()
	s := shopPage(t)
	good := rulesFile(t, "name: {css: h1}")
	for want, args := range map[string][]string{
		"is a private address": {"--url", s.URL, "--rules", good},
		"169.254.169.254":      {"--url", s.URL + "/inside", "--rules", good, "--allow-private", "127.0.0.0/8"},
		"extract.x.css":        {"--url", s.URL, "--rules", rulesFile(t, "x: {css: 'p['}")},
		"extract.x.xpath":      {"--url", s.URL, "--rules", rulesFile(t, "x: {xpath: '//p['}")},
		"extract.x.type":       {"--url", s.URL, "--rules", rulesFile(t, "x: {css: p, type: money}")},
		"csss":                 {"--url", s.URL, "--rules", rulesFile(t, "x: {csss: p}")},
		"url":                  {"--rules", good},
		"rules":                {"--url", s.URL},
	} {
		got := runWith(t, program{}, append([]string{"extract"}, args...)...)
		require.NotZero(t, got.code, want)
		require.Contains(t, got.err, want)
	}
}
