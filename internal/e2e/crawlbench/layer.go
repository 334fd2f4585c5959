package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const layerCommand = "layer"

// task is what a layer has to do.
type task struct {
	layer, start, list string
	concurrency        int
	tell               bool // the URLs that it found
	plane              access
	ticket, profile    string
}

// runLayer is the process of one layer. It says what it has done and used.
func runLayer(ctx context.Context, args []string, stdout io.Writer) error {
	t := task{layer: args[0]}
	flags := flag.NewFlagSet(layerCommand, flag.ContinueOnError)
	flags.StringVar(&t.start, "start", "", "first URL")
	flags.StringVar(&t.list, "list", "", "file of URLs")
	flags.IntVar(&t.concurrency, "concurrency", 8, "requests at a time")
	flags.BoolVar(&t.tell, "tell", false, "tell the URLs")
	flags.StringVar(&t.plane.URL, "plane", "", "data plane")
	flags.StringVar(&t.ticket, "ticket", "", "ticket")
	flags.StringVar(&t.profile, "profile", "", "CPU profile")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	t.plane.Token = os.Getenv("CRAWLBENCH_TOKEN") // not on a command line, as in the fleet
	layers := map[string]func(context.Context, task) (measured, error){
		"L0": rawList, "L1": tokens, "L2": trees, "L3": colly3, "L3doc": collyDocumented, "L4": engine4,
	}
	run := layers[t.layer]
	if run == nil {
		return fmt.Errorf("there is no layer %q", t.layer)
	}
	before, began := used(), time.Now()
	m, err := run(ctx, t)
	if err != nil {
		return err
	}
	m.Took, m.Used = time.Since(began), used()
	m.Used.CPU -= before.CPU
	if !t.tell {
		m.URLs = nil
	}
	return json.NewEncoder(stdout).Encode(m)
}

func client(concurrency int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: concurrency, MaxIdleConns: concurrency,
	}}
}

func get(ctx context.Context, c *http.Client, at string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	return c.Do(req)
}

// rawList is L0: what HTTP alone costs.
func rawList(ctx context.Context, t task) (measured, error) {
	b, err := os.ReadFile(t.list)
	if err != nil {
		return measured{}, err
	}
	work := make(chan string)
	errs := make([]error, t.concurrency)
	c := client(t.concurrency)
	var workers sync.WaitGroup
	for i := range t.concurrency {
		workers.Go(func() {
			for at := range work {
				resp, err := get(ctx, c, at)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					err = errors.Join(err, resp.Body.Close())
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	n := int64(0)
	for at := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n") {
		work <- at
		n++
	}
	close(work)
	workers.Wait()
	return measured{Pages: n}, errors.Join(errs...)
}

func tokens(ctx context.Context, t task) (measured, error) { return walk(ctx, t, tokenLinks) }
func trees(ctx context.Context, t task) (measured, error)  { return walk(ctx, t, treeLinks) }

// walk is L1 and L2: a crawler of a map and a queue, with nothing kept.
func walk(ctx context.Context, t task, read func([]byte, func(string))) (measured, error) {
	start, err := url.Parse(t.start)
	if err != nil {
		return measured{}, err
	}
	var (
		mu    sync.Mutex
		idle  = sync.NewCond(&mu)
		seen  = map[string]bool{t.start: true}
		queue = []string{t.start}
		busy  int
		m     measured
		errs  error
	)
	c := client(t.concurrency)
	page := func(at string) (found []string, ok bool, err error) {
		resp, err := get(ctx, c, at)
		if err != nil {
			return nil, false, err
		}
		body, err := io.ReadAll(resp.Body)
		err = errors.Join(err, resp.Body.Close())
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, false, err
		}
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			return nil, true, nil
		}
		base := resp.Request.URL
		read(body, func(href string) {
			href, _, _ = strings.Cut(href, "#")
			if u, err := base.Parse(href); err == nil && u.Host == start.Host {
				found = append(found, u.String())
			}
		})
		return found, true, nil
	}
	work := func() {
		mu.Lock()
		defer mu.Unlock()
		for {
			for len(queue) == 0 && busy > 0 {
				idle.Wait()
			}
			if len(queue) == 0 {
				return
			}
			at := queue[0]
			queue, busy = queue[1:], busy+1
			mu.Unlock()
			found, ok, err := page(at)
			mu.Lock()
			busy--
			errs = errors.Join(errs, err)
			if ok {
				m.Pages++
				m.URLs = append(m.URLs, at)
			}
			for _, u := range found {
				if !seen[u] {
					seen[u] = true
					queue = append(queue, u)
				}
			}
			idle.Broadcast()
		}
	}
	var workers sync.WaitGroup
	for range t.concurrency {
		workers.Go(work)
	}
	workers.Wait()
	return m, errs
}

// tokenLinks reads links without a tree.
func tokenLinks(body []byte, link func(string)) {
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			if len(name) != 1 || name[0] != 'a' {
				continue
			}
			for more {
				var key, value []byte
				if key, value, more = z.TagAttr(); string(key) == "href" {
					link(string(value))
				}
			}
		}
	}
}

// treeLinks reads title and links of a tree.
func treeLinks(body []byte, link func(string)) {
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return
	}
	title := ""
	for n := range doc.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.DataAtom == atom.Title && n.FirstChild != nil:
			title = n.FirstChild.Data
		case n.DataAtom == atom.A:
			for _, a := range n.Attr {
				if a.Key == "href" {
					link(a.Val)
				}
			}
		}
	}
	_ = title
}
