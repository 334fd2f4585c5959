package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// failuresAtOnce is how often a key may be mistyped in a row.
	failuresAtOnce = 10
	// failureEvery is after how long one more try is allowed. A key has 256 bits, so this
	// guards the store rather than the key.
	failureEvery = 6 * time.Second
	// maxAddresses bounds the memory: when it is reached, all are forgotten.
	maxAddresses = 10_000
)

// failures counts wrong keys by the address that sent them.
type failures struct {
	mu sync.Mutex
	// until is when an address has made up for its failures, each of which costs
	// failureEvery.
	until map[netip.Prefix]time.Time
}

func newFailures() *failures { return &failures{until: map[netip.Prefix]time.Time{}} }

// wait is how long an address has to wait before its next try; zero when it may try.
func (f *failures) wait(from netip.Prefix, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	until, known := f.until[from]
	if !known {
		return 0
	}
	return max(0, until.Sub(now)-(failuresAtOnce-1)*failureEvery)
}

// add counts a failure.
func (f *failures) add(from netip.Prefix, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.until) >= maxAddresses {
		clear(f.until)
	}
	until := f.until[from]
	if until.Before(now) {
		until = now
	}
	f.until[from] = until.Add(failureEvery)
}

// addressOf is where a request comes from: a network of 64 bits in IPv6, which is one
// customer's. Behind a proxy it is the address that the proxy added last.
func addressOf(r *http.Request, proxied bool) netip.Prefix {
	text, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		text = r.RemoteAddr
	}
	if all := r.Header.Values("X-Forwarded-For"); proxied && len(all) > 0 {
		last := all[len(all)-1]
		text = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{} // all of these are one
	}
	bits := 32
	if a = a.Unmap(); a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the bits fit the address
	return p
}
