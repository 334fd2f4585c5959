package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gocolly/colly/v2"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// colly3 is L3: Colly as well as it can be set up.
func colly3(_ context.Context, t task) (measured, error) {
	c := colly.NewCollector(colly.Async(true))
	c.WithTransport(&http.Transport{MaxIdleConnsPerHost: t.concurrency, MaxIdleConns: t.concurrency})
	return crawlColly(c, t, func(href string) string {
		href, _, _ = strings.Cut(href, "#")
		return href
	})
}

// collyDocumented is Colly as its documentation shows it.
func collyDocumented(_ context.Context, t task) (measured, error) {
	return crawlColly(colly.NewCollector(colly.Async(true)), t, func(href string) string { return href })
}

func crawlColly(c *colly.Collector, t task, link func(string) string) (measured, error) {
	host, _, _ := strings.Cut(strings.TrimPrefix(t.start, "http://"), "/")
	c.AllowedDomains = []string{strings.Split(host, ":")[0]}
	err := c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: t.concurrency})
	if err != nil {
		return measured{}, err
	}
	var pages atomic.Int64
	c.OnHTML("a[href]", func(e *colly.HTMLElement) {
		_ = e.Request.Visit(e.Request.AbsoluteURL(link(e.Attr("href")))) // visited or out of scope
	})
	c.OnHTML("title", func(e *colly.HTMLElement) { _ = e.Text })
	c.OnResponse(func(*colly.Response) { pages.Add(1) })
	if err := c.Visit(t.start); err != nil {
		return measured{}, err
	}
	c.Wait()
	return measured{Pages: pages.Load()}, nil
}

// engine4 is L4: this engine, over the data plane's HTTP.
func engine4(ctx context.Context, t task) (measured, error) {
	plane, err := remote.New(remote.Options{
		URL: t.plane.URL, Token: fleet.Secret(t.plane.Token), Patience: time.Minute,
	})
	if err != nil {
		return measured{}, err
	}
	defer plane.Close()
	e := crawler.New(crawler.Options{
		DataPlane: plane, Version: "bench", Address: "127.0.0.1",
		Reach: guard.Reach{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	defer e.Close()
	if t.profile != "" {
		f, err := os.Create(t.profile)
		if err != nil {
			return measured{}, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return measured{}, err
		}
		defer pprof.StopCPUProfile()
	}
	unbalanced := 0
	r, err := e.Crawl(ctx, benchTenant, fleet.TicketID(t.ticket), benchGUID, 1, func(c fleet.Counters) {
		if !c.Balanced() {
			unbalanced++
		}
	})
	if err != nil {
		return measured{}, err
	}
	if unbalanced > 0 {
		return measured{}, fmt.Errorf("%d snapshots whose counters do not add up", unbalanced)
	}
	return measured{Pages: r.Counters.Fetched, Note: fmt.Sprint(r.Counters.Discovered)}, nil
}

// wget crawls the site with the program of that name.
func wget(ctx context.Context, start, dir string) (m measured, err error) {
	program, err := exec.LookPath("wget")
	if err != nil {
		return m, fmt.Errorf("%w (apt-get install wget)", err)
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, program, "-q", "-r", "-l", "inf", "-P", dir, start)
	_ = cmd.Run() // a broken link makes it fail; what counts is what it has fetched
	m.Took = time.Since(began)
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.Used = usageOf(u)
	}
	err = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			m.Pages++
		}
		return err
	})
	return m, err
}
