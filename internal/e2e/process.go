package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Process is a program that the harness has started and stops by its pid.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	line chan string   // its first line of output, then closed
	done chan struct{} // closed when it has ended
	err  error         // how it ended; set before done is closed
}

// start starts a program whose errors, and output after the first line, go to a log.
// It dies with the test program, however that ends, where the system can do so.
func start(name, log string, env []string, command ...string) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), file.Close())
	}
	p := &Process{
		name: name, log: log, cmd: exec.Command(command[0], command[1:]...),
		line: make(chan string, 1), done: make(chan struct{}),
	}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, in, file
	p.cmd.SysProcAttr = attributes()
	began := make(chan error)
	go p.live(began)
	err = <-began
	_ = in.Close() // the child has its own
	go p.read(out, file)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// live starts the program and waits for its end on one thread: the kernel's word that
// the parent has died is bound to the thread that forked.
func (p *Process) live(began chan<- error) {
	runtime.LockOSThread()
	err := p.cmd.Start()
	began <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
	close(p.done)
}

func (p *Process) read(out, log *os.File) {
	defer func() { _ = errors.Join(out.Close(), log.Close()) }() // nothing is lost with them
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err == nil {
		p.line <- first
	}
	close(p.line)
	_, _ = io.Copy(log, lines) // ends with the program
}

// ready waits for the first line of output, which our programs print when they serve.
func (p *Process) ready(within time.Duration) (string, error) {
	select {
	case line, ok := <-p.line:
		if ok {
			return line, nil
		}
		p.endsWithin(time.Second) // the pipe is closed an instant before
		return "", fmt.Errorf("%s ended before it served (%w):\n%s", p.name, p.err, p.tail())
	case <-time.After(within):
		return "", fmt.Errorf("%s does not serve within %s:\n%s", p.name, within, p.tail())
	}
}

// PID is the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running reports whether it has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *Process) endsWithin(d time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(d):
		return !p.Running()
	}
}

// Kill ends it with SIGKILL and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // the only failure is that it has ended
	<-p.done
}

// Stop ends it with SIGTERM. An exit status that is not 0, and an end that had to be
// forced after grace, are errors.
func (p *Process) Stop(grace time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	if !p.endsWithin(grace) {
		p.Kill()
		return fmt.Errorf("stop %s: not within %s:\n%s", p.name, grace, p.tail())
	}
	if p.err != nil {
		return fmt.Errorf("stop %s: %w:\n%s", p.name, p.err, p.tail())
	}
	return nil
}

// tail is the end of its log, for a reader of a failure.
func (p *Process) tail() string {
	const enough = 4 << 10 // some twenty lines
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-enough):])
}
