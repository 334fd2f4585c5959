package devserver

import (
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestFreePorts_AreDifferentAndFree(t *testing.T) {
	t.Parallel()
	ports, err := FreePorts("127.0.0.1", 8)
	require.NoError(t, err)
	require.Len(t, ports, 8)
	seen := map[int]bool{}
	for _, port := range ports {
		require.False(t, seen[port])
		seen[port] = true
		require.GreaterOrEqual(t, port, firstFreePort)
		require.Less(t, port, lastFreePort)
	}
}

func TestFreePorts_FailsOnAnAddressOfAnotherMachine(t *testing.T) {
	t.Parallel()
	_, err := FreePorts("192.0.2.1", 1) // for documentation only: nobody has it
	require.ErrorContains(t, err, "192.0.2.1")
}

func TestPortBusy_NamesTheHolderAndTheFlag(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"127.0.0.1:0", "[::]:0"} {
		l, err := net.Listen("tcp", network)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		port := l.Addr().(*net.TCPAddr).Port

		e := PortBusy(port, "--temporal-port")
		require.Equal(t, fleet.CodeBusy, e.Code)
		require.Equal(t, "--temporal-port", e.Field)
		require.Contains(t, e.Error(), strconv.Itoa(port))
		require.Contains(t, e.Error(), "choose another with --temporal-port")

		holder, ok := WhoHolds(port)
		require.Equal(t, runtime.GOOS == "linux", ok)
		if ok {
			require.Equal(t, os.Getpid(), holder.PID)
			require.Contains(t, e.Message, holder.String())
		}
	}
}
