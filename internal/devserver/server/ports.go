package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// Free ports are taken from below the ranges that kernels hand out to outgoing connections
// (Linux from 32768, macOS from 49152). A port from those can be lost between our choosing and
// Temporal's listening, and a client that keeps dialling a dead server can even connect to
// itself and so hold the server's port.
const (
	firstFreePort = 20000
	lastFreePort  = 32000
	// freePortTries is generous: even with half of the range taken, 64 tries fail once in 2^64.
	freePortTries = 64
)

// portPlan holds one listener per port, so that nobody else gets it before Temporal does.
type portPlan struct {
	frontend, history, matching, worker int
	ui, http, health                    int // 0 = none

	held map[int]net.Listener
}

// reservePorts chooses all ports at once. A port that is given and taken is an error that names
// its flag.
func reservePorts(cfg Config) (*portPlan, error) {
	p := &portPlan{held: map[int]net.Listener{}}
	for _, want := range []struct {
		flag string
		ip   netip.Addr
		port int
		got  *int
	}{
		{"--port", cfg.IP, cfg.Port, &p.frontend},
		{"--ui-port", cfg.loopback(), cfg.UIPort, &p.ui},
		{"--http-port", cfg.IP, cfg.HTTPPort, &p.http},
		{"--health-port", cfg.loopback(), cfg.HealthPort, &p.health},
		{"", cfg.loopback(), freePort, &p.history},
		{"", cfg.loopback(), freePort, &p.matching},
		{"", cfg.loopback(), freePort, &p.worker},
	} {
		if want.port == noPort {
			continue
		}
		port, err := p.hold(want.ip, want.port)
		if err != nil {
			p.releaseAll()
			return nil, portError(want.flag, want.ip, want.port, err)
		}
		*want.got = port
	}
	return p, nil
}

func (p *portPlan) hold(ip netip.Addr, port int) (int, error) {
	tries := 1
	if port == freePort {
		tries = freePortTries
	}
	var err error
	for range tries {
		try := port
		if port == freePort {
			try = firstFreePort + rand.IntN(lastFreePort-firstFreePort)
		}
		var l net.Listener
		l, err = net.Listen("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(try)))
		if err == nil {
			p.held[try] = l
			return try, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			break // another try would end the same way
		}
	}
	return 0, err
}

// release frees ports, right before the server listens on them.
func (p *portPlan) release(ports ...int) {
	for _, port := range ports {
		if l, ok := p.held[port]; ok {
			_ = l.Close() // nothing was accepted, so nothing can be lost
			delete(p.held, port)
		}
	}
}

func (p *portPlan) releaseAll() { p.release(slices.Collect(maps.Keys(p.held))...) }

func portError(flag string, ip netip.Addr, port int, err error) error {
	address := netip.AddrPortFrom(ip, uint16(port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &Failure{Code: codeBusy, Flag: flag, Message: fmt.Sprintf("%s is in use", address)}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return &Failure{Code: codeInvalid, Flag: "--ip", Message: fmt.Sprintf(
			"%s is no address of this machine", ip)}
	default:
		return &Failure{Code: codeInvalid, Flag: flag, Message: fmt.Sprintf(
			"listen on %s: %v", address, err)}
	}
}
