package robots

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// freshness is how long a response may be used (RFC 9111 section 4.2), never longer than
// RFC 9309 section 2.4 allows, nor so short that a crawl would ask all the time.
func freshness(h http.Header, now time.Time) time.Duration {
	age, given := maxAge(strings.Join(h.Values("Cache-Control"), ","))
	if !given {
		value := h.Get("Expires")
		if value == "" {
			return lifetime
		}
		expires, err := http.ParseTime(value)
		if err != nil { // "0" and the like are in the past
			return leastLifetime
		}
		from := now
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			from = date // both are by the server's clock
		}
		age = expires.Sub(from)
	}
	if spent, err := strconv.Atoi(h.Get("Age")); err == nil && spent > 0 {
		age -= seconds(spent)
	}
	return max(leastLifetime, min(age, lifetime))
}

// maxAge reads a Cache-Control header; false where it says nothing of the kind.
func maxAge(control string) (age time.Duration, given bool) {
	for part := range strings.SplitSeq(control, ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "=")
		switch strings.TrimSpace(name) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			if n, err := strconv.Atoi(strings.Trim(value, ` "`)); err == nil {
				age, given = seconds(n), true
			}
		}
	}
	return age, given
}

// seconds is bounded so that it cannot overflow.
func seconds(n int) time.Duration {
	return time.Duration(max(0, min(n, int(lifetime/time.Second)))) * time.Second
}
