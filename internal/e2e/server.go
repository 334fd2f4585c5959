package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// serveWithin is for a slow machine that compiles something beside; each of our programs
// serves within a second or two.
const serveWithin = 90 * time.Second

// stopWithin is longer than the half minute that our programs allow themselves.
const stopWithin = 45 * time.Second

// serverTries: the server's inner ports are free ones, and may be lost to another
// program in the moment before it listens.
const serverTries = 3

// StartServer starts the Temporal server, on the same port and files as before.
func (f *Fleet) StartServer() error {
	args := []string{
		f.programs.Server, "--data-dir", filepath.Join(f.Dir, "temporal"), "--ip", loopback,
		"--port", strconv.Itoa(f.ports.temporal), "--ui-port", "-1", "--lock-wait", "20s",
		"--health-port", strconv.Itoa(f.ports.server), "--log-level", "error",
	}
	for _, name := range fleet.SearchAttributes() {
		args = append(args, "--search-attribute", name+"=Keyword")
	}
	for key, value := range f.o.Dynamic {
		args = append(args, "--dynamic-config-value", key+"="+value)
	}
	var err error
	for range serverTries {
		if f.Server, err = start("the Temporal server", f.log("server"), f.base, args...); err != nil {
			return err
		}
		var line string
		if line, err = f.Server.ready(serveWithin); err == nil {
			err = said(line)
		}
		if err == nil {
			return nil
		}
		f.Server.Kill()
	}
	return err
}

// said reads a program's first line: ready, or why not.
func said(line string) error {
	var s struct {
		Ready bool `json:"ready"`
	}
	if err := json.Unmarshal([]byte(line), &s); err != nil || !s.Ready {
		return fmt.Errorf("it said %s", line)
	}
	return nil
}
