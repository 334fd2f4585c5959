package config

import (
	"reflect"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Environ gives the configuration as environment variables, so that a program that
// is started with them has the same one. Secrets are in it, as themselves.
func (c Config) Environ() []string {
	var env []string
	for _, s := range Settings() {
		v := reflect.ValueOf(c).FieldByIndex(s.index)
		text := render(v)
		if s.Secret {
			text = v.Interface().(fleet.Secret).Reveal()
		}
		env = append(env, s.Env+"="+text)
	}
	return env
}
