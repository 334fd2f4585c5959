package devserver

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tcpListen is the state of a listening socket in /proc/net/tcp (TCP_LISTEN).
const tcpListen = "0A"

// WhoHolds tells which process listens on a TCP port, on any address. It cannot see the sockets
// of another user's processes, and answers false then as for a free port.
func WhoHolds(port int) (Holder, bool) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, inode := range listeners(table, port) {
			if h, ok := ownerOf("socket:[" + inode + "]"); ok {
				return h, true
			}
		}
	}
	return Holder{}, false
}

// listeners gives the inodes of the sockets that listen on port. A line reads
//
//	sl  local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
func listeners(table string, port int) (inodes []string) {
	f, err := os.Open(table)
	if err != nil {
		return nil // no IPv6, or no /proc
	}
	defer func() { _ = f.Close() }() // read only
	suffix := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		const local, state, inode = 1, 3, 9
		fields := strings.Fields(lines.Text())
		if len(fields) > inode && fields[state] == tcpListen && strings.HasSuffix(fields[local], suffix) {
			inodes = append(inodes, fields[inode])
		}
	}
	return inodes
}

// ownerOf finds the process that has the link open. Processes that end meanwhile are passed over.
func ownerOf(link string) (Holder, bool) {
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return Holder{}, false
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err != nil || target != link {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if err != nil {
			continue
		}
		name, err := programName(filepath.Join("/proc", strconv.Itoa(pid)))
		if err != nil {
			continue
		}
		return Holder{PID: pid, Program: name}, true
	}
	return Holder{}, false
}

// programName is what the kernel calls a process, which it cuts after 15 characters; the
// whole of it where the process's own first argument goes on in the same way.
func programName(process string) (string, error) {
	comm, err := os.ReadFile(filepath.Join(process, "comm"))
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(string(comm))
	if args, err := os.ReadFile(filepath.Join(process, "cmdline")); err == nil {
		first, _, _ := strings.Cut(string(args), "\x00")
		if whole := filepath.Base(first); strings.HasPrefix(whole, name) {
			return whole, nil
		}
	}
	return name, nil
}
