package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/flat"
)

const (
	outputText  = "text"
	outputJSON  = "json"
	outputJSONL = "jsonl"
	outputCSV   = "csv"
)

func outputs() []string { return []string{outputText, outputJSON, outputJSONL, outputCSV} }

// outputOf finds the output form in arguments that may not parse.
func outputOf(args []string) string {
	for i, arg := range args {
		value, ok := strings.CutPrefix(arg, "--output=")
		switch {
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "-o"):
			value = strings.TrimPrefix(arg[2:], "=")
		case !ok:
			continue
		}
		if value != outputText && slices.Contains(outputs(), value) {
			return value
		}
	}
	return outputText
}

// printOne writes one value to standard output: as JSON, as a row of CSV, or as text
// does it.
func printOne[T any](a *App, v T, text func(io.Writer)) error {
	switch a.output {
	case outputText:
		text(a.Out)
		return nil
	case outputCSV:
		w := flat.NewWriter[T](a.Out)
		return errors.Join(w.Write(v), w.Flush())
	}
	return a.encode(v)
}

func (a *App) encode(v any) error {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false) // URLs stay readable
	if a.output == outputJSON {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(v)
}

// stream writes values one by one: a JSON list, JSON lines, CSV, or as text does it.
type stream[T any] struct {
	app   *App
	text  func(io.Writer, T)
	open  func(io.Writer) sheet[T] // the CSV; nil has a column for each field of T
	csv   sheet[T]
	count int
}

// sheet is a table that is written row by row.
type sheet[T any] interface {
	Write(v T) error
	Flush() error
}

func (s *stream[T]) add(v T) error {
	s.count++
	switch s.app.output {
	case outputText:
		s.text(s.app.Out, v)
		return nil
	case outputJSONL:
		return s.app.encode(v)
	case outputCSV:
		return s.rows().Write(v)
	}
	open := ",\n  "
	if s.count == 1 {
		open = "[\n  "
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := fmt.Fprint(s.app.Out, open, strings.TrimRight(b.String(), "\n"))
	return err
}

func (s *stream[T]) rows() sheet[T] {
	switch {
	case s.csv != nil:
	case s.open != nil:
		s.csv = s.open(s.app.Out)
	default:
		s.csv = flat.NewWriter[T](s.app.Out)
	}
	return s.csv
}

// flush writes what is buffered.
func (s *stream[T]) flush() error {
	if s.csv == nil {
		return nil
	}
	return s.csv.Flush()
}

// end closes the list.
func (s *stream[T]) end() error {
	switch s.app.output {
	case outputJSON:
	case outputCSV:
		return s.rows().Flush()
	default:
		return nil
	}
	closing := "\n]\n"
	if s.count == 0 {
		closing = "[]\n"
	}
	_, err := io.WriteString(s.app.Out, closing)
	return err
}

// printList writes a list: as a JSON list, as JSON lines, as CSV, or as a table.
func printList[T any](a *App, list []T, head []string, row func(T) []cell) error {
	if a.output != outputText {
		s := stream[T]{app: a}
		for _, v := range list {
			if err := s.add(v); err != nil {
				return err
			}
		}
		return s.end()
	}
	if len(list) == 0 {
		a.note("none")
		return nil
	}
	rows := make([][]cell, len(list))
	for i, v := range list {
		rows[i] = row(v)
	}
	a.table(head, rows)
	return nil
}

// note writes a line to standard error, unless none is wanted.
func (a *App) note(format string, args ...any) {
	switch {
	case a.quiet:
	case a.output == outputText:
		fmt.Fprintf(a.Err, format+"\n", args...)
	default:
		a.tell(map[string]string{"note": fmt.Sprintf(format, args...)})
	}
}

// tell writes one line of JSON to standard error.
func (a *App) tell(v any) {
	enc := json.NewEncoder(a.Err)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // there is nowhere else to tell it
}

// failure is an error as JSON.
type failure struct {
	*fleet.Error
	At string `json:"at,omitempty"` // which document of several
}

// printError writes an error with all its parts to standard error.
func (a *App) printError(err error, at string) {
	var e *fleet.Error
	if !errors.As(err, &e) {
		e = fleet.Errorf(fleet.CodeInternal, err.Error())
	}
	if a.output != outputText {
		a.tell(failure{Error: e, At: at})
		return
	}
	var b strings.Builder
	b.WriteString(a.paint(a.Err, red, "error"))
	fmt.Fprintf(&b, " [%s] ", e.Code)
	for _, part := range []string{at, e.Field} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(e.Message + "\n")
	if e.Want != "" {
		fmt.Fprintf(&b, "  want: %s\n", e.Want)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "  hint: %s\n", e.Hint)
	}
	_, _ = io.WriteString(a.Err, b.String())
}
