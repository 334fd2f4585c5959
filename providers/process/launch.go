package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Launch forks a crawler, once in the life of its GUID. It returns when the process
// runs and its record says so.
func (p *Provider) Launch(ctx context.Context, s fleet.Spec) (fleet.Instance, error) {
	if err := s.Check(p.offering(s.Offering)); err != nil {
		return fleet.Instance{}, failure(opLaunch, fleet.ClassFatal, err)
	}
	unlock, err := p.lock(ctx, opLaunch)
	if err != nil {
		return fleet.Instance{}, err
	}
	defer unlock()

	i, err := p.launched(s.Key)
	if err == nil || fleet.ClassOf(err) != fleet.ClassNotFound {
		return i, err
	}
	program, err := exec.LookPath(p.program)
	if err == nil {
		program, err = filepath.Abs(program) // it runs in another directory
	}
	if err != nil {
		return fleet.Instance{}, p.noProgram(err)
	}
	address, err := p.chooseAddress(s)
	if err != nil {
		return fleet.Instance{}, err
	}
	return p.start(ctx, s, program, address)
}

// launched answers what an earlier Launch of the key has come to; ClassNotFound if
// there was none.
func (p *Provider) launched(k fleet.Key) (fleet.Instance, error) {
	for _, room := range []string{liveRoom, goneRoom} {
		r, err := p.store.read(room, k.GUID)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, errDamaged) {
			r, err = salvaged(k), nil // it had its life
		}
		if err != nil {
			return fleet.Instance{}, failure(opLaunch, fleet.ClassRetryable, err)
		}
		if r.Key != k {
			return fleet.Instance{}, failure(opLaunch, fleet.ClassConflict,
				fmt.Errorf("crawler %s belongs to fleet %s, tenant %s", r.GUID, r.Fleet, r.Tenant))
		}
		if r, err = p.look(r); err != nil {
			return fleet.Instance{}, failure(opLaunch, fleet.ClassRetryable, err)
		}
		return r.instance(), nil
	}
	return fleet.Instance{}, notFound(opLaunch, k)
}

// start writes the intent, forks, and writes what came of it.
func (p *Provider) start(
	ctx context.Context, s fleet.Spec, program, address string,
) (fleet.Instance, error) {
	boot, err := bootID()
	if err != nil {
		return fleet.Instance{}, failure(opLaunch, fleet.ClassRetryable, err)
	}
	life, err := lockFile(ctx, p.store.lifePath(s.GUID))
	if err != nil {
		return fleet.Instance{}, failure(opLaunch, fleet.ClassRetryable, err)
	}
	// The child holds the lock from its fork on. This copy is closed and not unlocked:
	// unlocking would take the lock from the child too.
	defer func() { _ = life.Close() }()

	r := record{
		Key: s.Key, Offering: s.Offering, Address: address, Boot: boot,
		CreatedAt: time.Now().UTC(),
	}
	if err := p.store.write(liveRoom, r); err != nil {
		return fleet.Instance{}, p.undo(s.GUID, failure(opLaunch, fleet.ClassRetryable, err))
	}
	c, err := p.fork(s, program, address, life)
	if err != nil {
		return fleet.Instance{}, p.undo(s.GUID, p.forkFailure(err))
	}
	r.PID = c.cmd.Process.Pid
	r.Start, err = startTime(r.PID)
	if err := errors.Join(err, p.store.write(liveRoom, r)); err != nil {
		// It runs, and its lock says so; only its number is not on record.
		return fleet.Instance{}, failure(opLaunch, fleet.ClassAmbiguous, err)
	}
	p.store.used(address, r.CreatedAt, p.log)
	p.log.Info("crawler launched", zap.String("guid", string(s.GUID)), zap.Int("pid", r.PID),
		zap.String("offering", string(s.Offering)), zap.String("address", address))
	return r.instance(), nil
}

// undo removes what was written for a process that was not forked.
func (p *Provider) undo(g fleet.GUID, e *fleet.ProviderError) error {
	if err := p.store.forget(g); err != nil {
		// The intent stays: the GUID will answer as ended and never run.
		e.Err = errors.Join(e.Err, err)
	}
	return e
}

func (p *Provider) forkFailure(err error) *fleet.ProviderError {
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM),
		errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		// The machine is full, whatever the place.
		e := failure(opLaunch, fleet.ClassCapacity, err)
		e.Scope = fleet.Scoped{Account: Account}
		return e
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.E2BIG):
		return p.noProgram(err)
	default:
		return failure(opLaunch, fleet.ClassRetryable, err)
	}
}

func (p *Provider) noProgram(err error) *fleet.ProviderError {
	return failure(opLaunch, fleet.ClassFatal, fleet.Invalid("process.program",
		fmt.Sprintf("%s cannot be run: %v", p.program, err), "the path of the crawler's program").
		WithHint("build it: go build -o bin/crawlfleet-crawler ./workers/crawlfleet-crawler"))
}

// lock takes the run directory's lock; the caller calls what it returns.
func (p *Provider) lock(ctx context.Context, op string) (func(), error) {
	f, err := lockFile(ctx, filepath.Join(p.store.dir, "lock"))
	if err != nil {
		return nil, failure(op, fleet.ClassRetryable, err)
	}
	return func() {
		if err := unlockFile(f); err != nil {
			p.log.Error("unlock the run directory", zap.Error(err))
		}
	}, nil
}
