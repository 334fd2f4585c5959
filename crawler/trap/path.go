package trap

import (
	"strings"
	"time"
)

// Kind says which trap a URL looks like.
type Kind int

// The kinds.
const (
	None Kind = iota + 1
	Repetition
	Calendar
)

// String names the kind as the ticket's counters do.
func (k Kind) String() string {
	switch k {
	case Repetition:
		return "repetition"
	case Calendar:
		return "calendar"
	case None:
		return "none"
	default:
		return "unknown"
	}
}

const (
	// maxRun is how often a group of segments may follow itself: with links that lack
	// their leading slash it follows itself for ever. Heritrix cuts at the same number
	// (PathologicalPathDecideRule, two repetitions).
	maxRun = 2
	// maxSame is how often one segment or parameter may be in a URL at all, as in Zeno.
	maxSame = 3
)

// Look says what trap a URL looks like, given its path with query in canonical form.
func Look(pathQuery string, now time.Time) Kind {
	path, query, _ := strings.Cut(pathQuery, "?")
	// Three equal segments need three slashes: most URLs are through here.
	if strings.Count(path, "/") > maxRun && repeats(strings.Split(path[1:], "/")) ||
		strings.Count(query, "&") >= maxSame && often(strings.Split(query, "&"), false) {
		return Repetition
	}
	if endless(path, query, now) {
		return Calendar
	}
	return None
}

// repeats reports whether a group of segments follows itself more than maxRun times, or a
// segment comes up more than maxSame times. Numbers are left out of the latter: the tiles
// of a map and the leaves of an archive have the same ones.
func repeats(segments []string) bool {
	if often(segments, true) {
		return true
	}
	for size := 1; size*(maxRun+1) <= len(segments); size++ {
		same := 0 // segments in a row that equal the one before by size
		for i := size; i < len(segments); i++ {
			if segments[i] != segments[i-size] || segments[i] == "" || size == 1 && isNumber(segments[i]) {
				same = 0
				continue
			}
			if same++; same >= size*maxRun {
				return true
			}
		}
	}
	return false
}

// often reports whether one of the parts comes up more than maxSame times. They are
// few: with a map this would cost more.
func often(parts []string, path bool) bool {
	for i, p := range parts {
		if p == "" || path && isNumber(p) {
			continue
		}
		n := 1
		for _, q := range parts[i+1:] {
			if p == q {
				n++
			}
		}
		if n > maxSame {
			return true
		}
	}
	return false
}

func isNumber(s string) bool {
	return len(s) <= 4 && strings.Trim(s, "0123456789") == ""
}
