package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// serverProgram is built by the repository's own build; without it these tests fail.
const serverProgram = "../../bin/crawlfleet-server"

// patience is how long a test waits for what takes milliseconds.
const patience = time.Minute

// side is a control side: the real Temporal server, and a data plane with one ticket.
type side struct {
	address string // of Temporal
	client.Client
	plane *httptest.Server
	site  *httptest.Server
	slow  chan struct{} // closed: the site's slow page answers

	mu    sync.Mutex
	pages []fleet.PageResult
}

func newSide(t *testing.T) *side {
	t.Helper()
	s := &side{slow: make(chan struct{})}
	s.startTemporal(t)
	s.site = httptest.NewServer(http.HandlerFunc(s.serveSite))
	t.Cleanup(s.site.Close)
	s.plane = httptest.NewServer(http.HandlerFunc(s.servePlane))
	t.Cleanup(s.plane.Close)
	t.Cleanup(func() { close(s.slow) })
	return s
}

func (s *side) startTemporal(t *testing.T) {
	t.Helper()
	server := devserver.NewServer(devserver.ServerOptions{
		Program: serverProgram, DataDir: t.TempDir(), UIPort: devserver.NoUI, LogLevel: "error",
	})
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	s.address = server.Address()
	var err error
	s.Client, err = client.Dial(client.Options{HostPort: s.address})
	require.NoError(t, err)
	t.Cleanup(s.Close)
}

func (s *side) serveSite(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>One page</title>"))
	case "/slow":
		select {
		case <-s.slow:
		case <-r.Context().Done():
		}
	default:
		http.NotFound(w, r)
	}
}

// servePlane is the least that a data plane can be: the ticket "page" has one page, the
// ticket "slow" one that does not come.
func (s *side) servePlane(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer t0p-secret" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	var answer any
	switch r.URL.Path {
	case fleet.PathEcho:
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		answer = fleet.EchoAnswer{Address: host}
	case fleet.PathClaim:
		var q fleet.ClaimRequest
		_ = json.NewDecoder(r.Body).Decode(&q)
		url := s.site.URL + "/"
		if q.Ticket == "slow" {
			url += "slow"
		}
		spec, err := fleet.TicketInput{Tenant: q.Tenant, ID: q.Ticket, URLs: []string{url}}.Normalise()
		if err != nil {
			panic(err)
		}
		answer = fleet.ClaimAnswer{
			Fence: q.Epoch, Spec: spec, Work: []fleet.FrontierURL{{ID: 1, URL: url}},
			Counters: fleet.Counters{Discovered: 1, InFlight: 1},
		}
	case fleet.PathExchange:
		var q fleet.ExchangeRequest
		_ = json.NewDecoder(r.Body).Decode(&q)
		a := fleet.ExchangeAnswer{Next: fleet.NextGo, Counters: fleet.Counters{Discovered: 1, InFlight: 1}}
		if len(q.Pages) > 0 {
			s.mu.Lock()
			s.pages = append(s.pages, q.Pages...)
			s.mu.Unlock()
			a.Next, a.Outcome = fleet.NextEnd, fleet.OutcomeDone
			a.Counters = fleet.Counters{Discovered: 1, Fetched: 1}
		}
		answer = a
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// builtProgram builds the program, of another contract version.
func builtProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crawlfleet-crawler")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X main.contract=41",
		"-o", path, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// crawlerProcess is a running crawler.
type crawlerProcess struct {
	cmd  *exec.Cmd
	guid fleet.GUID
	log  *bytes.Buffer // whole when done is closed
	done chan struct{}
	err  error
}

func (s *side) crawler(t *testing.T, program string, changes ...string) *crawlerProcess {
	t.Helper()
	p := &crawlerProcess{
		guid: fleet.GUID(uuid.NewString()), log: &bytes.Buffer{}, done: make(chan struct{}),
	}
	p.cmd = exec.Command(program, "--guid", string(p.guid))
	p.cmd.Env = goodEnvironment(append([]string{
		fleet.EnvGUID + "=" + string(p.guid), fleet.EnvSlots + "=2",
		fleet.EnvDataPlane + "=" + s.plane.URL, "TEMPORAL_ADDRESS=" + s.address,
		fleet.EnvAllowPrivate + "=127.0.0.0/8",
		// The one loopback address that every system has.
		fleet.EnvSource + "=127.0.0.1", fleet.EnvSourceFor + "=loopback",
	}, changes...)...)
	p.cmd.Stderr = p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended already, where all went well
		<-p.done
	})
	return p
}

func (p *crawlerProcess) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		require.Fail(t, "the crawler does not end")
	}
	require.NotContains(t, p.log.String(), "t0p-secret")
	return p.cmd.ProcessState.ExitCode()
}

// start schedules an activity on one of the crawler's queues.
func (s *side) start(t *testing.T, queue, name string, args ...any) client.ActivityHandle {
	t.Helper()
	h, err := s.ExecuteActivity(t.Context(), client.StartActivityOptions{
		ID: name + "-" + uuid.NewString(), TaskQueue: queue,
		ScheduleToCloseTimeout: patience, HeartbeatTimeout: 20 * time.Second,
	}, name, args...)
	require.NoError(t, err)
	return h
}
