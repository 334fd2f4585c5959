package plan

import (
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// refusalWindow is within which refusals count together: a site that refuses an
	// address refuses it again and again.
	refusalWindow = 10 * time.Minute
	// refusalsLeast is how many make a ban, if they are also half of the answers: single
	// pages are forbidden to everybody.
	refusalsLeast = 3
	// challengeWeight: a challenge is never about the page.
	challengeWeight = refusalsLeast
	// forgiveAfter is how long after a ban's end the next one is short again.
	forgiveAfter = 24 * time.Hour
	// slowLeast and slowTimes: an address is slow whose pages take so long at least, and
	// so many times as long as those of the fastest one.
	slowLeast = time.Second
	slowTimes = 3
)

// BanTimes are how long the first ban of an address at a host is, and the longest: each
// one is twice as long as the one before.
type BanTimes struct{ First, Most time.Duration }

// Standing is what is remembered of an address at a host.
type Standing struct {
	Window         time.Time // since when Pages and Refused are counted
	Pages, Refused int
	Took           time.Duration // of one page, a moving mean
	Strikes        int           // bans, one soon after the other
	Until          time.Time     // of the last ban; zero for none
	Why            string
}

// Fold adds what was seen and reports whether the address is banned by it. What a banned
// address still sees, crawls that had begun before, makes the ban no longer.
func (s Standing) Fold(x fleet.EgressSight, times BanTimes, now time.Time) (Standing, bool) {
	if age := now.Sub(s.Window); age > refusalWindow || age < 0 {
		s.Window, s.Pages, s.Refused = now, 0, 0
	}
	s.Pages += x.Pages
	s.Refused += x.Refused + (challengeWeight-1)*x.Challenged
	if x.Pages > 0 {
		mean := x.Took / time.Duration(x.Pages)
		if s.Took == 0 {
			s.Took = mean
		}
		s.Took = (3*s.Took + mean) / 4 // one batch alone does not turn it
	}
	if now.Before(s.Until) || s.Refused < refusalsLeast || 2*s.Refused < s.Pages {
		return s, false
	}
	if !s.Until.IsZero() && now.Sub(s.Until) > forgiveAfter {
		s.Strikes = 0
	}
	length := times.First
	for range s.Strikes {
		if length *= 2; length >= times.Most {
			break
		}
	}
	s.Strikes++
	s.Until, s.Why = now.Add(min(length, times.Most)), x.Why
	s.Pages, s.Refused = 0, 0
	return s, true
}

// Slow reports whether pages of an address take much longer than those of the fastest
// one at the host.
func Slow(took, fastest time.Duration) bool {
	return took >= slowLeast && fastest > 0 && took >= slowTimes*fastest
}
