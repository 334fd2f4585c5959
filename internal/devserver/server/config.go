package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.uber.org/zap/zapcore"
)

const (
	// noPort leaves a listener out; freePort lets the program choose.
	noPort   = -1
	freePort = 0
	maxPort  = 65535

	// defaultRetention keeps closed workflows over a weekend; every one of them is in memory
	// caches and on disk.
	defaultRetention = 72 * time.Hour
	// minRetention is the shortest that Temporal accepts in a namespace.
	minRetention = time.Hour
)

// Config is what the flags say.
type Config struct {
	DataDir  string
	IP       netip.Addr
	Port     int // of the frontend (gRPC); 0 = a free one
	UIPort   int // of the Web UI; 0 = a free one, -1 = no UI
	HTTPPort int // of the frontend's HTTP API; 0 = a free one, -1 = none
	// HealthPort is that of /livez, /readyz and /metrics; 0 = a free one, -1 = none.
	HealthPort int
	Namespace  string
	Retention  time.Duration
	// SearchAttributes are created in the namespace when it lacks them.
	SearchAttributes attributes
	// Dynamic are values of Temporal's dynamic configuration that win over ours.
	Dynamic  values
	LogLevel zapcore.Level
	Lifeline bool          // stop when standard input ends
	LockWait time.Duration // for a server that is still stopping in DataDir
}

// parse reads the flags; usage and flag errors are written to usage.
func parse(args []string, usage io.Writer) (Config, error) {
	cfg := Config{LogLevel: zapcore.WarnLevel, SearchAttributes: attributes{}, Dynamic: values{}}
	set := flag.NewFlagSet("crawlfleet-server", flag.ContinueOnError)
	set.SetOutput(usage)
	ip := set.String("ip", "127.0.0.1",
		"`address` of gRPC and HTTP API; there is no login, so a loopback one")
	set.StringVar(&cfg.DataDir, "data-dir", "", "`directory` of the database files (required)")
	set.IntVar(&cfg.Port, "port", 7233, "gRPC `port`; 0 = a free one")
	set.IntVar(&cfg.UIPort, "ui-port", 8233, "Web UI `port`; 0 = a free one, -1 = no Web UI")
	set.IntVar(&cfg.HTTPPort, "http-port", noPort, "HTTP API `port`; 0 = a free one, -1 = none")
	set.IntVar(&cfg.HealthPort, "health-port", noPort,
		"`port` of /livez, /readyz and /metrics; 0 = a free one, -1 = none")
	set.StringVar(&cfg.Namespace, "namespace", "default", "`name` of the namespace")
	set.DurationVar(&cfg.Retention, "retention", defaultRetention,
		"how long closed workflows are kept, at least 1h")
	set.Var(cfg.SearchAttributes, "search-attribute",
		"`Name=Type` of a search attribute, repeatable; Type is Keyword, Int, Bool, …")
	set.Var(cfg.Dynamic, "dynamic-config-value",
		"`key=value` of Temporal's dynamic configuration, repeatable; the value is JSON")
	set.TextVar(&cfg.LogLevel, "log-level", cfg.LogLevel,
		"`level` of the log: debug, info, warn, error")
	set.BoolVar(&cfg.Lifeline, "lifeline", false, "stop when standard input ends")
	set.DurationVar(&cfg.LockWait, "lock-wait", 0,
		"how long to wait for a server that is still stopping in the data directory")
	if err := set.Parse(args); err != nil {
		if err != flag.ErrHelp {
			err = &Failure{Code: codeInvalid, Message: err.Error()}
		}
		return Config{}, err
	}
	if set.NArg() > 0 {
		return Config{}, invalid("", "no arguments are taken, got %q", set.Arg(0))
	}
	addr, err := netip.ParseAddr(*ip)
	if err != nil {
		return Config{}, invalid("--ip", "want an IP address, got %q", *ip)
	}
	cfg.IP = addr
	return cfg, cfg.Validate()
}

// Validate names the first flag that is wrong.
func (c Config) Validate() error {
	switch {
	case c.DataDir == "":
		return invalid("--data-dir", "is required")
	case c.IP.IsUnspecified():
		return invalid("--ip", "want one address, got %s, which is all", c.IP)
	case c.Namespace == "":
		return invalid("--namespace", "must not be empty")
	case c.Retention < minRetention:
		return invalid("--retention", "want at least %s, got %s", minRetention, c.Retention)
	case c.LockWait < 0:
		return invalid("--lock-wait", "want no negative time, got %s", c.LockWait)
	case c.Port < freePort || c.Port > maxPort:
		return invalid("--port", "want 0 to %d, got %d", maxPort, c.Port)
	}
	taken := map[int]string{c.Port: "--port"}
	for _, p := range []struct {
		flag string
		port int
	}{{"--ui-port", c.UIPort}, {"--http-port", c.HTTPPort}, {"--health-port", c.HealthPort}} {
		if p.port < noPort || p.port > maxPort {
			return invalid(p.flag, "want -1 to %d, got %d", maxPort, p.port)
		}
		if other, ok := taken[p.port]; ok && p.port > 0 {
			return invalid(p.flag, "port %d is already the one of %s", p.port, other)
		}
		taken[p.port] = p.flag
	}
	return nil
}

// loopback is where everything but the frontend listens: Web UI and inner services have no login
// and nothing to gain from being seen.
func (c Config) loopback() netip.Addr {
	if c.IP.IsLoopback() {
		return c.IP
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

func invalid(flag, format string, args ...any) error {
	return &Failure{Code: codeInvalid, Flag: flag, Message: fmt.Sprintf(format, args...)}
}

// attributes are search attributes by name. It is a flag.Value.
type attributes map[string]enumspb.IndexedValueType

// String is empty: there is no default to show.
func (a attributes) String() string { return "" }

// Set adds one Name=Type.
func (a attributes) Set(s string) error {
	name, kind, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("want Name=Type, got %q", s)
	}
	t, err := enumspb.IndexedValueTypeFromString(kind)
	if err != nil || t == enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED {
		return fmt.Errorf("want a type like Keyword, Int or Bool, got %q", kind)
	}
	if old, ok := a[name]; ok && old != t {
		return fmt.Errorf("%s is given as %s and as %s", name, old, t)
	}
	a[name] = t
	return nil
}

// values are dynamic configuration values by key. It is a flag.Value.
type values map[string]any

// String is empty: there is no default to show.
func (v values) String() string { return "" }

// Set adds one key=value.
func (v values) Set(s string) error {
	key, text, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return fmt.Errorf("want key=value, got %q", s)
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return fmt.Errorf("%s: want a JSON value, got %q", key, text)
	}
	if number, ok := value.(float64); ok && number == math.Trunc(number) {
		value = int(number) // what the server takes for a whole number
	}
	v[key] = value
	return nil
}
