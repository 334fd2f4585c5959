package fleet

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Duration is a time.Duration that is a string ("1m30s") on the wire.
type Duration time.Duration

// Std gives the standard library's duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String renders it as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes a string such as "1m30s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a string such as "1m30s"; a bare number is refused,
// because its unit would be a guess. Its error is the decoder's own kind, so that the
// decoder adds the path of the field.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return &json.UnmarshalTypeError{Value: "value " + clip(string(b), 40), Type: reflect.TypeFor[Duration]()}
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return &json.UnmarshalTypeError{Value: fmt.Sprintf("string %q", clip(s, 40)), Type: reflect.TypeFor[Duration]()}
	}
	*d = Duration(v)
	return nil
}

// Moment is a point in time that a ticket may give either as an instant
// (RFC 3339) or as a duration from the ticket's acceptance ("10m").
type Moment string

// Resolve gives the instant, counted from accepted where it is a duration.
// The zero Moment is the zero time. It fails on anything else than the two forms.
func (m Moment) Resolve(accepted time.Time) (time.Time, error) {
	s := strings.TrimSpace(string(m))
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		if d <= 0 {
			return time.Time{}, fmt.Errorf("%q is not positive", clip(s, 40))
		}
		return accepted.Add(d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a duration nor an instant", clip(s, 40))
	}
	return t, nil
}
