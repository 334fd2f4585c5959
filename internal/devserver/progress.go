package devserver

import (
	"fmt"
	"time"
)

// Progress is how far a build is. Its zero value is a build that has just begun.
type Progress struct {
	Downloaded  int           // modules fetched so far
	Done, Total int           // packages compiled (or found compiled) and all; Total 0 = not known yet
	Left        time.Duration // estimate; 0 = none yet
}

// String reads like "compiling Temporal, once: 640 of 1461 packages, about 3 min".
func (p Progress) String() string {
	switch {
	case p.Total == 0 && p.Downloaded == 0:
		return "compiling Temporal, once: looking at what there is to do"
	case p.Total == 0:
		return fmt.Sprintf("compiling Temporal, once: %d modules downloaded", p.Downloaded)
	case p.Done == p.Total:
		return fmt.Sprintf("compiling Temporal, once: all %d packages, linking", p.Total)
	case p.Left == 0:
		return fmt.Sprintf("compiling Temporal, once: %d of %d packages", p.Done, p.Total)
	default:
		return fmt.Sprintf("compiling Temporal, once: %d of %d packages, about %s",
			p.Done, p.Total, roughly(p.Left))
	}
}

// roughly rounds as the estimate deserves: to minutes, and below one to ten seconds.
func roughly(d time.Duration) string {
	if d > 55*time.Second {
		return fmt.Sprintf("%d min", max(1, int(d.Round(time.Minute)/time.Minute)))
	}
	const step = 10 * time.Second
	return fmt.Sprintf("%d s", max(1, int((d+step/2)/step))*10)
}

// tally turns the compiler's lines into Progress. The pace of packages is even enough over a
// whole build for an estimate: at half of the packages, 45 to 50 % of the time had passed.
type tally struct {
	progress Progress
	pending  map[string]bool // packages that are not compiled yet
	begun    time.Time
	compiled int
}

// minSample is how many packages an estimate needs: the first ones are small.
const minSample = 20

func newTally(packages map[string]bool, begun time.Time) *tally {
	t := &tally{pending: map[string]bool{}, begun: begun}
	for path, stale := range packages {
		t.progress.Total++
		if stale {
			t.pending[path] = true
		} else {
			t.progress.Done++
		}
	}
	return t
}

// compiling notes that the compiler has come to a package, and reports whether it was a new one.
func (t *tally) compiling(path string, now time.Time) bool {
	if !t.pending[path] {
		return false
	}
	delete(t.pending, path)
	t.compiled++
	t.progress.Done++
	if t.compiled >= minSample {
		perPackage := now.Sub(t.begun) / time.Duration(t.compiled)
		t.progress.Left = perPackage * time.Duration(len(t.pending))
	}
	return true
}
