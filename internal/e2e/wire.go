package e2e

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// Wire carries TCP to one listener, and can be cut: then nothing goes through in either
// direction and nobody is told, as behind a switch that has died. Its connections stay open,
// new ones are made and hear nothing. It takes a chunk of what is sent while it is cut, the
// kernel's buffers the rest, and so the sender notices by its own timeouts only.
type Wire struct {
	target   string
	listener net.Listener
	held     atomic.Int64 // chunks and ends that came up to the cut
	ended    chan struct{}
	all      sync.WaitGroup

	mu    sync.Mutex // guards what follows
	whole chan struct{}
	calls map[*call]bool
}

// call is one connection: to us, and on from us once that is there.
type call struct {
	near, far end
	gone      chan struct{} // closed when nothing of it goes on any more
	once      sync.Once     // of finish
}

// end is a connection of TCP or to a socket.
type end interface {
	net.Conn
	CloseWrite() error
}

// NewWire listens on a free port of an address and leads to a listener: host:port, or the path
// of a socket.
func NewWire(ip, target string) (*Wire, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return nil, err
	}
	w := &Wire{
		target: target, listener: l, ended: make(chan struct{}), whole: make(chan struct{}), calls: map[*call]bool{},
	}
	close(w.whole)
	w.all.Go(w.serve)
	return w, nil
}

// Address is where the wire begins, host:port.
func (w *Wire) Address() string { return w.listener.Addr().String() }

// Cut cuts the wire.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held.Store(0)
	select {
	case <-w.whole:
		w.whole = make(chan struct{})
	default: // it is cut
	}
}

// Held is how often something has come up to the cut since it was made, and gone no further.
func (w *Wire) Held() int64 { return w.held.Load() }

// Break resets the connections that there are, as a router does that has forgotten them. The
// wire stays as it is, whole or cut.
func (w *Wire) Break() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.calls {
		c.finish(true)
	}
}

// Mend has everything go on: what was held up arrives, late.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.whole:
	default:
		close(w.whole)
	}
}

// Close ends the wire and every connection of it.
func (w *Wire) Close() error {
	err := w.listener.Close()
	close(w.ended)
	w.Break()
	w.all.Wait()
	return err
}

func (w *Wire) serve() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return // closed
		}
		c := &call{near: near.(end), gone: make(chan struct{})}
		w.mu.Lock()
		w.calls[c] = true
		w.mu.Unlock()
		w.all.Go(func() { w.lead(c) })
	}
}

// lead carries one connection to its end.
func (w *Wire) lead(c *call) {
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		c.finish(false)
		delete(w.calls, c)
	}()
	if !w.pass(c) || !w.dial(c) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { w.carry(c, c.far, c.near) })
	both.Go(func() { w.carry(c, c.near, c.far) })
	both.Wait()
}

// dial connects to the listener; false if nobody is there, or the connection has ended meanwhile.
func (w *Wire) dial(c *call) bool {
	network := "tcp"
	if strings.HasPrefix(w.target, "/") {
		network = "unix"
	}
	far, err := net.Dial(network, w.target)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		c.finish(true)
		return false
	}
	c.far = far.(end)
	select {
	case <-c.gone:
		_ = c.far.Close() // it has carried nothing
		return false
	default:
		return true
	}
}

// carry copies one direction, and the end of it.
func (w *Wire) carry(c *call, to, from end) {
	chunk := make([]byte, 32<<10)
	for {
		n, err := from.Read(chunk)
		if !w.pass(c) {
			return
		}
		if n > 0 {
			if _, err := to.Write(chunk[:n]); err != nil {
				_ = from.Close() // it sees that nobody reads
				return
			}
		}
		if err != nil {
			_ = to.CloseWrite() // one that is closed already is what is wanted
			return
		}
	}
}

// pass waits until the wire is whole; false if the connection has ended meanwhile.
func (w *Wire) pass(c *call) bool {
	w.mu.Lock()
	whole := w.whole
	w.mu.Unlock()
	select {
	case <-whole:
	default:
		w.held.Add(1)
	}
	select {
	case <-c.gone:
		return false
	case <-w.ended:
		return false
	case <-whole:
		return true
	}
}

// finish ends a connection. Where it is broken off, its ends are told by a reset, and what is
// on its way is lost.
func (c *call) finish(broken bool) {
	c.once.Do(func() {
		close(c.gone)
		for _, conn := range []end{c.near, c.far} {
			if conn == nil {
				continue
			}
			if tcp, ok := conn.(*net.TCPConn); ok && broken {
				_ = tcp.SetLinger(0) // one that is closed already is what is wanted
			}
			_ = conn.Close() // the same
		}
	})
}
