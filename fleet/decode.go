package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// MaxDocument is the most bytes of a ticket or tenant document: half of what
// Temporal takes as one payload (2 MB), so that a ticket always fits.
const MaxDocument = 1 << 20

var unknownField = regexp.MustCompile(`unknown field "(.*)"`)

// decodeStrict reads one JSON value and refuses unknown fields and what follows.
func decodeStrict(b []byte, into any) error {
	if len(b) > MaxDocument {
		return Invalid("", fmt.Sprintf("the document has %d bytes", len(b)),
			fmt.Sprintf("at most %d", MaxDocument)).
			WithHint("split the seed list into several tickets")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return decodeError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Invalid("", "something follows the document", "one JSON object")
	}
	return nil
}

func decodeError(err error) error {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return &Error{
			Code: CodeUnknownField, Field: m[1], Message: "unknown field",
			Want: "a field of the schema", Hint: "crawlfleet schema ticket | tenant",
		}
	}
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		return Invalid(te.Field, "is a JSON "+te.Value, article(te.Type.String()))
	}
	return Invalid("", "is not a JSON document: "+err.Error(), "one JSON object")
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
