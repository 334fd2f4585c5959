package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo answers what it hears.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", loopback+":0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

// hears wants a text to come back within a time.
func hears(t *testing.T, c net.Conn, text string, within time.Duration) error {
	t.Helper()
	require.NoError(t, c.SetDeadline(time.Now().Add(within)))
	b := make([]byte, len(text))
	n, err := io.ReadFull(c, b)
	require.Equal(t, text[:n], string(b[:n]))
	return err
}

func says(t *testing.T, c net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
}

func TestWire_CutTellsNobodyAndMendedGoesOn(t *testing.T) {
	t.Parallel()
	w, err := NewWire(loopback, echo(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	dial := func() net.Conn {
		c, err := net.Dial("tcp", w.Address())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	old := dial()
	says(t, old, "whole")
	require.NoError(t, hears(t, old, "whole", Patience))

	w.Cut()
	fresh := dial()
	for _, c := range []net.Conn{old, fresh} {
		says(t, c, "late")
		require.ErrorIs(t, hears(t, c, "late", 100*time.Millisecond), os.ErrDeadlineExceeded, "nobody is told")
	}
	Await(t, "both to come up to the cut", func() (bool, string) { return w.Held() == 2, fmt.Sprint(w.Held()) })
	w.Mend()
	for _, c := range []net.Conn{old, fresh} {
		require.NoError(t, hears(t, c, "late", Patience), "nothing is lost")
	}

	w.Cut()
	w.Break()
	w.Mend()
	require.ErrorIs(t, hears(t, old, "nothing", Patience), syscall.ECONNRESET)
	anew := dial()
	says(t, anew, "anew")
	require.NoError(t, hears(t, anew, "anew", Patience))
}
