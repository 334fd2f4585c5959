package store

import "time"

// Micros writes a moment as every column holds it: microseconds of Unix time, 0 for
// one that has not come.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Moment reads what Micros wrote, in UTC.
func Moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
