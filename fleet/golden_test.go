package fleet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

var update = flag.Bool("update", false, "write the golden files; a payload may only grow")

// payloads are all types that are sent: between programs, into histories and rows,
// and to readers. What they hold is covered with them.
func payloads() []any {
	return []any{
		fleet.TicketInput{},
		fleet.TicketResult{},
		fleet.TicketStatus{},
		fleet.TicketRow{},
		fleet.TenantInput{},
		fleet.TenantStatus{},
		fleet.CrawlerInput{},
		fleet.CrawlerRow{},
		fleet.Hello{},
		fleet.ServeInput{},
		fleet.DrainRequest{},
		fleet.ConductorInput{},
		fleet.Decision{},
		fleet.DecisionRecord{},
		fleet.Cooldown{},
		fleet.Preview{},
		fleet.EgressRow{},
		fleet.Comparison{},
		fleet.CrawlInput{},
		fleet.EchoRequest{},
		fleet.CrawlResult{},
		fleet.Error{},
		fleet.RouteRequest{},
		fleet.RouteAnswer{},
		fleet.Intent{},
		fleet.RecordRequest{},
		fleet.RecordAnswer{},
		fleet.RetireAnswer{},
		fleet.BuryAnswer{},
		fleet.LaunchFailure{},
		fleet.LeaseRow{},
		fleet.Pace{},
		fleet.ClaimRequest{},
		fleet.ClaimAnswer{},
		fleet.ExchangeRequest{},
		fleet.ExchangeAnswer{},
		fleet.EchoAnswer{},
		fleet.BootstrapRequest{},
		fleet.Credential{},
		fleet.AdmitRequest{},
		fleet.Admission{},
		fleet.PageRow{},
		fleet.Flaw{},
		fleet.Spec{},
		fleet.StopOptions{},
		fleet.Filter{},
		fleet.Instance{},
		fleet.OfferingStatus{},
		fleet.Capabilities{},
		fleet.Bill{},
		fleet.PlanRequest{},
		fleet.SuspendRequest{},
		fleet.ResumeRequest{},
		fleet.DeleteRequest{},
		fleet.SteerRequest{},
		fleet.KeyRequest{},
		fleet.RevokeRequest{},
		fleet.KeyRow{},
		fleet.Delivery{},
		fleet.DeliveryTry{},
		fleet.DeliveryInput{},
		fleet.RedeliverRequest{},
		fleet.AuditRecord{},
		fleet.Gauges{},
		fleet.TicketRef{},
		fleet.ScheduleInput{},
		fleet.ScheduleRow{},
	}
}

func TestGolden_PayloadsStayReadableAndOnlyGrow(t *testing.T) {
	t.Parallel()
	for _, zero := range payloads() {
		typ := reflect.TypeOf(zero)
		t.Run(typ.Name(), func(t *testing.T) {
			t.Parallel()
			full := reflect.New(typ)
			fill(full.Elem())
			got, err := json.MarshalIndent(full.Interface(), "", "  ")
			require.NoError(t, err)
			got = append(got, '\n')
			name := filepath.Join("testdata", "golden", typ.Name()+".json")
			old, err := os.ReadFile(name)
			if !errors.Is(err, fs.ErrNotExist) {
				require.NoError(t, err)
				require.NoError(t, grown(old, got), "a stored payload could no longer be read")
			}
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
				require.NoError(t, os.WriteFile(name, got, 0o644))
				return
			}
			require.NoError(t, err, "go test ./fleet -update writes it")
			require.Equal(t, string(old), string(got), "go test ./fleet -update, if this is meant")
			roundTrip(t, typ, old)
		})
	}
}

