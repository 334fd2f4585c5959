package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/providers/docker"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
)

// statusWidth keeps the status on one line of the narrowest usual terminal.
const statusWidth = 79

// actReport is what an act comes to: what was measured and what was not as it has to be.
type actReport struct {
	Act      int            `json:"act"` // 0 for what comes after the last
	Title    string         `json:"title"`
	Held     bool           `json:"held"`
	Took     fleet.Duration `json:"took"`
	Measured []string       `json:"measured,omitempty"`
	Findings []finding      `json:"findings,omitempty"`
}

// say adds a line of what was measured.
func (r *actReport) say(format string, args ...any) {
	r.Measured = append(r.Measured, fmt.Sprintf(format, args...))
}

func (r *actReport) check(findings ...finding) { r.Findings = append(r.Findings, findings...) }

// demoScreen prints the demo: acts on standard output, and on a terminal a status line
// on standard error that the next line replaces.
type demoScreen struct {
	app   *App
	live  bool
	acts  stream[actReport]
	shown string // the status line that is on the terminal
}

func newDemoScreen(app *App) *demoScreen {
	s := &demoScreen{
		app:  app,
		live: app.isTerminal(app.Err) && !app.quiet && app.lookupEnv("TERM") != "dumb",
	}
	s.acts = stream[actReport]{app: app, text: s.text}
	return s
}

// status shows what is going on, on a terminal only, and reports whether it is one.
func (s *demoScreen) status(format string, args ...any) bool {
	if !s.live {
		return false
	}
	line := "  … " + fmt.Sprintf(format, args...)
	if utf8.RuneCountInString(line) > statusWidth {
		line = string([]rune(line)[:statusWidth-1]) + "…"
	}
	if line != s.shown { // a terminal that is written to all the time flickers
		fmt.Fprint(s.app.Err, "\r\x1b[K"+line)
	}
	s.shown = line
	return true
}

func (s *demoScreen) clear() {
	if s.shown != "" {
		fmt.Fprint(s.app.Err, "\r\x1b[K")
		s.shown = ""
	}
}

// note is a line that is no result: on standard error.
func (s *demoScreen) note(format string, args ...any) {
	s.clear()
	s.app.note(format, args...)
}

// lines writes text to standard output, unless another form was asked for.
func (s *demoScreen) lines(lines ...string) {
	s.clear()
	if s.app.output == outputText {
		_, _ = io.WriteString(s.app.Out, strings.Join(lines, "\n")+"\n") // a closed pipe ends the program anyway
	}
}

func (s *demoScreen) opening(d *demo, took time.Duration) {
	where := "its own Temporal server at " + d.fleet.at.Temporal
	if d.external {
		where = "the Temporal server of the environment"
	}
	switch d.o.provider {
	case string(nomad.Kind):
		where += " and its crawlers on the Nomad at " + d.cfg.Nomad.Address
	case string(docker.Kind):
		where += " and its crawlers in containers of " + d.cfg.Docker.Image
	}
	head := fmt.Sprintf("A fleet with %s, started in %s, in %s", where, span(took), d.cfg.DataDir)
	if d.site == nil {
		s.lines(head, fmt.Sprintf("A crawler is stopped after %s without work. %s is crawled politely: %s between "+
			"requests, robots.txt, %d pages at most.", demoIdle, d.o.url, fleet.DefaultDelay, visitPages), "")
		if d.cfg.Contact == "" {
			s.note("no contact in the User-Agent: say who its owner can write to with CRAWLFLEET_CONTACT")
		}
		return
	}
	s.lines(head, fmt.Sprintf("A crawler is stopped after %s without work. The site is ours: %d pages at %s,",
		demoIdle, len(d.truth().Pages), strings.Join(d.site.Hosts(), " and ")),
		"so tickets ask without a delay, and the operator allows "+prefixes(d.cfg.AllowPrivate)+", which no tenant can.", "")
}

// act prints the report of an act.
func (s *demoScreen) act(r actReport) error {
	s.clear()
	return s.acts.add(r)
}

// end closes the report.
func (s *demoScreen) end() error { return s.acts.end() }

