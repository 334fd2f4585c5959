package nomadagent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endLeft ends the processes that work in a directory of an agent that has stopped: what it
// ran, and its own helpers beside that. They outlive it, so that a restarted one finds them.
func endLeft(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	for {
		left, err := working(dir)
		if err != nil || len(left) == 0 {
			return err
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // one that has ended is what is wanted
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("end what nomad has left running in %s: %v are still there", dir, left)
		case <-time.After(lookEvery):
		}
	}
}

// working lists the processes that are in a directory, or have a file open there. One that
// ends meanwhile has neither, and so has a dead one.
func working(dir string) (pids []int, err error) {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		links := []string{filepath.Join("/proc", e.Name(), "cwd")}
		files, _ := filepath.Glob(filepath.Join("/proc", e.Name(), "fd", "*")) // the pattern is well formed
		for _, link := range append(links, files...) {
			if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, dir+"/") {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids, nil
}
