package devserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Free ports are taken from below the ranges that kernels hand out to outgoing connections
// (Linux from 32768, macOS from 49152). From those, a port could be lost between choosing it and
// listening on it, and while a server is restarted a client that dials its port could by chance
// connect to itself from there, and so hold it.
const (
	firstFreePort = 20000
	lastFreePort  = 32000
	// portTries per port is generous: with half the range taken, 64 tries fail once in 2^64.
	portTries = 64
)

// Holder is the process that listens on a port.
type Holder struct {
	PID     int
	Program string // its short name
}

// String reads like "postgres (process 4711)".
func (h Holder) String() string { return fmt.Sprintf("%s (process %d)", h.Program, h.PID) }

// FreePorts chooses n different ports of ip that nobody listens on. They are free when it
// returns, not reserved: who uses them retries when one was taken in between.
func FreePorts(ip string, n int) ([]int, error) {
	ports := make([]int, 0, n)
	// All are held until the last is chosen, which keeps them different.
	held := make([]net.Listener, 0, n)
	defer func() {
		for _, l := range held {
			_ = l.Close() // nothing was accepted
		}
	}()
	for range n {
		l, port, err := listenFree(ip)
		if err != nil {
			return nil, fmt.Errorf("find a free port on %s: %w", ip, err)
		}
		held, ports = append(held, l), append(ports, port)
	}
	return ports, nil
}

func listenFree(ip string) (net.Listener, int, error) {
	var last error
	for range portTries {
		port := firstFreePort + rand.IntN(lastFreePort-firstFreePort)
		l, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(port)))
		if err == nil {
			return l, port, nil
		}
		last = err
		if !errors.Is(err, syscall.EADDRINUSE) {
			break // no other port would be better
		}
	}
	return nil, 0, last
}

// PortBusy is the error for a port that is taken: who holds it, where that can be told, and the
// flag that chooses another.
func PortBusy(port int, flag string) *fleet.Error {
	holder := "another program"
	if h, ok := WhoHolds(port); ok {
		holder = h.String()
	}
	e := fleet.Errorf(fleet.CodeBusy, fmt.Sprintf("port %d is held by %s", port, holder)).
		WithHint("choose another with " + flag)
	e.Field = flag
	return e
}