// stopped prints what the stop came to, when there is something to say.
func (s *demoScreen) stopped(r actReport) {
	s.clear()
	if r.Held = len(r.Findings) == 0; len(r.Measured) == 0 {
		return
	}
	if s.app.output == outputText || !r.Held {
		_ = s.acts.add(r) // standard output is gone, and the exit code says the rest
	}
}

func (s *demoScreen) text(w io.Writer, r actReport) {
	mark, number := s.app.paint(w, green, "✓"), " "
	if !r.Held {
		mark = s.app.paint(w, red, "✗")
	}
	if r.Act > 0 {
		number = strconv.Itoa(r.Act)
	}
	if len(r.Measured) == 0 {
		r.Measured = []string{r.Title}
	}
	fmt.Fprintf(w, "%s %s  %s\n", mark, number, r.Measured[0])
	for _, line := range r.Measured[1:] {
		fmt.Fprintf(w, "     %s\n", line)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(w, "     %s %s\n       %s  %s\n", s.app.paint(w, red, "expected"), f.Want,
			s.app.paint(w, red, "saw"), f.Saw)
	}
}

// demoTicket is a ticket of the demo with what is told of it at the end.
type demoTicket struct {
	in      fleet.TicketInput
	at      time.Time // when it was submitted, by this program's clock
	started client.Ticket
	what    string
	start   string // "cold 431ms"
	row     fleet.TicketRow
	bill    fleet.Money
}

// table shows every ticket.
func (s *demoScreen) table(tickets []*demoTicket) {
	if s.app.output != outputText || len(tickets) == 0 {
		return
	}
	s.lines("")
	rows := make([][]cell, 0, len(tickets))
	for _, t := range tickets {
		r := t.row.Result
		if r == nil {
			rows = append(rows, []cell{text(t.in.ID), text(t.what), state(t.row.State)})
			continue
		}
		rows = append(rows, []cell{
			text(t.in.ID), text(t.what), state(r.Outcome), text(r.Counters.Fetched), text(t.start),
			text(span(r.Times.Ended.Sub(t.at))), text(strings.Join(r.Addresses, ", ")), text(t.bill),
		})
	}
	s.app.table([]string{"TICKET", "WHAT", "OUTCOME", "PAGES", "START", "TOOK", "FROM", "COST"}, rows)
}

// next says where everything is and what to type.
func (s *demoScreen) next(d *demo, staying bool) {
	if s.app.output != outputText {
		return
	}
	self := programName()
	flags := " --tenant " + string(d.tenant) + " --data-dir " + d.cfg.DataDir
	w := s.app.Out
	fmt.Fprintln(w)
	site := d.o.url
	if d.site != nil {
		site = d.site.URL()
	}
	left := "" // on a server that is not the demo's to clear away
	if d.external {
		left = "workflow " + fleet.TenantWorkflowID(d.tenant)
	}
	if !staying {
		facts(w, "state", d.cfg.DataDir, "logs", d.dir.Logs(), "left at Temporal", left)
		fmt.Fprintf(w, "\nRead it, or start it again:\n  %[1]s ticket list%[2]s\n  %[1]s dev --data-dir %[3]s\n",
			self, flags, d.cfg.DataDir)
		return
	}
	facts(w, "Temporal Web UI", d.fleet.at.UI, "Temporal", d.fleet.at.Temporal, "site", site,
		"state", d.cfg.DataDir, "logs", d.dir.Logs(), "left at Temporal", left)
	fmt.Fprintf(w, "\nNext, in another terminal:\n  %[1]s ticket list%[2]s\n  %[1]s ticket explain %[4]s%[2]s\n"+
		"  %[1]s ticket submit %[3]s%[2]s --wait\n", self, flags, site, d.tickets[len(d.tickets)-1].in.ID)
	if !d.external {
		fmt.Fprintf(w, "  temporal workflow list --address %s\n", d.fleet.at.Temporal)
	}
	fmt.Fprintf(w, "\nCtrl-C stops everything; the state stays.\n")
}

// programName is this program as the user called it.
func programName() string {
	if len(os.Args) == 0 || strings.HasSuffix(os.Args[0], ".test") {
		return "crawlfleet"
	}
	return os.Args[0]
}

// causeOf is what a failed act says: a coded error with its parts, else the error.
func causeOf(err error) string {
	var e *fleet.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}
