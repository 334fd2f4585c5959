package web

import (
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// words are what the templates call.
func words() template.FuncMap {
	return template.FuncMap{
		"moment": moment, "machine": machine, "span": span, "short": fleet.GUID.Short, "size": size,
		"number": number, "tone": tone, "ledger": ledgerWords, "kind": kindWords, "place": withoutQuery,
		"labels": labelTexts, "list": named, "days": days,
	}
}

// named gives a part its values by their names: name, value, name, value.
func named(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return out
}

// days renders how long something is kept.
func days(d fleet.Duration) string {
	if h := d.Std().Hours(); h >= 48 {
		return fmt.Sprintf("%.0f days", h/24)
	}
	return d.String()
}

// moment renders an instant for people, in UTC; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// machine renders an instant for the attribute of a time element.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// span renders a duration with the digits that people read.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + span(-d)
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// size renders a number of bytes.
func size(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// number separates thousands.
func number(n any) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// tone is how a state is coloured; the word itself is always there too.
func tone(state any) string {
	switch fmt.Sprint(state) {
	case "done", "limited", "ready", "serving", "fetched", "delivered":
		return "good"
	case "failed", "expired", "cancelled", "set_aside":
		return "bad"
	case "waiting", "starting", "reserved", "draining", "provisioning", "deleting", "closing",
		"suspended", "pending", "retired":
		return "busy"
	case "running":
		return "live"
	}
	return "plain"
}

func ledgerWords(k fleet.LedgerKind) string {
	switch k {
	case fleet.LedgerSlot:
		return "Its own time on a slot"
	case fleet.LedgerStart:
		return "Its share of the crawler’s start"
	case fleet.LedgerIdle:
		return "Its share of the crawler’s idle time"
	case fleet.LedgerUnused:
		return "A crawler that served nobody"
	}
	return string(k)
}

func kindWords(k fleet.DecisionKind) string {
	switch k {
	case fleet.DecidedAccept:
		return "Accepted"
	case fleet.DecidedRoute:
		return "Got a slot"
	case fleet.DecidedWait:
		return "Waits"
	case fleet.DecidedStart:
		return "Crawler ordered"
	case fleet.DecidedLaunch:
		return "Crawler launched"
	case fleet.DecidedServe:
		return "Crawler ready"
	case fleet.DecidedGrant:
		return "Slot handed over"
	case fleet.DecidedMove:
		return "Moved"
	case fleet.DecidedCooldown:
		return "Place cools down"
	case fleet.DecidedDrain:
		return "Crawler drains"
	case fleet.DecidedRetire:
		return "Crawler retired"
	case fleet.DecidedBury:
		return "Crawler lost"
	case fleet.DecidedPause:
		return "Paused"
	case fleet.DecidedResume:
		return "Resumed"
	case fleet.DecidedDeliver:
		return "Webhook"
	case fleet.DecidedMend:
		return "Put right"
	case fleet.DecidedEnd:
		return "Ended"
	}
	return string(k)
}

// withoutQuery is a receiver's URL as a page shows it: its query may hold a secret.
func withoutQuery(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "?"
	}
	query := ""
	if u.RawQuery != "" {
		query = "?…"
	}
	u.RawQuery, u.User = "", nil
	return u.String() + query
}

func labelTexts(labels map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, k+"="+labels[k])
	}
	return out
}
