package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// EnvPrefix begins the name of every environment variable of the programs.
const EnvPrefix = "CRAWLFLEET_"

// Setting describes one value of the Config.
type Setting struct {
	Path   string // "temporal.port"
	Flag   string // "temporal-port"
	Env    string // "CRAWLFLEET_TEMPORAL_PORT"
	Help   string
	Secret bool // also taken from the file that Env + "_FILE" names
	// Flagged says that there is a flag: for every setting but most secrets, which would
	// show in the process table.
	Flagged bool
	index   []int
}

// Settings lists every value of the Config in the order of its declaration.
func Settings() []Setting { return settings(reflect.TypeFor[Config](), "", nil) }

func settings(t reflect.Type, prefix string, index []int) []Setting {
	var all []Setting
	for i := range t.NumField() {
		f := t.Field(i)
		path, at := prefix+f.Tag.Get("name"), append(index[:len(index):len(index)], i)
		if help := f.Tag.Get("help"); help != "" {
			dashed, secret := dashes(path), f.Type == reflect.TypeFor[fleet.Secret]()
			all = append(all, Setting{
				Path: path, Flag: dashed, Help: help, index: at,
				Env:    EnvPrefix + strings.ToUpper(strings.ReplaceAll(dashed, "-", "_")),
				Secret: secret, Flagged: !secret || f.Tag.Get("flag") != "",
			})
			continue
		}
		all = append(all, settings(f.Type, path+".", at)...)
	}
	return all
}

// dashes turns "dataPlane.listen" into "data-plane-listen".
func dashes(path string) string {
	var b strings.Builder
	for i, r := range path {
		switch {
		case r == '.':
			b.WriteByte('-')
		case unicode.IsUpper(r):
			if i > 0 && !unicode.IsUpper(rune(path[i-1])) {
				b.WriteByte('-')
			}
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Text renders the setting's value in c as set would read it; a secret as "***".
func (s Setting) Text(c Config) string {
	return render(reflect.ValueOf(c).FieldByIndex(s.index))
}

// set reads text into the setting's value in c.
func (s Setting) set(c *Config, text string) error {
	if err := parse(reflect.ValueOf(c).Elem().FieldByIndex(s.index), text); err != nil {
		return fleet.Invalid(s.Path, err.Error(), s.Help)
	}
	return nil
}

func render(v reflect.Value) string {
	if p, ok := v.Interface().(netip.Prefix); ok && !p.IsValid() {
		return "" // which is read as none; its own text is not
	}
	if x, ok := v.Interface().(fmt.Stringer); ok { // durations, addresses, networks, secrets
		return x.String()
	}
	if objects(v.Type()) {
		if v.Len() == 0 {
			return "" // the provider's own
		}
		b, err := json.Marshal(v.Interface())
		if err != nil {
			panic("config: a place that cannot be written as JSON: " + err.Error())
		}
		return string(b)
	}
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = render(v.Index(i))
	}
	return strings.Join(parts, ",")
}

// objects reports a list of what has no text form but JSON.
func objects(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct &&
		!reflect.PointerTo(t.Elem()).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func parse(v reflect.Value, text string) error {
	text = strings.TrimSpace(text)
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 90s or 5m", text)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(int64(n))
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(n)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	case reflect.Slice:
		return parseList(v, text)
	default:
		panic("config: no text form for " + v.Type().String())
	}
	return nil
}

// parseList reads a list of objects from JSON, any other from comma-separated text.
func parseList(v reflect.Value, text string) error {
	list := reflect.New(v.Type()).Elem()
	if objects(v.Type()) && text != "" {
		dec := json.NewDecoder(bytes.NewReader([]byte(text)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(list.Addr().Interface()); err != nil {
			return fmt.Errorf("is not a JSON list: %w", err)
		}
		v.Set(list)
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		one := reflect.New(v.Type().Elem()).Elem()
		if err := parse(one, part); err != nil {
			return err
		}
		list = reflect.Append(list, one)
	}
	v.Set(list)
	return nil
}
