package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// EnvFile names the configuration file.
const EnvFile = EnvPrefix + "CONFIG"

// Origin says where a value comes from.
type Origin string

// The origins, the strongest first.
const (
	FromFlag    Origin = "flag"
	FromEnv     Origin = "environment"
	FromFile    Origin = "file"
	FromDefault Origin = "default"
)

// Source is what a program hands in.
type Source struct {
	// Flags are the flags that were given, by the path of their setting.
	Flags map[string]string
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// File is the configuration file; empty for $CRAWLFLEET_CONFIG, else
	// crawlfleet/config.yaml in the user's configuration directory if it is there.
	File string
}

// Value is one setting with its value (a secret as "***") and where that comes from.
type Value struct {
	Path   string `json:"path"`
	Value  string `json:"value"`
	Origin Origin `json:"origin"`
	// At names the flag, the variable or the file with its line.
	At string `json:"at,omitempty"`
}

// Loaded is a Config that knows where its values come from.
type Loaded struct {
	Config
	origins map[string]Value
	// Unknown are environment variables with our prefix that nothing reads.
	Unknown []string
}

// Load reads, merges and checks. Its errors are *fleet.Error with the path, the
// variable or the flag as field.
func Load(s Source) (*Loaded, error) {
	env := environment(s.Environ)
	l := &Loaded{Config: Default(dataHome(env)), origins: map[string]Value{}}
	if err := l.readFile(s.File, env); err != nil {
		return nil, err
	}
	if err := l.readEnv(env); err != nil {
		return nil, err
	}
	for _, set := range Settings() {
		text, ok := s.Flags[set.Path]
		if !ok {
			continue
		}
		if err := l.take(set, text, FromFlag, "--"+set.Flag); err != nil {
			return nil, err
		}
	}
	return l, l.Validate()
}

// Values lists every setting with its value and origin.
func (l *Loaded) Values() []Value {
	all := Settings()
	values := make([]Value, len(all))
	for i, s := range all {
		v := l.origins[s.Path]
		if v.Origin == "" {
			v.Origin = FromDefault
		}
		v.Path, v.Value = s.Path, s.Text(l.Config)
		values[i] = v
	}
	return values
}

func (l *Loaded) take(s Setting, text string, o Origin, at string) error {
	if err := s.set(&l.Config, text); err != nil {
		var e *fleet.Error
		if errors.As(err, &e) {
			return e.WithHint("set by " + at)
		}
		return err
	}
	l.origins[s.Path] = Value{Origin: o, At: at}
	return nil
}

func (l *Loaded) readEnv(env map[string]string) error {
	known := map[string]bool{EnvFile: true}
	for _, name := range otherVariables() {
		known[name] = true
	}
	for _, s := range Settings() {
		known[s.Env] = true
		text, ok := env[s.Env]
		at := s.Env
		if s.Secret {
			known[s.Env+"_FILE"] = true
			if name := env[s.Env+"_FILE"]; name != "" && !ok {
				b, err := os.ReadFile(name)
				if err != nil {
					return fleet.Invalid(s.Env+"_FILE", "cannot be read: "+err.Error(), "a readable file")
				}
				text, ok, at = string(b), true, s.Env+"_FILE"
			}
		}
		if !ok {
			continue
		}
		if err := l.take(s, text, FromEnv, at); err != nil {
			return err
		}
	}
	for name := range env {
		if strings.HasPrefix(name, EnvPrefix) && !known[name] {
			l.Unknown = append(l.Unknown, name)
		}
	}
	slices.Sort(l.Unknown)
	return nil
}

// otherVariables are no settings: a crawler's own environment.
func otherVariables() []string {
	return []string{
		fleet.EnvFleet, fleet.EnvTenant, fleet.EnvGUID, fleet.EnvSlots, fleet.EnvOffering,
		fleet.EnvDataPlane, fleet.EnvToken, fleet.EnvToken + "_FILE", fleet.EnvSource,
		fleet.EnvSourceFor, fleet.EnvLaunchBudget, fleet.EnvOrphanAfter,
	}
}

func (l *Loaded) readFile(name string, env map[string]string) error {
	must := name != ""
	if name == "" {
		name, must = env[EnvFile], env[EnvFile] != ""
	}
	if name == "" {
		name = filepath.Join(userDir(env, "XDG_CONFIG_HOME", ".config"), "crawlfleet", "config.yaml")
	}
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !must:
		return nil
	case err != nil:
		return fleet.Invalid("config", err.Error(), "a readable file (YAML or JSON)")
	}
	values, err := parseFile(name, b)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := l.take(v.setting, v.text, FromFile, fmt.Sprintf("%s:%d", name, v.line)); err != nil {
			return err
		}
	}
	return nil
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return env
}

func dataHome(env map[string]string) string {
	return filepath.Join(userDir(env, "XDG_DATA_HOME", ".local", "share"), "crawlfleet")
}

// userDir is a directory of the XDG base directory specification.
func userDir(env map[string]string, variable string, below ...string) string {
	if dir := env[variable]; filepath.IsAbs(dir) { // the specification ignores others
		return dir
	}
	return filepath.Join(append([]string{env["HOME"]}, below...)...)
}
