package process

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Stop asks the crawler's process group to end (SIGTERM), and kills it when the grace
// of the first Stop is over: a later Stop or a running Watch does that. A shorter grace
// of a later Stop counts.
func (p *Provider) Stop(ctx context.Context, k fleet.Key, o fleet.StopOptions) error {
	unlock, err := p.lock(ctx, opStop)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := p.find(opStop, k)
	if err != nil {
		return err
	}
	if r, err = p.look(r); err != nil {
		return failure(opStop, fleet.ClassRetryable, err)
	}
	if r.ended() {
		if err := p.store.bury(r); err != nil {
			return failure(opStop, fleet.ClassRetryable, err)
		}
		return notFound(opStop, k)
	}
	now := time.Now().UTC()
	killAt := now.Add(o.Grace)
	if r.StopAt.IsZero() || killAt.Before(r.KillAt) {
		if r.StopAt.IsZero() {
			r.StopAt = now
		}
		r.KillAt = killAt
		if err := p.store.write(liveRoom, r); err != nil {
			return failure(opStop, fleet.ClassRetryable, err)
		}
	}
	// Repeated with every Stop: the one before may have ended between record and signal.
	err = p.signal(r, syscall.SIGTERM)
	if !now.Before(r.KillAt) {
		err = errors.Join(err, p.signal(r, syscall.SIGKILL))
	}
	if err != nil {
		return failure(opStop, fleet.ClassRetryable, err)
	}
	return nil
}

// signal sends to the crawler's process group, after making sure that it is still the
// crawler's. A group that is no more is no error.
func (p *Provider) signal(r record, s syscall.Signal) error {
	pid, err := p.group(r)
	if err != nil {
		return err
	}
	if err := syscall.Kill(-pid, s); err != nil && !errors.Is(err, errNoProcess) {
		return fmt.Errorf("signal %d to group %d: %w", s, pid, err)
	}
	p.log.Debug("crawler signalled", zap.String("guid", string(r.GUID)), zap.Int("pid", pid),
		zap.Int("signal", int(s)))
	return nil
}

// group gives the number of the crawler's process group, which is that of its first
// process. It is searched for when the launch was cut short before it was written.
func (p *Provider) group(r record) (int, error) {
	if r.PID == 0 {
		pid, err := search(p.store.dir, r.GUID)
		if err == nil && pid == 0 {
			err = fmt.Errorf("crawler %s lives and its process was not found", r.GUID)
		}
		return pid, err
	}
	boot, err := bootID()
	if err != nil {
		return 0, err
	}
	start, err := startTime(r.PID)
	if err != nil {
		return 0, err
	}
	// Without a first process its group may live on, and its number is not given to
	// another process as long as it does.
	if boot != r.Boot || start != "" && start != r.Start {
		return 0, fmt.Errorf("process %d is not crawler %s any more", r.PID, r.GUID)
	}
	return r.PID, nil
}
