package main

import (
	"os"
	"os/user"
)

// actor names who runs this program, for the audit trail: user@host.
func (a *App) actor() string {
	name := a.lookupEnv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}
