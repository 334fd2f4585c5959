package devserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// maxLog is when a log is put aside at the next start. One older one is kept.
	maxLog = 10 << 20

	// pipeDelay is how far the end of a process and the end of its output may be apart: a
	// grandchild can hold the output, and a dying process closes it before it can be waited for.
	pipeDelay = time.Second
)

// process is one life of a child.
type process struct {
	cmd     *exec.Cmd
	line    io.Closer     // our end of the life line
	out     *os.File      // our end of the child's standard output
	stdout  *bufio.Reader // over out
	log     *os.File
	started time.Time

	done chan struct{} // closed when the child has ended; err may be read then
	err  error         // why it ended: its exit status or signal
}

func startProcess(command, env []string, logPath string) (p *process, err error) {
	log, err := openLog(logPath)
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	p = &process{out: out, stdout: bufio.NewReader(out), log: log, done: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = in, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.line, err = p.cmd.StdinPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	err = errors.Join(err, in.Close()) // the child has its own
	if err != nil {
		return nil, errors.Join(err, out.Close(), log.Close())
	}
	p.started = time.Now()
	go func() {
		defer close(p.done)
		p.err = endOf(p.cmd.Wait())
		// Without a deadline, which a pipe always takes, a grandchild could hold the reader up.
		_ = p.out.SetReadDeadline(time.Now().Add(pipeDelay))
	}()
	return p, nil
}

// openLog opens the file for appending; one that has grown too large is renamed first.
func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the log's directory: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("put the log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return f, nil
}

// endOf makes an end without an error one that can be told.
func endOf(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// exitsWithin waits for the end, d at most, and reports whether it came.
func (p *process) exitsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return p.exited()
	}
}

// drain copies what the child prints from now on into the log until it ends.
func (p *process) drain() {
	go func() {
		// Copying ends with the child; nothing can be done about a full disk here.
		_, _ = io.Copy(p.log, p.stdout)
		<-p.done
		p.close()
	}()
}

func (p *process) close() {
	_ = p.out.Close() // read only
	_ = p.log.Close() // the child wrote through a descriptor of its own
}

// stop asks the child to end and waits; when grace or ctx is over first it is killed, which is
// an error.
func (p *process) stop(ctx context.Context, grace time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal process %d: %w", p.pid(), err)
	}
	_ = p.line.Close() // says the same to a child that watches it
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	p.kill()
	return fmt.Errorf("it did not end in time, process %d was killed", p.pid())
}

// kill ends the child's whole process group, whose id stays taken while one of it lives, and waits
// for the child.
func (p *process) kill() {
	// The only failure is that the group has ended by itself.
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	<-p.done
	p.close()
}
