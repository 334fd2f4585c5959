package crawler_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gocolly/colly/v2"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	benchPages = 1000
	// benchSite makes this test binary serve the benchmark's site, so that its
	// work is not counted as the crawler's.
	benchSite = "CRAWLER_BENCH_SITE"
)

// benchPage is a page of about 14 KB with 40 links, as documentation has them.
func benchPage(n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html><html><head><title>Page %d</title></head><body>", n)
	for i := range 40 {
		target := (n*7 + i*13 + 1) % benchPages
		if i == 0 {
			target = (n + 1) % benchPages
		}
		fmt.Fprintf(&b, `<p class="text">%s<a href="/p%d.html#s%d">link</a></p>`,
			strings.Repeat("words and <b>more</b> words ", 11), target, i%3)
	}
	return []byte(b.String())
}

// serveBenchSite is the site's process: it prints its URL and serves until its
// standard input ends.
func serveBenchSite(out io.Writer, in io.Reader) error {
	mux := http.NewServeMux()
	for i := range benchPages {
		body := benchPage(i)
		mux.HandleFunc(fmt.Sprintf("/p%d.html", i), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(body)
		})
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	if _, err := fmt.Fprintln(out, server.URL); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

func startBenchSite(b *testing.B) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), benchSite+"=1")
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	var url string
	_, err = fmt.Fscanln(out, &url)
	require.NoError(b, err)
	return url
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkEngine crawls a site of 1,000 pages of 14 KB that another process
// serves, and prints this process's CPU time for each page beside that of plain
// Colly, asynchronous and with fragments cut, in the same run.
func BenchmarkEngine(b *testing.B) {
	url := startBenchSite(b)
	var ours, plain time.Duration
	for b.Loop() {
		start := cpu(b)
		crawlOnce(b, url)
		middle := cpu(b)
		collyOnce(b, url)
		ours, plain = ours+middle-start, plain+cpu(b)-middle
	}
	pages := float64(b.N * benchPages)
	b.ReportMetric(float64(ours.Microseconds())/pages, "µs-CPU/page")
	b.ReportMetric(float64(plain.Microseconds())/pages, "µs-CPU/page(Colly)")
	b.ReportMetric(float64(ours)/float64(plain), "of-Colly")
}

// BenchmarkPages prints pages a second of the engine alone.
func BenchmarkPages(b *testing.B) {
	url := startBenchSite(b)
	for b.Loop() {
		crawlOnce(b, url)
	}
	b.ReportMetric(float64(b.N*benchPages)/b.Elapsed().Seconds(), "pages/s")
}

func crawlOnce(b *testing.B, url string) {
	b.Helper()
	none := fleet.Duration(0)
	p := newPlane(fleet.TicketInput{
		Tenant: tenant, URLs: []string{url + "/p0.html"},
		Fetch: fleet.FetchOptions{Delay: &none},
	})
	crawl(b, p)
	require.Len(b, p.urls(fleet.PageFetched, url), benchPages)
}

func collyOnce(b *testing.B, url string) {
	b.Helper()
	c := colly.NewCollector(colly.Async(true))
	require.NoError(b, c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: fleet.DefaultConcurrency}))
	var pages atomic.Int64
	c.OnHTML("a[href]", func(e *colly.HTMLElement) {
		href, _, _ := strings.Cut(e.Attr("href"), "#")
		_ = e.Request.Visit(href)
	})
	c.OnHTML("title", func(e *colly.HTMLElement) { _ = e.Text })
	c.OnResponse(func(*colly.Response) { pages.Add(1) })
	require.NoError(b, c.Visit(url+"/p0.html"))
	c.Wait()
	require.GreaterOrEqual(b, pages.Load(), int64(benchPages))
}

// BenchmarkOnePage is the latency of a warm ticket of one page without the fleet.
func BenchmarkOnePage(b *testing.B) {
	s := newSite(b)
	s.page("/")
	plane := &swap{}
	e := newEngine(b, plane)
	for b.Loop() {
		plane.DataPlane = newPlane(s.ticket("/"))
		_, err := e.Crawl(b.Context(), tenant, "t1", guid, 1, nil)
		require.NoError(b, err)
	}
}
