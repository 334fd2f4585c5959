package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

// lifeLineFlag says to a program that its standard input ends with its supervisor.
const lifeLineFlag = "life-line"

// announcement is the one JSON line that a program prints when it serves: where. Under a
// supervisor one that cannot serve says why.
type announcement struct {
	Ready     bool         `json:"ready"`
	URL       string       `json:"url,omitempty"`
	DataPlane string       `json:"dataPlane,omitempty"`
	HTTP      string       `json:"http,omitempty"`
	Error     *fleet.Error `json:"error,omitempty"`
}

// hear reads the announcement of a child, whose log is named where there is none.
func hear(out *bufio.Reader, log string) (announcement, error) {
	var a announcement
	b, err := out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("it ended before it was ready; see %s", log)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("it said %q: %w", b, err)
	}
	if a.Error != nil {
		return a, a.Error
	}
	return a, nil
}

// foreground is a program that serves until it is ended: by a signal, or under a supervisor
// by the end of its standard input.
type foreground struct {
	*App
	supervised bool
	log        *zap.Logger
}

// serving makes the command of a program that serves.
func serving(
	app *App, name, short, long, example string, serve func(context.Context, *foreground, config.Config) error,
) *cobra.Command {
	f := &foreground{App: app}
	c := command(name, short, long, example, 0, 0,
		func(ctx context.Context, _ []string) error { return f.run(ctx, serve) })
	c.Flags().BoolVar(&f.supervised, lifeLineFlag, false, "end when standard input ends")
	_ = c.Flags().MarkHidden(lifeLineFlag) // it exists: it was added one line above
	return c
}

func (f *foreground) run(
	ctx context.Context, serve func(context.Context, *foreground, config.Config) error,
) error {
	if f.supervised {
		ctx = devserver.WatchLifeLine(ctx, f.In)
	}
	l, err := f.config()
	if err == nil {
		f.log, err = telemetry.NewLogger(f.Err, telemetry.LogOptions{Level: l.Log.Level, Format: l.Log.Format})
	}
	if err == nil {
		err = serve(ctx, f, l.Config)
	}
	// Under a supervisor the reason goes where it listens, as itself.
	var e *fleet.Error
	if f.supervised && errors.As(err, &e) {
		err = errors.Join(err, f.say(announcement{Error: e}))
	}
	return err
}

func (f *foreground) say(a announcement) error {
	if err := json.NewEncoder(f.Out).Encode(a); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// serve announces where it serves, and returns when it is to end.
func (f *foreground) serve(ctx context.Context, a announcement) error {
	a.Ready = true
	if err := f.say(a); err != nil {
		return err
	}
	<-ctx.Done()
	f.log.Info("stopping")
	return nil
}

// stopping is the context of a clean stop, when ctx has ended.
func stopping(ctx context.Context, within time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), within)
}
