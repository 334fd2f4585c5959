package nomadagent

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// unmount takes away what an agent has mounted below a directory: the secrets of its
// tasks are in memory. An agent that was killed leaves them.
func unmount(dir string) error {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var errs []error
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			if err := syscall.Unmount(fields[1], syscall.MNT_DETACH); err != nil {
				errs = append(errs, fmt.Errorf("unmount %s: %w", fields[1], err))
			}
		}
	}
	return errors.Join(errs...)
}
