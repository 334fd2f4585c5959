package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// MaxDocument is the most bytes of a ticket or tenant document: half of what
// Temporal takes as one payload (2 MB), so that a ticket always fits.
const MaxDocument = 1 << 20

// decodeStrict reads one JSON value and refuses unknown fields and what follows. Its errors
// name fields by their whole path, which begins with at.
func decodeStrict(b []byte, into any, at string) error {
	if len(b) > MaxDocument {
		return Invalid("", fmt.Sprintf("the document has %d bytes", len(b)),
			fmt.Sprintf("at most %d", MaxDocument)).
			WithHint("split the seed list into several tickets")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var syntax *json.SyntaxError
		if !errors.As(err, &syntax) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			// The decoder's own error names neither the way to a field nor a list's entry.
			if flaw := misfit(json.NewDecoder(bytes.NewReader(b)), reflect.TypeOf(into), at); flaw != nil {
				return flaw
			}
		}
		return Invalid("", "is not a JSON document: "+err.Error(), "one JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Invalid("", "something follows the document", "one JSON object")
	}
	return nil
}

// article turns a Go type into words for people.
func article(t string) string {
	switch {
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case strings.HasPrefix(t, "map"):
		return "an object"
	case strings.HasPrefix(t, "int"):
		return "a whole number"
	case t == "string", strings.HasSuffix(t, "ID"), strings.HasSuffix(t, "Key"):
		return "a string"
	case strings.HasSuffix(t, ".Duration"):
		return `a duration such as "90s" or "5m"`
	case t == "time.Time":
		return `an instant such as "2026-01-02T15:04:05Z"`
	case t == "bool":
		return "true or false"
	default:
		return "an object"
	}
}

func between(field string, v, lo, hi int64) error {
	if v < lo || v > hi {
		return Invalid(field, fmt.Sprintf("%d is out of range", v), fmt.Sprintf("%d to %d", lo, hi))
	}
	return nil
}

func validateLabels(labels map[string]string) error {
	if len(labels) > 32 {
		return Invalid("labels", fmt.Sprintf("has %d entries", len(labels)), "at most 32")
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) { // in order: always the same error
		v := labels[k]
		if k == "" || len(k) > 64 || len(v) > 256 {
			return Invalid("labels."+clip(k, 64), "is too long or empty",
				"names of 1 to 64 and values of at most 256 characters")
		}
	}
	return nil
}
