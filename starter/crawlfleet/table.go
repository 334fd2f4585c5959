package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// color is an SGR code.
type color string

const (
	plain  color = ""
	red    color = "31"
	green  color = "32"
	yellow color = "33"
)

// cell is one value of a table.
type cell struct {
	text  string
	color color
}

func text(v any) cell { return cell{text: fmt.Sprint(v)} }

// state colours a state or an outcome by what it means for people.
func state[S ~string](s S) cell {
	c := cell{text: string(s)}
	switch c.text {
	case "done", "ready", "serving", "limited":
		c.color = green
	case "failed", "expired", "cancelled":
		c.color = red
	case "waiting", "starting", "reserved", "draining", "suspended", "provisioning", "deleting", "closing":
		c.color = yellow
	}
	return c
}

// paint colours text where w is a terminal and colours are wanted.
func (a *App) paint(w io.Writer, c color, s string) string {
	if c == plain || a.noColor || a.lookupEnv("NO_COLOR") != "" || a.lookupEnv("TERM") == "dumb" ||
		!a.isTerminal(w) {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// table writes aligned columns to standard output.
func (a *App) table(head []string, rows [][]cell) {
	widths := make([]int, len(head))
	all := make([][]cell, 0, len(rows)+1)
	heads := make([]cell, len(head))
	for i, h := range head {
		heads[i] = text(h)
	}
	all = append(append(all, heads), rows...)
	for _, row := range all {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range all {
		var b strings.Builder
		for i, c := range row {
			b.WriteString(a.paint(a.Out, c.color, c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		fmt.Fprintln(a.Out, strings.TrimRight(b.String(), " "))
	}
}

// facts writes "name  value" lines, leaving empty values out.
func facts(w io.Writer, pairs ...string) {
	width := 0
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			width = max(width, utf8.RuneCountInString(pairs[i]))
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%-*s  %s\n", width, pairs[i], pairs[i+1])
		}
	}
}

// moment renders an instant for people, in UTC like every log line; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// span renders a duration with the digits that people read.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// lapse renders a time after a moment, or before it.
func lapse(d time.Duration) string {
	if d < 0 {
		return "-" + span(-d)
	}
	return "+" + span(d)
}
