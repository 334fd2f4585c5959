package trap_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/trap"
)

func TestLook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for url, want := range map[string]trap.Kind{
		// Links that lack their leading slash.
		"/a/a/a/":                trap.Repetition,
		"/en/en/en/page.html":    trap.Repetition,
		"/a/b/a/b/a/b":           trap.Repetition,
		"/x/a/b/c/a/b/c/a/b/c/":  trap.Repetition,
		"/a/1/a/2/a/3/a/4":       trap.Repetition,
		"/?x=1&x=1&x=1&x=1":      trap.Repetition,
		"/f?s=a&t=b&s=a&s=a&s=a": trap.Repetition,
		// And what is honest.
		"/":                          trap.None,
		"/a/a/":                      trap.None,
		"/a/b/a/b/":                  trap.None,
		"/tiles/1/1/1/1.png":         trap.None,
		"/2024/12/12/12/":            trap.None,
		"/a//b//c//d//":              trap.None,
		"/?x=1&x=2&x=3&x=4":          trap.None,
		"/maze/1/2/3/4/5/6/7/8/9/10": trap.None,
		"/docs/api/v1/api/docs":      trap.None,
		"/a/b/c/a/x/c/a/b/y":         trap.None,

		// Calendars.
		"/calendar/2027-01":                     trap.None,
		"/calendar/2029-01":                     trap.Calendar,
		"/calendar/1989-12/":                    trap.Calendar,
		"/calendar/203001":                      trap.Calendar,
		"/events/2035/1/":                       trap.Calendar,
		"/en/Events/2026/12/24/":                trap.None,
		"/kalender/2030/05/01.html":             trap.Calendar,
		"/cal?month=2031-02":                    trap.Calendar,
		"/cal?month=2027-02":                    trap.None,
		"/cal?date=20310214":                    trap.Calendar,
		"/cal?date=2031-2-4":                    trap.Calendar,
		"/cal?day=2026-11-21T00:00":             trap.None,
		"/cal?year=2031&month=2":                trap.Calendar,
		"/cal?month=12&year=1969":               trap.Calendar,
		"/cal?view=day&y=2026&m=2":              trap.None,
		"/archive/2031-02/":                     trap.Calendar,
		"/2031/02/03/":                          trap.Calendar,
		"/archive/1848/03/18/":                  trap.None,
		"/1848/03/":                             trap.None,
		"/topic/2145/12":                        trap.None,
		"/item/209912":                          trap.None,
		"/item?id=209912":                       trap.None,
		"/item?id=2099-12":                      trap.None,
		"/search?from=1900-01-01&to=9999-12-31": trap.None,
		"/report?startDate=1900-01-01":          trap.None,
		"/films?year=1939":                      trap.None,
		"/eventsourcing/2099-12-1":              trap.None,
		"/rfc/rfc2119.html":                     trap.None,
		"/p/iso-8601-2019.html":                 trap.None,
		"/release-9999-1.html":                  trap.None,
	} {
		require.Equal(t, want, trap.Look(url, now), url)
	}
}

func FuzzLook_HoldsForWhatever(f *testing.F) {
	f.Add("/a/b?c=d")
	f.Add("/")
	f.Add("/?&&&&")
	f.Fuzz(func(t *testing.T, s string) {
		kind := trap.Look("/"+s, time.Unix(0, 0))
		require.NotEqual(t, "unknown", kind.String())
	})
}

func BenchmarkLook(b *testing.B) {
	now := time.Now()
	for b.Loop() {
		trap.Look("/docs/current/sql-createtable.html", now)
	}
}
