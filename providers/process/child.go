package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// guidFlag is the argument that makes a crawler findable in the process table.
const guidFlag = "--guid"

// errNoProcess is what the kernel answers for a process that is no more.
var errNoProcess = syscall.ESRCH

// child is a process that this Provider forked.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it was reaped: cmd.ProcessState is set
}

// fork starts the process. It inherits the locked life file as descriptor 3, its log
// as output, and nothing else.
func (p *Provider) fork(
	s fleet.Spec, program, address string, life *os.File,
) (*child, error) {
	out, err := os.OpenFile(p.store.logPath(s.GUID), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, guidFlag, string(s.GUID))
	cmd.Env = environment(p.env, s, address)
	cmd.Dir = p.store.dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{life}
	// A session of its own: neither a Ctrl-C in the terminal nor the end of the control
	// worker reaches it, and its whole group can be signalled at once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(cmd.Start(), out.Close()); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	p.mu.Lock()
	p.children[s.GUID] = c
	p.mu.Unlock()
	go p.reap(s.Key, c)
	return c, nil
}

// reap waits for the process, which may outlive the Provider: the goroutine then ends
// with this process, and the crawler is adopted by the next.
func (p *Provider) reap(k fleet.Key, c *child) {
	// An exit code other than 0 is an error here; ProcessState has it.
	_ = c.cmd.Wait()
	close(c.done)
	if _, err := p.settle(context.Background(), opDescribe, k); err != nil &&
		fleet.ClassOf(err) != fleet.ClassNotFound {
		p.log.Warn("record the end of a crawler", zap.String("guid", string(k.GUID)), zap.Error(err))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.children, k.GUID)
	for w := range p.watchers {
		select {
		case w <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
}

func (p *Provider) child(g fleet.GUID) *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.children[g]
}

// environment is all that the crawler gets: what the operator configured, what the
// launch asks for, and who it is.
func environment(common map[string]string, s fleet.Spec, address string) []string {
	all := make(map[string]string, len(common)+len(s.Env)+8)
	for _, m := range []map[string]string{common, s.Env} {
		for k, v := range m {
			all[k] = v
		}
	}
	all[fleet.EnvFleet] = string(s.Fleet)
	all[fleet.EnvTenant] = string(s.Tenant)
	all[fleet.EnvGUID] = string(s.GUID)
	all[fleet.EnvOffering] = string(s.Offering)
	all[fleet.EnvSlots] = strconv.Itoa(max(s.Slots, 1))
	all[fleet.EnvSource] = address
	all[fleet.EnvSourceFor] = sourceFor(address)
	if s.Token != "" {
		all[fleet.EnvToken] = s.Token.Reveal()
	}
	out := make([]string, 0, len(all))
	for k, v := range all {
		out = append(out, k+"="+v)
	}
	return out
}

// describeExit puts an exit into words and a code.
func describeExit(s *os.ProcessState) (code *int, reason string) {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return nil, fmt.Sprintf("killed by signal %d", ws.Signal())
	}
	n := s.ExitCode()
	return &n, fmt.Sprintf("exit code %d", n)
}
