package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// wire is the DevTools protocol over two pipes: JSON messages, each ended by a zero byte.
type wire struct {
	answers  io.ReadCloser
	commands io.WriteCloser
	ended    chan struct{} // closed when the browser says no more

	mu      sync.Mutex // guards what follows, and writing
	last    int64
	pending map[int64]chan message
	events  map[string]func(method string, params json.RawMessage) // by session
}

// message is a command, its answer, or an event.
type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
		Data    string `json:"data"`
	} `json:"error,omitempty"`
}

func newWire(answers io.ReadCloser, commands io.WriteCloser) *wire {
	w := &wire{
		answers: answers, commands: commands, ended: make(chan struct{}),
		pending: map[int64]chan message{},
		events:  map[string]func(string, json.RawMessage){},
	}
	go w.read()
	return w
}

// read hands out answers and events until the browser ends.
func (w *wire) read() {
	defer close(w.ended)
	lines := bufio.NewReader(w.answers)
	for {
		b, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(b[:len(b)-1], &m) != nil {
			continue // not of this protocol
		}
		w.mu.Lock()
		answer, event := w.pending[m.ID], w.events[m.Session]
		delete(w.pending, m.ID)
		w.mu.Unlock()
		switch {
		case answer != nil:
			answer <- m
		case event != nil:
			event(m.Method, m.Params)
		}
	}
}

// call sends a command to a session ("" for the browser) and reads its answer.
func (w *wire) call(ctx context.Context, session, method string, params, into any) error {
	if params == nil {
		params = struct{}{}
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	answer := make(chan message, 1)
	if err := w.send(message{Session: session, Method: method, Params: encoded}, answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	case <-w.ended:
		return fmt.Errorf("%s: %w", method, errors.New("the browser has ended"))
	case m := <-answer:
		if m.Error != nil {
			return fmt.Errorf("%s: %s %s", method, m.Error.Message, m.Error.Data)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(m.Result, into)
	}
}

func (w *wire) send(m message, answer chan message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	m.ID = w.last
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	w.pending[m.ID] = answer
	_, err = w.commands.Write(append(b, 0))
	return err
}

// listen has a session's events handed to f, in their order.
func (w *wire) listen(session string, f func(method string, params json.RawMessage)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events[session] = f
}

func (w *wire) close() error { return errors.Join(w.commands.Close(), w.answers.Close()) }
