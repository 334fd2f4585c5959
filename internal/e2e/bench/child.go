package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// child is a process of the bare side.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	log   *os.File
}

// start starts a process; with ready it waits for one line of JSON.
func (r *rig) start(name string, env []string, ready any, command ...string) (*child, error) {
	log, err := os.Create(filepath.Join(r.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(command[0], command[1:]...), log: log}
	c.cmd.Env, c.cmd.Stderr = env, log
	var out io.Reader
	if ready != nil { // else the process gets no pipes, as the provider gives it none
		if c.stdin, err = c.cmd.StdinPipe(); err == nil {
			out, err = c.cmd.StdoutPipe()
		}
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	if ready == nil {
		return c, nil
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		err = json.NewDecoder(strings.NewReader(line)).Decode(ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s (see %s): %w", name, log.Name(), err), c.stop())
	}
	return c, nil
}

// stop ends the process; how it ends does not matter.
func (c *child) stop() error {
	if c == nil {
		return nil
	}
	if c.stdin != nil {
		_ = c.stdin.Close()
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	return c.log.Close()
}
