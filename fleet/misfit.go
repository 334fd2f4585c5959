package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// maxPath is the longest path to a field: some ten names of 64 characters. Fields can be in
// fields, and a document of nothing else would make paths of its own size.
const maxPath = 1000

// misfit is the first place in a JSON value that a type does not take, as an error that names
// the whole path to it; nil where there is none. It reads the value once, however deep it is.
func misfit(dec *json.Decoder, t reflect.Type, path string) error {
	if len(path) > maxPath {
		return Invalid(clip(path, 80), "is nested too deep", "a field of the schema")
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	open := opening(t)
	if open == 0 {
		return misfitLeaf(dec, t, path)
	}
	token, err := dec.Token()
	if err != nil {
		return err
	}
	if token == nil { // null is taken by everything
		return nil
	}
	if token != open {
		return Invalid(path, "is a JSON "+kindOf(token), article(t.String()))
	}
	for i := 0; dec.More(); i++ {
		at, in := path+"["+strconv.Itoa(i)+"]", t
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			if at, in = below(path, name), member(t, name); in == nil {
				return &Error{
					Code: CodeUnknownField, Field: at, Message: "unknown field",
					Want: "a field of the schema", Hint: "crawlfleet schema ticket | tenant",
				}
			}
		} else {
			in = t.Elem()
		}
		if err := misfit(dec, in, at); err != nil {
			return err
		}
	}
	_, err = dec.Token() // what closes it
	return err
}

// misfitLeaf is misfit of a value that is read at once.
func misfitLeaf(dec *json.Decoder, t reflect.Type, path string) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	err := json.Unmarshal(raw, reflect.New(t).Interface())
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return Invalid(path, "is a JSON "+wrong.Value, article(t.String()))
	default:
		return Invalid(path, err.Error(), article(t.String()))
	}
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// opening is what values of a type begin with, 0 for those that have no parts or a form of
// their own.
func opening(t reflect.Type) json.Delim {
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return 0
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return '{'
	case reflect.Slice:
		return '['
	default:
		return 0
	}
}

// member is the type of what an object has under a name, nil for nothing.
func member(t reflect.Type, name json.Token) reflect.Type {
	if t.Kind() == reflect.Map {
		return t.Elem()
	}
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && tag != "" && tag != "-" && strings.EqualFold(tag, fmt.Sprint(name)) {
			return f.Type
		}
	}
	return nil
}

// below is the path of a member.
func below(path string, name json.Token) string {
	quoted := strconv.Quote(clip(fmt.Sprint(name), 64)) // a name may be anything
	if quoted = quoted[1 : len(quoted)-1]; path == "" {
		return quoted
	}
	return path + "." + quoted
}

// kindOf names what a token begins, in JSON's words.
func kindOf(token json.Token) string {
	switch token.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	}
	if token == json.Delim('[') {
		return "array"
	}
	return "object"
}
