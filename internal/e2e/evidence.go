package e2e

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Running is one process of a fleet, as the process table has it.
type Running struct {
	PID  int
	Args []string
	GUID fleet.GUID // of a crawler, else empty
}

// Processes lists the fleet's processes that the harness has not started itself: its
// crawlers, and what `crawlfleet dev` supervises.
func (f *Fleet) Processes() ([]Running, error) {
	all, err := commands()
	if err != nil {
		return nil, err
	}
	var out []Running
	for pid, args := range all {
		switch {
		case args[0] == f.crawler():
			out = append(out, Running{PID: pid, Args: args, GUID: guidOf(args)})
		case f.Dev != nil && pid != f.Dev.PID() && f.ofDev(args):
			out = append(out, Running{PID: pid, Args: args})
		}
	}
	slices.SortFunc(out, func(a, b Running) int { return a.PID - b.PID })
	return out, nil
}

// Crawlers lists the fleet's crawlers in the process table, of all its tenants.
func (f *Fleet) Crawlers() ([]Running, error) {
	all, err := f.Processes()
	return slices.DeleteFunc(all, func(r Running) bool { return r.GUID == "" }), err
}

// ofDev reports whether a process is the server, the worker or the pages of this fleet's dev.
func (f *Fleet) ofDev(args []string) bool {
	switch {
	case strings.HasSuffix(args[0], "crawlfleet-server"):
		return slices.Contains(args, f.DataDir()+"/temporal")
	case len(args) > 1 && slices.Contains(args, f.DataDir()):
		return args[1] == "worker" || args[1] == "web"
	}
	return false
}

func guidOf(args []string) fleet.GUID {
	if at := slices.Index(args, "--guid"); at >= 0 && at+1 < len(args) {
		return fleet.GUID(args[at+1])
	}
	return "unknown" // a crawler all the same
}

// Kill ends a process with SIGKILL; one that has ended is not an error.
func Kill(pid int) { Signal(pid, syscall.SIGKILL) }

// Signal sends a signal to a process of the fleet; one that has ended does not hear it.
func Signal(pid int, s syscall.Signal) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Signal(s) // the only failure is that it has ended
	}
}

// leftOver says what of the fleet still runs when everything has been stopped, and ends it.
func (f *Fleet) leftOver() error {
	left, err := f.Processes()
	for _, p := range left {
		err = errors.Join(err, errors.New("left running: "+strings.Join(p.Args, " ")))
		Kill(p.PID)
	}
	return err
}
