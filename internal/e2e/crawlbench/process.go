package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	CPU time.Duration `json:"cpu"`
	RSS int64         `json:"rss"` // the most that it held, in bytes
}

// used is what this process has used.
func used() usage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("crawlbench: getrusage: " + err.Error()) // it has no way to fail
	}
	return usageOf(&u)
}

func usageOf(u *syscall.Rusage) usage {
	unit := int64(1 << 10) // of ru_maxrss: kilobytes, but for macOS
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	return usage{CPU: time.Duration(u.Utime.Nano() + u.Stime.Nano()), RSS: u.Maxrss * unit}
}

// helper is a process beside the crawler: the site or the data plane. A line on its
// standard input asks what it has used.
type helper struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// start starts a helper and reads what it says when it is ready.
func start(ctx context.Context, ready any, args ...string) (*helper, error) {
	h := &helper{cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	h.cmd.Stderr = os.Stderr
	var err error
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.out = bufio.NewReader(out)
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	if err := h.read(ready); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	return h, nil
}

func (h *helper) read(into any) error {
	line, err := h.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

// ask sends a line and reads the answer.
func (h *helper) ask(line string, into any) error {
	if _, err := fmt.Fprintln(h.stdin, line); err != nil {
		return err
	}
	return h.read(into)
}

// used is what the helper has used so far.
func (h *helper) used() (u usage, err error) { return u, h.ask("used", &u) }

// stop ends the helper; how it ends does not matter.
func (h *helper) stop() {
	_ = h.stdin.Close()
	_ = h.cmd.Wait()
}

// answer serves the questions on a helper's standard input until that ends.
func answer(stdin io.Reader, stdout io.Writer, ready any, others map[string]func() any) error {
	enc := json.NewEncoder(stdout)
	if err := enc.Encode(ready); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		var a any = used()
		if f := others[lines.Text()]; f != nil {
			a = f()
		}
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// measured is what the run of one layer came to.
type measured struct {
	Pages int64         `json:"pages"`
	Took  time.Duration `json:"took"`
	Used  usage         `json:"used"`
	Plane usage         `json:"plane"` // of it the CPU time is of this run only
	URLs  []string      `json:"urls,omitempty"`
	Note  string        `json:"note,omitempty"`
}

// child runs a layer in a process of its own.
func child(ctx context.Context, args ...string) (m measured, err error) {
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{layerCommand}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("%s: %w", args[0], err)
	}
	return m, json.Unmarshal(out, &m)
}
