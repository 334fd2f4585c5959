package nomad

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Logs copies what the crawler has written: from Nomad while its job is there, and the
// last of it from the directory of logs afterwards. With follow it goes on until the
// crawler has ended.
func (p *Provider) Logs(ctx context.Context, k fleet.Key, to io.Writer, follow bool) error {
	o, err := p.object(ctx, opLogs, k)
	for err == nil && follow && !begun(o.allocations) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(beginEvery):
		}
		o, err = p.object(ctx, opLogs, k)
	}
	switch a := latest(o.allocations); {
	case err != nil && fleet.ClassOf(err) == fleet.ClassNotFound:
		return p.keptLog(k, to)
	case err != nil:
		return err
	case a == nil:
		return nil // not placed: nothing was written
	default:
		err = p.copyLog(ctx, a, to, "start", 0, follow && !terminal(a))
	}
	if ctx.Err() != nil || err == nil {
		return nil // the reader has left, or has read it all
	}
	if now, looking := p.Describe(ctx, k); now.Phase == fleet.PhaseExited ||
		looking != nil && fleet.ClassOf(looking) == fleet.ClassNotFound {
		return nil // the files went with the job while they were read
	}
	return refusal(opLogs, err)
}

// beginEvery is how often a reader looks whether a crawler has begun to write.
const beginEvery = 100 * time.Millisecond

// begun reports that there is a log to read, or that there will be none.
func begun(all []*api.AllocationListStub) bool {
	a := latest(all)
	return a != nil && (terminal(a) || a.TaskStates[task] != nil && !a.TaskStates[task].StartedAt.IsZero())
}

// copyLog copies both outputs of a task.
func (p *Provider) copyLog(
	ctx context.Context, a *api.AllocationListStub, to io.Writer, origin string, offset int, follow bool,
) error {
	out := &shared{to: to}
	errs := make(chan error, 2)
	for _, kind := range []string{"stdout", "stderr"} {
		go func() {
			errs <- p.cluster.log(ctx, a, out, map[string]string{
				"task": task, "type": kind, "origin": origin,
				"offset": strconv.Itoa(offset), "follow": strconv.FormatBool(follow),
			})
		}()
	}
	return errors.Join(<-errs, <-errs)
}

const (
	// keptMost is how much of each output is kept: a crawler writes some lines a minute.
	keptMost = 1 << 20
	// keepWithin bounds the copy: a stop does not wait for a node that is away.
	keepWithin = 5 * time.Second
)

func (p *Provider) logPath(g fleet.GUID) string { return filepath.Join(p.logDir, string(g)+".log") }

// keepLog copies the last of the log to the directory of logs. A log that cannot be had
// keeps nothing from being stopped.
func (p *Provider) keepLog(ctx context.Context, o object) {
	a := latest(o.allocations)
	if p.logDir == "" || a == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	err := os.MkdirAll(p.logDir, 0o700)
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(p.logPath(o.key.GUID), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	}
	if err == nil {
		err = errors.Join(p.copyLog(ctx, a, f, "end", keptMost, false), f.Close())
	}
	if err != nil {
		p.log.Warn("keep a crawler's log", zap.String("guid", string(o.key.GUID)), zap.Error(err))
	}
}

// keptLog copies the log of a crawler that was stopped.
func (p *Provider) keptLog(k fleet.Key, to io.Writer) error {
	if k.GUID.Validate() != nil || p.logDir == "" {
		return notFound(opLogs, k)
	}
	f, err := os.Open(p.logPath(k.GUID))
	if errors.Is(err, fs.ErrNotExist) {
		return notFound(opLogs, k)
	}
	if err != nil {
		return failure(opLogs, fleet.ClassRetryable, err)
	}
	_, err = io.Copy(to, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return failure(opLogs, fleet.ClassRetryable, err)
	}
	return nil
}

func (p *Provider) removeLog(g fleet.GUID) error {
	if p.logDir == "" {
		return nil
	}
	if err := os.Remove(p.logPath(g)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failure(opPurge, fleet.ClassRetryable, err)
	}
	return nil
}

// shared is a writer for several.
type shared struct {
	mu sync.Mutex
	to io.Writer
}

// Write passes on one piece whole.
func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(b)
}

// log copies an output of a task. It is asked of the servers, which ask the node: not
// every client can reach every node. None yet is an empty one.
func (c cluster) log(
	ctx context.Context, a *api.AllocationListStub, to io.Writer, parameters map[string]string,
) error {
	q := c.query(ctx)
	q.Params = parameters
	r, err := c.client.Raw().Response("/v1/client/fs/logs/"+a.ID, q)
	if status(err) == http.StatusNotFound && a.TaskStates[task] == nil {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(frames(r, to), r.Close())
}

// frames copies what is in the frames of a stream. What an error adds to the stream is no
// frame, and is not taken for a part of the log.
func frames(r io.Reader, to io.Writer) error {
	for dec := json.NewDecoder(r); ; {
		var f api.StreamFrame
		if err := dec.Decode(&f); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("the stream of the log broke: %w", err)
		}
		if _, err := to.Write(f.Data); err != nil {
			return err
		}
	}
}
