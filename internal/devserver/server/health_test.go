package main

import (
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealth_IsReadyWhenToldAndNotBefore(t *testing.T) {
	cfg := Config{
		IP: netip.MustParseAddr("127.0.0.1"), UIPort: noPort, HTTPPort: noPort, HealthPort: freePort,
	}
	ports, err := reservePorts(cfg)
	require.NoError(t, err)
	t.Cleanup(ports.releaseAll)
	h, err := startHealth(t.Context(), cfg.loopback(), ports)
	require.NoError(t, err)
	ask := func(path string) (int, string) {
		answer, err := http.Get("http://127.0.0.1:" + strconv.Itoa(ports.health) + path)
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }() // it was read
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	status, _ := ask("/livez")
	require.Equal(t, http.StatusOK, status)
	status, _ = ask("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	h.ready.Store(true)
	status, _ = ask("/readyz")
	require.Equal(t, http.StatusOK, status)
	_, body := ask("/metrics")
	require.Contains(t, body, "go_goroutines")
	require.NoError(t, h.stop())
}
