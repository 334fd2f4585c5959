package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

// The exit codes.
const (
	exitDone    = 0
	exitError   = 1
	exitUsage   = 2
	exitOutcome = 3 // a ticket ended failed, cancelled or expired; something is left over
	exitWaiting = 4 // the wait ended first; the ticket goes on
)

// App is the program: what it was given, and what its commands share.
type App struct {
	Stdio
	Environ []string

	doors      doors
	isTerminal func(stream any) bool

	output   string
	quiet    bool
	noColor  bool
	yes      bool
	file     string            // the configuration file
	settings map[string]string // the settings given as flags, by path

	loaded  *config.Loaded
	closers []func() error
}

func newApp(environ []string, stdio Stdio) *App {
	return &App{
		Stdio: stdio, Environ: environ, doors: realDoors(), isTerminal: isTerminal,
		settings: map[string]string{},
	}
}

func isTerminal(stream any) bool {
	w, ok := stream.(io.Writer)
	return ok && telemetry.IsTerminal(w)
}

// execute runs one command line and answers the exit code.
func (a *App) execute(ctx context.Context, args []string) int {
	a.output = outputOf(args) // errors in the command line itself obey it too
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	for _, closing := range slices.Backward(a.closers) {
		if cerr := closing(); err == nil {
			err = cerr
		}
	}
	return a.report(err)
}

func (a *App) root() *cobra.Command {
	root := group("crawlfleet", "crawls for many customers, on crawlers that cost nothing when idle",
		`Crawls for many customers, on crawlers that cost nothing when idle.

A ticket is one crawl request of a tenant. The fleet starts a crawler for it, or takes
one that is warm, and stops it when it is idle. Data goes to standard output,
everything else to standard error.

Exit codes: 0 done, 1 error, 2 usage, 3 a ticket ended failed, cancelled or expired,
4 the wait ended first and the ticket goes on.`,
		commands(a)...)
	root.Example = `  crawlfleet tenant create demo
  crawlfleet ticket submit https://example.com/ --tenant demo --wait
  crawlfleet ticket results t-1 --tenant demo -o jsonl`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(flagError)

	flags := root.PersistentFlags()
	flags.VarP(&oneOfValue{value: &a.output, allowed: outputs()}, "output", "o", "text, json, jsonl or csv")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notes")
	flags.BoolVar(&a.noColor, "no-color", false, "no colours (also NO_COLOR)")
	flags.BoolVarP(&a.yes, "yes", "y", false, "do not ask before deleting")
	flags.StringVar(&a.file, "config", "", "configuration file, YAML or JSON (also CRAWLFLEET_CONFIG)")
	a.settingFlags(flags, "dataDir")
	return root
}

// config loads the configuration once.
func (a *App) config() (*config.Loaded, error) {
	if a.loaded != nil {
		return a.loaded, nil
	}
	l, err := config.Load(config.Source{Flags: a.settings, Environ: a.Environ, File: a.file})
	if err != nil {
		return nil, err
	}
	a.loaded = l
	return l, nil
}

// onClose has closing called when the command has ended, the last one first.
func (a *App) onClose(closing func() error) { a.closers = append(a.closers, closing) }

// lookupEnv gives a variable of the environment, "" for none.
func (a *App) lookupEnv(name string) string {
	for _, e := range slices.Backward(a.Environ) {
		if len(e) > len(name) && e[len(name)] == '=' && e[:len(name)] == name {
			return e[len(name)+1:]
		}
	}
	return ""
}

// exitStatus ends the program with another code than an error's; err may be nil.
type exitStatus struct {
	code int
	err  error
}

func (e *exitStatus) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitStatus) Unwrap() error { return e.err }

// usage is an error in the command line.
func usage(c *cobra.Command, message string) error {
	return &exitStatus{code: exitUsage, err: &fleet.Error{
		Code: fleet.CodeInvalid, Message: message, Want: c.UseLine(), Hint: c.CommandPath() + " --help",
	}}
}

// flagError is an error in a flag. Of a value that is none it says what would be one, where
// the parser says how it failed.
func flagError(c *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return usage(c, err.Error())
	}
	f := bad.GetFlag()
	want, known := map[string]string{
		"int": "a whole number", "int64": "a whole number", "bool": "true or false",
		"duration": "a duration such as 90s or 1h30m", "stringToString": "name=value",
	}[f.Value.Type()]
	if !known {
		return usage(c, err.Error())
	}
	return &exitStatus{code: exitUsage, err: &fleet.Error{
		Code: fleet.CodeInvalid, Field: "--" + f.Name, Message: fmt.Sprintf("%q is not valid", bad.GetValue()),
		Want: want, Hint: c.CommandPath() + " --help",
	}}
}

// report prints an error and gives the exit code.
func (a *App) report(err error) int {
	if err == nil {
		return exitDone
	}
	code := exitError
	var status *exitStatus
	if errors.As(err, &status) {
		code, err = status.code, status.err
	}
	if err != nil {
		a.printError(err, "")
	}
	return code
}
