package nomadagent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// readyWithin is long, because a busy machine is no defect: an idle one takes 4 s.
	readyWithin = 2 * time.Minute
	// stopWithin is how long an agent may take to end before it is killed.
	stopWithin = 20 * time.Second
	lookEvery  = 50 * time.Millisecond
)

// Options describe one agent.
type Options struct {
	// Program is the path of nomad. Required.
	Program string
	// Dir gets the configuration, the data and the log; it is created. Required.
	Dir string
	// Name is the node's; default the directory's.
	Name string
	// Server makes it the one server of a cluster.
	Server bool
	// ACL has the server ask for tokens.
	ACL bool
	// Heartbeat is how soon a server takes a silent client for lost; default 10 s.
	Heartbeat time.Duration
	// Client makes it run jobs.
	Client *Client
	// Bind is the address of its listeners; default 127.0.0.1.
	Bind string
	// Prefix begins the command line: ip netns exec <name>, for an agent that can be cut off.
	Prefix []string
}

// Client is the part of an agent that runs jobs.
type Client struct {
	// Servers are the RPC addresses of the servers; empty for the agent itself.
	Servers []string
	// Drivers are the task drivers; default raw_exec alone.
	Drivers          []string
	Datacenter, Pool string
	// Meta are the node's labels.
	Meta map[string]string
	// CPU (MHz) and Memory (MB) are what the scheduler gives out; default plenty, which
	// this machine has not: crawlers that wait need little.
	CPU, Memory int
}

// Agent is a running Nomad agent, or one that can be started again.
type Agent struct {
	options         Options
	http, rpc, serf int
	cmd             *exec.Cmd
	done            chan struct{}
}

// Program gives the path of nomad: beside the programs of this checkout or on PATH.
func Program(bin string) (string, error) {
	if path := filepath.Join(bin, "nomad"); executable(path) {
		return filepath.Abs(path)
	}
	path, err := exec.LookPath("nomad")
	if err != nil {
		return "", (&fleet.Error{
			Code: fleet.CodeUnavailable, Message: "there is no nomad in " + bin + " and none on PATH",
		}).WithHint("build it, once, in some minutes: make nomad")
	}
	return path, nil
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

// Start starts an agent and waits until it takes jobs, or serves. After an error nothing
// is left running.
func Start(ctx context.Context, o Options) (*Agent, error) {
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	a := &Agent{options: o}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	a.options.Dir, a.options.Name = dir, cmp.Or(o.Name, filepath.Base(dir))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("nomad's directory: %w", err)
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	a.http, a.rpc, a.serf = ports[0], ports[1], ports[2]
	if err := os.WriteFile(a.path("agent.json"), a.configuration(), 0o600); err != nil {
		return nil, fmt.Errorf("nomad's configuration: %w", err)
	}
	return a, a.Restart(ctx)
}

// Restart starts the agent again with the same directory and ports, after Stop or Kill.
func (a *Agent) Restart(ctx context.Context) error {
	log, err := os.OpenFile(a.path("agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	line := slices.Concat(a.options.Prefix, []string{a.options.Program, "agent", "-config", a.path("agent.json")})
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = environment()
	// A Ctrl-C in the terminal is for whoever started the agent, who ends it in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		return fmt.Errorf("start nomad: %w", err)
	}
	a.cmd, a.done = cmd, make(chan struct{})
	go func() {
		defer close(a.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	if err := a.await(ctx); err != nil {
		return errors.Join(err, a.Kill())
	}
	return nil
}

// environment is this process's without what would configure the agent.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return len(e) > 6 && e[:6] == "NOMAD_" })
}

// await waits until the agent says that it is well, and its own client is ready.
func (a *Agent) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		if a.ready(ctx) {
			return nil
		}
		select {
		case <-a.done:
			return fmt.Errorf("nomad has ended at its start; see %s", a.path("agent.log"))
		case <-ctx.Done():
			return fmt.Errorf("nomad is not ready; see %s: %w", a.path("agent.log"), ctx.Err())
		case <-time.After(lookEvery):
		}
	}
}

// ready asks the agent's health: of a server that it has a leader, of a client that it
// knows a server. Without ACL the node's own state is asked for as well.
func (a *Agent) ready(ctx context.Context) bool {
	var health map[string]any
	if err := a.get(ctx, "/v1/agent/health", &health); err != nil {
		return false
	}
	if a.options.ACL || a.options.Client == nil {
		return true
	}
	var nodes []struct{ Name, Status string }
	if err := a.get(ctx, "/v1/nodes", &nodes); err != nil {
		return false
	}
	for _, n := range nodes {
		if n.Name == a.options.Name && n.Status == "ready" {
			return true
		}
	}
	return false
}

// Address is the URL of the agent's API.
func (a *Agent) Address() string {
	return "http://" + net.JoinHostPort(a.options.Bind, strconv.Itoa(a.http))
}

// RPC is where clients find this server.
func (a *Agent) RPC() string { return net.JoinHostPort(a.options.Bind, strconv.Itoa(a.rpc)) }

// Name is the node's.
func (a *Agent) Name() string { return a.options.Name }

// PID is the agent's process.
func (a *Agent) PID() int { return a.cmd.Process.Pid }

// Stop ends the agent in order. What it runs goes on, until Tidy.
func (a *Agent) Stop() error {
	_ = a.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is what is wanted
	select {
	case <-a.done:
		return nil
	case <-time.After(stopWithin):
		return a.Kill()
	}
}

// Kill ends the agent as a crash does.
func (a *Agent) Kill() error {
	_ = a.cmd.Process.Kill()
	<-a.done
	return nil
}

// Tidy takes away what a stopped agent has left besides its directory: processes that it ran,
// but no containers, and its mounts.
func (a *Agent) Tidy() error { return errors.Join(endLeft(a.path("data")), unmount(a.options.Dir)) }

// Remove takes away all that a stopped agent has left, but for containers.
func (a *Agent) Remove() error { return errors.Join(a.Tidy(), os.RemoveAll(a.options.Dir)) }

func (a *Agent) path(name string) string { return filepath.Join(a.options.Dir, name) }

// freePorts finds ports that nobody uses at the moment.
func freePorts(n int) ([]int, error) {
	var out []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // they are free from here on
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out, nil
}
