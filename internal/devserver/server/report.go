package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"

	"go.temporal.io/server/common/headers"
)

// Codes of a failed start, the same words as crawlfleet's own error codes.
const (
	codeInvalid  = "invalid"  // a flag is wrong
	codeBusy     = "busy"     // a port or the directory is held by another
	codeVersion  = "version"  // the directory is of another version
	codeInternal = "internal" // anything else
)

// Failure is an error that the line on standard output can explain.
type Failure struct {
	Code    string // one of the codes above
	Flag    string // the flag to change, "" when there is none
	Message string
}

// Error gives the message, with the flag in front of it.
func (f *Failure) Error() string {
	if f.Flag == "" {
		return f.Message
	}
	return f.Flag + ": " + f.Message
}

// report writes the program's one line to standard output: the first to come wins.
type report struct {
	mu   sync.Mutex
	w    io.Writer
	done bool
}

type readyLine struct {
	Ready   bool   `json:"ready"`
	Address string `json:"address"`
	UI      string `json:"ui,omitempty"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

type failedLine struct {
	Ready bool   `json:"ready"`
	Code  string `json:"code"`
	Flag  string `json:"flag,omitempty"`
	Error string `json:"error"`
}

func (r *report) ready(address, ui string) {
	r.write(readyLine{
		Ready: true, Address: address, UI: ui, PID: os.Getpid(), Version: headers.ServerVersion,
	})
}

func (r *report) failed(err error) {
	line := failedLine{Code: codeInternal, Error: err.Error()}
	var f *Failure
	if errors.As(err, &f) {
		line.Code, line.Flag, line.Error = f.Code, f.Flag, f.Message
	}
	r.write(line)
}

func (r *report) write(line any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return
	}
	r.done = true
	// A supervisor that no longer listens is noticed by the life line, not here.
	_ = json.NewEncoder(r.w).Encode(line)
}
