package e2e

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// TestDev_GoesOnWhereItWas stops one fleet in the middle of a crawl in both ways, one
// after the other: by SIGTERM, and by SIGKILL of every process at once.
func TestDev_GoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Dev: true})
	s := site(t, sample.Options{PageDelay: 30 * time.Millisecond})
	a := f.NewTenant(t, fleet.Plan{})
	f.refusesASecond(t)
	zero := fleet.Duration(0)
	in := fleet.TicketInput{
		URLs: []string{s.URL()}, Scope: fleet.Scope{Hosts: s.Hosts()},
		Fetch: fleet.FetchOptions{Delay: &zero, Concurrency: 2},
	}
	k := a.Submit(in)
	requests := func(n int) {
		t.Helper()
		Await(t, strconv.Itoa(n)+" requests", func() (bool, string) { l := len(s.Log()); return l >= n, show(l) })
	}

	requests(40)
	began, asked := time.Now(), len(s.Log())
	require.NoError(t, f.Dev.Stop(stopWithin), "a clean stop, within its deadline")
	stopped := len(s.Log())
	t.Logf("stopped within %s, %d requests meanwhile", time.Since(began).Round(time.Millisecond), stopped-asked)
	left, err := f.Processes()
	require.NoError(t, err)
	require.Empty(t, left, "a stopped fleet leaves nothing running")
	began = time.Now()
	require.NoError(t, f.StartDev())
	t.Logf("started again within %s", time.Since(began).Round(time.Millisecond))
	requests(stopped + 40)
	t.Logf("goes on after %s", time.Since(began).Round(time.Millisecond))

	require.NoError(t, f.KillAll())
	killed := len(s.Log())
	began = time.Now()
	require.NoError(t, f.StartDev())
	t.Logf("started after the kill within %s", time.Since(began).Round(time.Millisecond))
	requests(killed + 40)
	t.Logf("goes on after %s", time.Since(began).Round(time.Millisecond))

	r := k.End()
	require.Equal(t, fleet.OutcomeDone, r.Outcome, show(r))
	truth, err := s.Truth(sample.Scope{})
	require.NoError(t, err)
	require.ElementsMatch(t, spelled(truth.Pages), htmlOf(k), "every page is there, once")
	again := 0
	for _, url := range truth.Pages {
		again += s.Count(url) - 1
	}
	// What was in flight at an end, or fetched and not yet stored, is fetched again.
	require.LessOrEqual(t, again, 2*(in.Fetch.Concurrency+uncommitted))
	t.Logf("%d pages, %d requests more, %d moves, counters %+v", len(truth.Pages), again, r.Moves, r.Counters)
}

// refusesASecond starts what has to be refused beside a fleet that runs.
func (f *Fleet) refusesASecond(t *testing.T) {
	t.Helper()
	e := f.Crawlfleet(t, "", "dev", "-o", "json").Error(t)
	require.Equal(t, fleet.CodeBusy, e.Code)
	require.Equal(t, "dataDir", e.Field)
	require.Contains(t, e.Message, strconv.Itoa(f.Dev.PID()), "it names who has it")

	// Another directory, the same port of the server: the holder is named, and the flag.
	e = f.Crawlfleet(t, "", "dev", "-o", "json", "--data-dir", filepath.Join(t.TempDir(), "b")).Error(t)
	require.Equal(t, fleet.CodeBusy, e.Code)
	require.Equal(t, "--temporal-port", e.Field)
	require.Contains(t, e.Message, "crawlfleet-server (process")
	require.Contains(t, e.Hint, "--temporal-port")
}

func TestDev_UsesTheTemporalServerThatTheEnvironmentNames(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Dev: true, External: true, Settings: map[string]string{"temporal-server": "/nowhere"}})
	s := site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	said := f.Crawlfleet(t, "", "ticket", "submit", s.ShopURL("/about"), "-t", string(a.ID), "--max-depth", "0",
		"--id", "outside", "--wait", "-o", "json").OK(t)
	var r fleet.TicketResult
	said.Into(t, &r)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
	require.Positive(t, f.size(t, a.Named("outside").WorkflowID).events, "its workflow is on that server")
	all, err := f.Processes()
	require.NoError(t, err)
	for _, p := range all {
		require.NotContains(t, p.Args[0], "crawlfleet-server", "none of its own was started")
	}
}

func TestDev_PortThatIsTakenNamesTheFlagAndWhoHoldsIt(t *testing.T) {
	t.Parallel()
	f := shared(t)
	l, err := net.Listen("tcp", loopback+":0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	free := []string{
		"--temporal-port", "0", "--temporal-ui-port", "-1", "--data-plane-listen", loopback + ":0",
		"--http-listen", loopback + ":0", "--web-listen", loopback + ":0",
	}
	for flag, value := range map[string]string{
		"--data-plane-listen": l.Addr().String(), "--http-listen": l.Addr().String(), "--web-listen": l.Addr().String(),
		"--temporal-ui-port": strconv.Itoa(l.Addr().(*net.TCPAddr).Port),
	} {
		args := append([]string{"dev", "-o", "json", "--data-dir", filepath.Join(t.TempDir(), "d")}, free...)
		// Without TEMPORAL_ADDRESS, dev starts a server of its own.
		e := f.Run(t, "", append([]string{
			"env", "-u", "TEMPORAL_ADDRESS", "-u", "TEMPORAL_NAMESPACE",
			the.programs.Crawlfleet,
		}, append(args, flag, value)...)...).Error(t)
		require.Equal(t, fleet.CodeBusy, e.Code, "%s: %+v", flag, e)
		require.Equal(t, flag, e.Field)
		require.Contains(t, e.Message, "(process "+strconv.Itoa(os.Getpid())+")", flag)
	}
}

func TestDev_DirectoryOfANewerVersionIsRefusedWithWhatToType(t *testing.T) {
	t.Parallel()
	f, dir := shared(t), t.TempDir()
	b, err := json.Marshal(map[string]any{
		"fleet": "f-0123456789ab", "layout": 99,
		"versions": map[string]string{"crawlfleet": "v9.9.9"},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "fleet.json"), b, 0o600))
	for _, command := range [][]string{{"dev"}, {"worker"}, {"fleet", "status"}} {
		e := f.Crawlfleet(t, "", append(command, "-o", "json", "--data-dir", dir)...).Error(t)
		require.Equal(t, fleet.CodeVersion, e.Code, "%v: %+v", command, e)
		require.Equal(t, "dataDir", e.Field)
		require.Contains(t, e.Message, "v9.9.9")
		require.Contains(t, e.Hint, "crawlfleet restore")
	}
}
