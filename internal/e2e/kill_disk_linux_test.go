package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The disk of the data directory fills up in the middle of crawls, and has room again.
func TestKill_FullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	d := newDrill(t, Options{Data: disk}, slowly)
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2})
	for i := range 2 {
		d.crawl(a, fleet.TicketID(fmt.Sprintf("t-%d", i))).Leased()
	}
	waiting := d.crawl(a, "waiting")
	waiting.Waits(fleet.WaitSlot)
	d.awaitRequests(40)
	status, _ := d.ready()
	require.Equal(t, http.StatusOK, status)

	filler := fill(t, disk)
	full := time.Now()
	Await(t, "readiness to say that the disk is full", func() (bool, string) {
		status, said := d.ready()
		return status == http.StatusServiceUnavailable, fmt.Sprint(status, said)
	})
	_, said := d.ready()
	require.Contains(t, said, "no space left on device")
	Await(t, "the log to say so", func() (bool, string) {
		b, err := os.ReadFile(d.log("worker"))
		return err == nil && strings.Contains(string(b), "disk is full"), d.Worker.tail()
	})
	time.Sleep(5 * time.Second) // the outage itself
	require.True(t, d.Worker.Running(), "it waits for room")
	require.NoError(t, os.Remove(filler))
	freed := time.Now()
	t.Logf("the disk was full for %s", freed.Sub(full).Round(time.Millisecond))
	t.Logf("on again %s after it had room", d.awaitResumed(freed).Round(time.Millisecond))
	Await(t, "readiness", func() (bool, string) {
		status, said := d.ready()
		return status == http.StatusOK, said
	})
	d.judge()
	for _, k := range d.tickets {
		require.Zero(t, k.End().Moves, "no crawler was given up")
	}
}

// fill writes a file until nothing more fits, and gives its path.
func fill(t *testing.T, disk string) string {
	t.Helper()
	path := filepath.Join(disk, "filler")
	file, err := os.Create(path)
	require.NoError(t, err)
	for size := 1 << 20; size > 0; size /= 2 { // to the last byte
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
	require.ErrorContains(t, err, "no space left")
	require.NoError(t, file.Close())
	return path
}

// ready asks the control worker whether it takes tickets.
func (f *Fleet) ready() (status int, said string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet,
		fmt.Sprintf("http://%s:%d/readyz", loopback, f.ports.health), http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	b, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(b)
}

// smallDisk is a file system of its own with little room. It needs the right to mount.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m,mode=0700"),
		"this test mounts a small file system: run it as root")
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}
