package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// unmapText takes the program's code out of this process's memory: a start runs through
// most of it, serving through little. What is called again is mapped again from the
// system's cache. Only code: its pages are never written, so that nothing can be lost.
func unmapText() error {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it is only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var from, to uintptr
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[1] != "r-xp" || fields[5] != self {
			continue
		}
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &from, &to); err != nil {
			return fmt.Errorf("read %q: %w", lines.Text(), err)
		}
		if _, _, e := syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED); e != 0 {
			return fmt.Errorf("give back the program's code: %w", e)
		}
	}
	return lines.Err()
}
