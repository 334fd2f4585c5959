package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// modulePath is what the go.mod of a checkout begins with.
const modulePath = "module github.com/crawlfleet/crawlfleet\n"

// findProgram gives the path of a program of ours: the configured one, else where
// devserver.Find looks.
func findProgram(p devserver.Program, configured string, environ []string) (string, error) {
	if configured != "" {
		path, err := exec.LookPath(configured)
		if err != nil {
			return "", fmt.Errorf("find %s: %w", p, err)
		}
		return filepath.Abs(path)
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return devserver.Find(p, filepath.Dir(self), exec.LookPath, lookup(environ))
}

// lookup reads a variable of an environment list, of several of a name the last.
func lookup(environ []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, e := range slices.Backward(environ) {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}

// temporalServer gives the path of crawlfleet-server. In a checkout it is brought up
// to date first, so that a pull never runs a stale one.
func temporalServer(
	ctx context.Context, configured string, environ []string, report func(devserver.Progress),
) (string, error) {
	_, named := lookup(environ)(devserver.ServerProgram.EnvVar())
	root, in := checkout()
	if configured != "" || named || !in {
		return findProgram(devserver.ServerProgram, configured, environ)
	}
	out := filepath.Join(root, "bin", string(devserver.ServerProgram))
	return out, devserver.Build(ctx, root, out, report)
}

// checkout gives the root of the checkout that this program was built in: it lies in
// the checkout's bin folder.
func checkout() (root string, in bool) {
	self, err := os.Executable()
	if err != nil {
		return "", false
	}
	root = filepath.Dir(filepath.Dir(self))
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	return root, err == nil && strings.HasPrefix(string(b), modulePath)
}
