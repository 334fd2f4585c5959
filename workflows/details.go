package workflows

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"go.temporal.io/sdk/workflow"
)

// details are a workflow's current details, in Markdown: a sentence that begins with the
// state, then a line for each thing worth knowing. They cost no event: the Web UI asks
// for them, of a workflow that has ended too.
type details struct{ text strings.Builder }

// describe begins with the state, and says what is of interest in it, where there is
// something.
func describe[S ~string](state S, format string, args ...any) *details {
	d := &details{}
	d.text.WriteString("**" + string(state) + "**")
	if said := fmt.Sprintf(format, args...); said != "" {
		d.text.WriteString(": " + said)
	}
	d.text.WriteString("\n")
	return d
}

// line adds a named line; one without a value is left out.
func (d *details) line(name, format string, args ...any) *details {
	if said := fmt.Sprintf(format, args...); said != "" {
		d.text.WriteString("\n- " + name + ": " + said)
	}
	return d
}

// moment adds a named moment; the zero one is left out.
func (d *details) moment(name string, at time.Time) *details {
	if at.IsZero() {
		return d
	}
	return d.line(name, "%s", at.UTC().Format("2006-01-02 15:04:05 UTC"))
}

func (d *details) show(ctx workflow.Context) { workflow.SetCurrentDetails(ctx, d.text.String()) }

// summaryMost is the most bytes of a summary. The server takes 400, and refuses a task
// with a longer one; keys that encrypt it need some of them.
const summaryMost = 200

// summary is a text as one line that the server takes, whatever came from outside.
func summary(format string, args ...any) string {
	s := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	if len(s) <= summaryMost {
		return s
	}
	end := summaryMost - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// many writes a number of things.
func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// times writes how often.
func times(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "once"
	default:
		return fmt.Sprintf("%d times", n)
	}
}

// spoken writes a duration as people say it: two units at most.
func spoken(d time.Duration) string {
	two := func(large, small time.Duration, units ...string) string {
		d = d.Round(small)
		text := fmt.Sprintf("%d %s", d/large, units[0])
		if rest := d % large / small; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, units[1])
		}
		return text
	}
	const day = 24 * time.Hour
	switch {
	case d < time.Second-time.Millisecond/2:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond)/time.Millisecond)
	case d < 10*time.Second:
		tenths := d.Round(100*time.Millisecond) / (100 * time.Millisecond)
		if tenths%10 == 0 {
			return fmt.Sprintf("%d s", tenths/10)
		}
		return fmt.Sprintf("%d.%d s", tenths/10, tenths%10)
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	case d < 2*time.Hour:
		return two(time.Minute, time.Second, "min", "s")
	case d < 2*day:
		return two(time.Hour, time.Minute, "h", "min")
	default:
		return two(day, time.Hour, "days", "h")
	}
}
