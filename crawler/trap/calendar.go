package trap

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// ahead is how many years into the future a calendar is followed: events are
	// announced for the next season, hardly ever for the one after the next.
	ahead = 2
	// first is the year down to which a calendar is followed back: older dates are an
	// archive's, whose pages do not lie in a calendar.
	first = 1990
)

var (
	// calendars are names of folders that hold calendars.
	calendars = regexp.MustCompile(`(?i)/(?:cal|calendars?|events?|kalender|calendrier|calendario|agenda|schedule|termine|veranstaltungen)/`)
	// month is a year and a month, perhaps with a day.
	month = regexp.MustCompile(`[/_.-]([12][0-9]{3})[/_.-]?(?:0?[1-9]|1[0-2])(?:[/_.-]?[0-3]?[0-9])?(?:[/_.-]|$)`)
	// date is one that cannot be a number and a page: 2145/12 can.
	date = regexp.MustCompile(`[/_.-]([12][0-9]{3})(?:-(?:0[1-9]|1[0-2])(?:-[0-3][0-9])?|/(?:0[1-9]|1[0-2])/[0-3][0-9])(?:[/_.]|$)`)
	// value is a parameter's value that is a month or a day.
	value = regexp.MustCompile(`^([12][0-9]{3})(?:-(?:0?[1-9]|1[0-2])(?:-[0-3]?[0-9])?(?:T.*)?|(?:0[1-9]|1[0-2])(?:[0-3][0-9])?)$`)
	// dated are names of parameters with dates, ends those of the ends of a period, which
	// may be as far away as anybody likes.
	dated = regexp.MustCompile(`(?i)date|day|month|week|cal|^(?:d|m|ym|ymd|when)$`)
	ends  = regexp.MustCompile(`(?i)from|to$|start|end|since|until|before|after|min|max`)
)

// endless reports whether a URL is a calendar's page of an age that no event is in. What
// is not said to be a calendar has to spell a date in full, and then only the future
// counts: archives keep their papers by year and month as well.
func endless(path, query string, now time.Time) bool {
	last := now.Year() + ahead
	if !hasYear(path) {
		path = ""
	}
	if calendars.MatchString(path) {
		if y := year(month, path); y > last || y > 0 && y < first {
			return true
		}
	} else if year(date, path) > last {
		return true
	}
	if !hasYear(query) {
		return false
	}
	y := yearOf(query)
	return y > last || y > 0 && y < first
}

// hasYear reports whether four digits in a row can be a year: most URLs have none, and
// are spared the expressions.
func hasYear(s string) bool {
	digits := 0
	for i := range len(s) {
		c := s[i]
		if digits == 0 && (c == '1' || c == '2') || digits > 0 && '0' <= c && c <= '9' {
			if digits++; digits == 4 {
				return true
			}
		} else {
			digits = 0
		}
	}
	return false
}

func year(re *regexp.Regexp, s string) int {
	if m := re.FindStringSubmatch(s); m != nil {
		return number(m[1])
	}
	return 0
}

// yearOf is the year of the month or day that a query asks for, zero for none.
func yearOf(query string) int {
	years, months := 0, false
	for param := range strings.SplitSeq(query, "&") {
		name, v, _ := strings.Cut(param, "=")
		if y := year(value, v); y > 0 && dated.MatchString(name) && !ends.MatchString(name) {
			return y
		}
		switch strings.ToLower(name) {
		case "year", "yr", "y":
			years = number(v)
		case "month", "mon", "m":
			months = v != ""
		}
	}
	if months && years >= 1000 && years < 3000 {
		return years
	}
	return 0
}

// number is zero for what is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
