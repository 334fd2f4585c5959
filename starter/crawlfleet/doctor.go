package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// health is what a check comes to.
type health string

const (
	healthOK   health = "ok"
	healthWarn health = "warn" // it works, and somebody should look
	healthFail health = "fail" // something does not work
)

// verdict is one line of the doctor.
type verdict struct {
	State health `json:"state"`
	Check string `json:"check"`
	Says  string `json:"says"`           // what was found, and what that means
	Type  string `json:"type,omitempty"` // what to type
}

func newDoctorCommand(app *App) *cobra.Command {
	c := command("doctor", "check what an operator would, and say what to type",
		`Checks the machine, the data directory, the programs, the stores, what crawlers are launched
on (Docker, Nomad), the gateway and, where the fleet runs, Temporal and the control side. It
changes nothing and works while the fleet is down.

Each line is ok, warn (it works, and somebody should look) or fail. Exit code 1 says that
one has failed.`,
		"  crawlfleet doctor\n  crawlfleet doctor -o json", 0, 0, app.doctor)
	app.settingFlags(c.Flags(), workerSettings()...)
	return c
}

// askWithin bounds each question to a part of the fleet that may not answer.
const askWithin = 5 * time.Second

// lookWithin bounds all that one substrate is asked: a dozen questions.
const lookWithin = 20 * time.Second

// doctor is one examination.
type doctor struct {
	app *App
	cfg *config.Loaded
	dir *config.Dir     // nil when it cannot be read
	at  *config.Running // nil while the fleet does not run
	now time.Time

	found []verdict
}

func (a *App) doctor(ctx context.Context, _ []string) error {
	d := &doctor{app: a, now: time.Now()}
	d.examine(ctx)
	err := printList(a, d.found, []string{"STATE", "CHECK", "SAYS"}, func(f verdict) []cell {
		says := f.Says
		if f.Type != "" {
			says += "; type: " + f.Type
		}
		return []cell{{string(f.State), colorOf(f.State)}, text(f.Check), text(says)}
	})
	for _, f := range d.found {
		if err == nil && f.State == healthFail {
			err = &exitStatus{code: exitError}
		}
	}
	return err
}

func colorOf(h health) color {
	switch h {
	case healthOK:
		return green
	case healthWarn:
		return yellow
	default:
		return red
	}
}

func (d *doctor) examine(ctx context.Context) {
	if !d.configuration() {
		return // nothing is known of where to look
	}
	d.programs()
	d.machine()
	if !d.directory() {
		return
	}
	d.space()
	d.running()
	d.substrates(ctx)
	d.gateway(ctx)
	d.stores(ctx)
	if d.at != nil || d.cfg != nil && d.external() {
		d.temporal(ctx)
	}
	if d.at != nil {
		d.control(ctx)
	}
}

func (d *doctor) ok(check, says string) {
	d.found = append(d.found, verdict{healthOK, check, says, ""})
}

func (d *doctor) warn(check, says, typed string) {
	d.found = append(d.found, verdict{healthWarn, check, says, typed})
}

func (d *doctor) fail(check, says, typed string) {
	d.found = append(d.found, verdict{healthFail, check, says, typed})
}

// broke reports an error as a failed check, with its own hint.
func (d *doctor) broke(check string, err error, typed string) {
	if e := (*fleet.Error)(nil); asError(err, &e) {
		if e.Hint != "" {
			typed = e.Hint
		}
		d.fail(check, e.Message, typed)
		return
	}
	d.fail(check, err.Error(), typed)
}
