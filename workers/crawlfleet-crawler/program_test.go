package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

func TestProgram_SaysHelloServesCrawlsAndHandsBack(t *testing.T) {
	t.Parallel()
	s := newSide(t)
	p := s.crawler(t, builtProgram(t))

	var hello fleet.Hello
	require.NoError(t, s.start(t, fleet.CtlQueue(p.guid), fleet.ActivityHello).Get(t.Context(), &hello))
	require.Equal(t, p.guid, hello.GUID)
	require.Equal(t, 41, hello.Contract, "the linker gave it another contract")
	require.Equal(t, "127.0.0.1", hello.Address)
	require.Equal(t, 2, hello.Slots)
	require.Equal(t, p.cmd.Process.Pid, hello.PID)
	require.False(t, hello.DialedAt.Before(hello.MainAt))

	serve := s.start(t, fleet.CtlQueue(p.guid), fleet.ActivityServe, fleet.ServeInput{GUID: p.guid})
	var result fleet.CrawlResult
	require.NoError(t, s.start(t, fleet.CrawlQueue(p.guid), fleet.ActivityCrawl,
		fleet.CrawlInput{Tenant: "acme", Ticket: "page", Epoch: 1}).Get(t.Context(), &result))
	require.Equal(t, fleet.OutcomeDone, result.Outcome)
	s.mu.Lock()
	require.Len(t, s.pages, 1)
	require.Equal(t, "One page", s.pages[0].Title)
	require.Equal(t, "127.0.0.1", s.pages[0].Address)
	s.mu.Unlock()

	slow := s.start(t, fleet.CrawlQueue(p.guid), fleet.ActivityCrawl,
		fleet.CrawlInput{Tenant: "acme", Ticket: "slow", Epoch: 1})
	require.Eventually(t, func() bool {
		d, err := slow.Describe(t.Context(), client.DescribeActivityOptions{})
		return err == nil && d.LastStartedTime.After(time.Time{})
	}, patience, 20*time.Millisecond)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	for _, h := range []client.ActivityHandle{serve, slow} {
		e := activities.FromTemporal(h.Get(t.Context(), nil))
		require.NotNil(t, e)
		require.Equal(t, fleet.CodeDraining, e.Code)
	}
	require.Zero(t, p.exit(t), p.log.String())
}

func TestProgram_LeavesByItself(t *testing.T) {
	t.Parallel()
	s := newSide(t)
	program := builtProgram(t)
	t.Run("when nobody says hello", func(t *testing.T) {
		t.Parallel()
		p := s.crawler(t, program, fleet.EnvLaunchBudget+"=2s")
		require.Equal(t, 1, p.exit(t))
		require.Contains(t, p.log.String(), "nobody said hello within 2s")
		// What comes late finds nobody.
		late, err := s.ExecuteActivity(t.Context(), client.StartActivityOptions{
			ID: "late-" + string(p.guid), TaskQueue: fleet.CtlQueue(p.guid),
			ScheduleToStartTimeout: time.Second, ScheduleToCloseTimeout: patience,
		}, fleet.ActivityHello)
		require.NoError(t, err)
		require.ErrorContains(t, late.Get(t.Context(), nil), "ScheduleToStart")
	})
	t.Run("when nobody serves it any more", func(t *testing.T) {
		t.Parallel()
		p := s.crawler(t, program, fleet.EnvOrphanAfter+"=2s")
		require.NoError(t, s.start(t, fleet.CtlQueue(p.guid), fleet.ActivityHello).Get(t.Context(), nil))
		require.Equal(t, 1, p.exit(t))
		require.Contains(t, p.log.String(), "nothing heard from Temporal for 2s")
	})
	t.Run("when the data plane is gone for long", func(t *testing.T) {
		t.Parallel()
		plane := httptest.NewServer(http.HandlerFunc(s.servePlane))
		t.Cleanup(plane.Close)
		p := s.crawler(t, program, fleet.EnvOrphanAfter+"=2s", fleet.EnvDataPlane+"="+plane.URL)
		require.NoError(t, s.start(t, fleet.CtlQueue(p.guid), fleet.ActivityHello).Get(t.Context(), nil))
		serve := s.start(t, fleet.CtlQueue(p.guid), fleet.ActivityServe, fleet.ServeInput{GUID: p.guid})
		plane.CloseClientConnections()
		plane.Close()
		require.Equal(t, 1, p.exit(t))
		require.Contains(t, p.log.String(), "nothing heard from the data plane for 2s")
		require.Equal(t, fleet.CodeDraining, activities.FromTemporal(serve.Get(t.Context(), nil)).Code)
	})
	t.Run("when its credential is refused", func(t *testing.T) {
		t.Parallel()
		p := s.crawler(t, program, fleet.EnvToken+"=another")
		require.Equal(t, 1, p.exit(t))
		require.True(t, strings.Contains(p.log.String(), "data plane"), p.log.String())
	})
}

func TestProgram_ServesHealthAndMetricsWhereItIsTold(t *testing.T) {
	t.Parallel()
	s := newSide(t)
	ports, err := devserver.FreePorts("127.0.0.1", 1)
	require.NoError(t, err)
	address := "127.0.0.1:" + strconv.Itoa(ports[0])
	p := s.crawler(t, builtProgram(t), fleet.EnvHTTP+"="+address)
	require.NoError(t, s.start(t, fleet.CtlQueue(p.guid), fleet.ActivityHello).Get(t.Context(), nil))
	for path, want := range map[string]string{
		"/livez": "ok", "/readyz": "ok", "/metrics": "process_resident_memory_bytes",
	} {
		answer, err := http.Get("http://" + address + path)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, errors.Join(err, answer.Body.Close()))
		require.Equal(t, http.StatusOK, answer.StatusCode, path)
		require.Contains(t, string(body), want, path)
		require.NotContains(t, string(body), string(p.guid), "no label with a GUID")
	}
}
