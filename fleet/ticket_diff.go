package fleet

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Differs names the first field, in alphabetical order of its path, in which the
// content of two normalised tickets differs; "" when they are the same ticket. It is
// the field of a conflict.
func (in TicketInput) Differs(other TicketInput) string {
	in.ID, in.Attempt = "", 0
	other.ID, other.Attempt = "", 0
	return differs("", fieldsOf(in), fieldsOf(other))
}

func differs(prefix string, a, b map[string]json.RawMessage) string {
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if bytes.Equal(a[k], b[k]) {
			continue
		}
		inA, inB := fieldsOf(a[k]), fieldsOf(b[k])
		if inA == nil || inB == nil {
			return prefix + k
		}
		return differs(prefix+k+".", inA, inB)
	}
	return ""
}

// fieldsOf gives the fields of a JSON object, nil for anything else.
func fieldsOf(v any) map[string]json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // an absent field
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil {
		return nil
	}
	return fields
}
