package main

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// lineEvery is how often progress is written where there is no bar: a log of an hour
// stays readable.
const lineEvery = 5 * time.Second

// progress shows a ticket's looks to people, on standard error.
type progress interface {
	show(l look)
	end()
}

// progress is a bar on a terminal, lines elsewhere, and nothing where it is not wanted.
func (a *App) progress() progress {
	switch {
	case a.quiet:
		return silence{}
	case a.isTerminal(a.Err) && a.lookupEnv("TERM") != "dumb":
		return newBar(a.Err)
	default:
		return &lines{app: a}
	}
}

type silence struct{}

func (silence) show(look) {}
func (silence) end()      {}

// lines writes a line (of JSON, where that is the output) when the state changes, and
// now and then in between.
type lines struct {
	app  *App
	last string
	at   time.Time
}

func (p *lines) show(l look) {
	key := string(l.State)
	if l.Wait != nil {
		key += string(l.Wait.Code)
	}
	if key == p.last && time.Since(p.at) < lineEvery {
		return
	}
	p.last, p.at = key, time.Now()
	if p.app.output != outputText {
		p.app.tell(l)
		return
	}
	fmt.Fprintf(p.app.Err, "%s: %s\n", l.Ticket, summary(l))
}

func (p *lines) end() {}

// summary is one line on a ticket; its counters add up.
func summary(l look) string {
	if l.State == fleet.TicketWaiting && l.Wait != nil {
		return fmt.Sprintf("waiting (%s): %s", l.Wait.Code, l.Wait.Message)
	}
	head := string(l.State)
	if l.Outcome != "" {
		head += " " + string(l.Outcome)
	}
	if l.Crawler != "" {
		head += " on " + l.Crawler.Short()
	}
	return head + ", " + counters(l.Counters) + least(l.Pace)
}

// least is how long a crawl takes at least, where politeness says so.
func least(p fleet.Pace) string {
	if left := p.Left.Std(); left >= time.Second {
		return ", at least " + span(left) + " to go"
	}
	return ""
}

// hosts renders what is to be known of a crawl's hosts, one line each.
func hosts(p fleet.Pace) string {
	var lines []string
	for _, h := range p.Hosts {
		line := fmt.Sprintf("%s: %d left, one every %s", h.Host, h.Queued+h.InFlight, h.Interval)
		if h.Note != "" {
			line += " (" + h.Note + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

// counters renders the sum that Counters promise.
func counters(c fleet.Counters) string {
	var parts []string
	for _, p := range []struct {
		n    int64
		name string
	}{
		{c.Fetched, "fetched"},
		{c.Redirected, "redirected"},
		{c.Failed, "failed"},
		{c.Skipped, "skipped"},
		{c.NotModified, "not modified"},
		{c.Blocked, "blocked"},
		{c.InFlight, "in flight"},
		{c.Queued, "queued"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.name))
		}
	}
	if len(parts) == 0 {
		return "no URL yet"
	}
	s := fmt.Sprintf("%d URLs = %s", c.Discovered, strings.Join(parts, " + "))
	if c.Refetched > 0 {
		s += fmt.Sprintf(" (%d refetched)", c.Refetched)
	}
	if c.Cut != (fleet.Cuts{}) {
		s += "; links not taken up: " + c.Cut.String()
	}
	return s
}

// bar is a progress bar whose length grows with what is discovered.
type bar struct {
	container *mpb.Progress
	bar       *mpb.Bar
	text      atomic.Value // string
}

func newBar(w io.Writer) *bar {
	b := &bar{container: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh())}
	b.text.Store("")
	// Short, so that the counters fit into 80 columns beside it.
	b.bar = b.container.AddBar(0, mpb.BarWidth(16), mpb.AppendDecorators(
		decor.Any(func(decor.Statistics) string {
			s, _ := b.text.Load().(string)
			return s
		})))
	return b
}

func (b *bar) show(l look) {
	s := counters(l.Counters) + least(l.Pace)
	if l.State != fleet.TicketRunning {
		s = summary(l)
	}
	b.text.Store(s)
	b.bar.SetTotal(max(l.Counters.Discovered, 1), false)
	b.bar.SetCurrent(l.Counters.Done())
}

// end leaves the bar as it is and gives the line back.
func (b *bar) end() {
	b.bar.Abort(false)
	b.container.Wait()
}