// roundTrip reads a golden and writes it again: nothing may be lost on the way.
func roundTrip(t *testing.T, typ reflect.Type, golden []byte) {
	t.Helper()
	back := reflect.New(typ)
	require.NoError(t, json.Unmarshal(golden, back.Interface()))
	again, err := json.Marshal(back.Interface())
	require.NoError(t, err)
	if typ == reflect.TypeFor[fleet.Spec]() {
		require.NotContains(t, string(again), "***", "the token is never sent")
	}
	require.JSONEq(t, string(golden), string(again))
}

// grown reports a value of old that new lacks or gives another type or form.
func grown(old, new []byte) error {
	var a, b any
	if err := errors.Join(json.Unmarshal(old, &a), json.Unmarshal(new, &b)); err != nil {
		return err
	}
	return within("", a, b)
}

func within(path string, old, new any) error {
	if fmt.Sprintf("%T", old) != fmt.Sprintf("%T", new) {
		return fmt.Errorf("%s was %T and is %T", path, old, new)
	}
	switch o := old.(type) {
	case map[string]any:
		n := new.(map[string]any)
		for key, value := range o {
			if _, ok := n[key]; !ok {
				return fmt.Errorf("%s.%s is gone", path, key)
			}
			if err := within(path+"."+key, value, n[key]); err != nil {
				return err
			}
		}
	case []any:
		if n := new.([]any); len(o) > 0 && len(n) > 0 {
			return within(path+"[0]", o[0], n[0])
		}
	case string: // the same filler gives another text only to another form: a duration, an instant
		if new != old {
			return fmt.Errorf("%s was %q and is %q", path, old, new)
		}
	}
	return nil
}

func TestGrown_SeesWhatIsGoneOrChanged(t *testing.T) {
	t.Parallel()
	require.NoError(t, grown([]byte(`{"a":[{"b":1}]}`), []byte(`{"a":[{"b":1,"c":2}],"d":3}`)))
	require.ErrorContains(t, grown([]byte(`{"a":[{"b":1}]}`), []byte(`{"a":[{}]}`)), ".a[0].b is gone")
	require.ErrorContains(t, grown([]byte(`{"a":1}`), []byte(`{"a":"1"}`)), ".a was float64")
	require.ErrorContains(t, grown([]byte(`{"a":"text"}`), []byte(`{"a":"1m30s"}`)), ".a was")
}

// holds reports whether a type is a map of another.
func holds(t, of reflect.Type) bool { return t.Kind() == reflect.Map && t.Elem() == of }

// fill gives every exported field a value that is not its zero.
func fill(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC)))
		return
	case reflect.TypeFor[fleet.Duration](), reflect.TypeFor[time.Duration]():
		v.SetInt(int64(90 * time.Second))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Interface:
		v.Set(reflect.ValueOf("text"))
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && !holds(f.Type, v.Type()) { // fields in fields have no end
				fill(v.Field(i))
			}
		}
	default:
		panic("no filler for " + v.Type().String())
	}
}

// TestGolden_CoversEveryType: a type with JSON names that no payload holds has no golden.
func TestGolden_CoversEveryType(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, p := range payloads() {
		cover(reflect.TypeOf(p), covered)
	}
	named := 0
	for _, name := range jsonStructs(t) {
		require.True(t, covered[name], "fleet.%s is in no golden: add it to payloads", name)
		named++
	}
	require.Greater(t, named, len(payloads())/2, "the sources were not read")
}

func cover(t reflect.Type, seen map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		cover(t.Elem(), seen)
	case reflect.Struct:
		if seen[t.Name()] {
			return
		}
		seen[t.Name()] = true
		for i := range t.NumField() {
			cover(t.Field(i).Type, seen)
		}
	}
}

func jsonStructs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, bytes.NewReader(source), 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() && hasJSON(s) {
				names = append(names, spec.Name.Name)
			}
			return true
		})
	}
	return names
}

func hasJSON(s *ast.StructType) bool {
	for _, f := range s.Fields.List {
		if f.Tag != nil && strings.Contains(f.Tag.Value, `json:"`) {
			return true
		}
	}
	return false
}
