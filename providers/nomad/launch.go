package nomad

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// tries bounds what is done again because somebody else was faster.
const tries = 5

// Launch registers the crawler's job, once in the life of its GUID. It returns when the
// servers have decided where it goes: not placed is ClassCapacity, and leaves nothing.
func (p *Provider) Launch(ctx context.Context, s fleet.Spec) (fleet.Instance, error) {
	if err := over(ctx, opLaunch); err != nil {
		return fleet.Instance{}, err
	}
	place, known := p.place(s.Offering)
	err := s.Check(place.Offering, known)
	if err != nil {
		return fleet.Instance{}, failure(opLaunch, fleet.ClassFatal, err)
	}
	var i fleet.Instance
	for range tries {
		i, err = p.attempt(ctx, s, place)
		if !errors.Is(err, errBusy) {
			break
		}
	}
	return i, err
}

// attempt marks and registers once. errBusy: from the beginning.
func (p *Provider) attempt(ctx context.Context, s fleet.Spec, place Place) (fleet.Instance, error) {
	if _, err := p.specification(ctx); err != nil {
		return fleet.Instance{}, err
	}
	first, err := p.writeMark(ctx, s, nil)
	if err != nil {
		return fleet.Instance{}, err
	}
	if !first {
		if i, found, err := p.launched(ctx, s); err != nil || found {
			return i, err
		}
	}
	address, err := p.take(ctx, s, place)
	if err != nil {
		if err := p.unmark(ctx, s.Key); err != nil {
			return fleet.Instance{}, err
		}
		return fleet.Instance{}, err
	}
	job, err := p.build(ctx, s, place, address)
	if err != nil {
		return fleet.Instance{}, err
	}
	evaluation, err := p.cluster.register(ctx, job)
	if err == nil {
		return p.placed(ctx, s, evaluation)
	}
	if !doubtful(err) {
		return fleet.Instance{}, unregistered(err)
	}
	i, found, reading := p.resume(ctx, s)
	switch {
	case found:
		return i, reading
	case reading == nil && exists(err): // taken back meanwhile
		return i, failure(opLaunch, fleet.ClassRetryable, errBusy)
	default:
		return i, unregistered(err)
	}
}

// doubtful reports that the job may be there after this error of its registration.
func doubtful(err error) bool {
	return exists(err) || status(err) == 0 && !unsent(err) || status(err) >= http.StatusInternalServerError
}

// launched answers what an earlier launch of the key has come to. If nothing was found,
// its mark is this launch's now, and the job is still to be registered.
func (p *Provider) launched(ctx context.Context, s fleet.Spec) (i fleet.Instance, found bool, err error) {
	m, err := p.readMark(ctx, opLaunch, s.Key)
	switch {
	case err != nil:
		return i, false, err
	case m == nil:
		return i, false, failure(opLaunch, fleet.ClassRetryable, errBusy)
	case m.ended():
		return m.instance(), true, nil
	}
	if i, found, err = p.resume(ctx, s); err != nil || found {
		return i, found, err
	}
	if m.stale(time.Now()) {
		i = fleet.Instance{
			Key: s.Key, Offering: s.Offering, ProviderID: jobID(s.Key), Phase: fleet.PhaseExited,
			EndedAt: time.Now().UTC(), Reason: reasonRemoved,
		}
		return i, true, p.bury(ctx, opLaunch, i)
	}
	// The launch before was cut short, and its token may be spent.
	done, err := p.writeMark(ctx, s, m)
	if err == nil && !done {
		err = failure(opLaunch, fleet.ClassRetryable, errBusy)
	}
	return i, false, err
}

// resume answers the crawler of a job that was registered before, once it is placed. The
// error of one that was found is about its placement.
func (p *Provider) resume(ctx context.Context, s fleet.Spec) (i fleet.Instance, found bool, err error) {
	job, err := p.cluster.jobInfo(ctx, jobID(s.Key))
	if status(err) == http.StatusNotFound {
		return i, false, nil
	}
	if err != nil {
		return i, false, refusal(opLaunch, err)
	}
	if k, _ := keyOf(*job.ID, job.Meta); k != s.Key {
		return i, true, conflict(opLaunch, s.Key)
	}
	evaluation, err := p.cluster.lastEvaluation(ctx, *job.ID)
	if err != nil {
		return i, true, refusal(opLaunch, err)
	}
	i, err = p.placed(ctx, s, evaluation)
	return i, true, err
}

func full(id fleet.OfferingID, err error) *fleet.ProviderError {
	e := failure(opLaunch, fleet.ClassCapacity, err)
	e.Scope = fleet.Scoped{Offering: id}
	return e
}

// withdraw takes back what could not be placed: first the mark, without which the job
// cannot start, then the job, which would else be placed when there is room.
func (p *Provider) withdraw(ctx context.Context, k fleet.Key, address string) error {
	err := p.unmark(ctx, k)
	if err == nil {
		err = p.cluster.deregister(ctx, jobID(k), true)
	}
	if err = errors.Join(err, p.giveBack(ctx, opLaunch, k, address)); err != nil {
		return failure(opLaunch, fleet.ClassAmbiguous, fmt.Errorf("take back the unplaced job: %w", err))
	}
	p.log.Debug("unplaced job taken back", zap.String("guid", string(k.GUID)))
	return nil
}

// unmark removes the mark of a launch that did not come to be: its GUID is unspent.
func (p *Provider) unmark(ctx context.Context, k fleet.Key) error {
	m, err := p.readMark(ctx, opLaunch, k)
	if err != nil || m == nil || m.ended() {
		return err
	}
	return refusal(opLaunch, p.cluster.deleteVariable(ctx, markPath(k), m.variable.ModifyIndex))
}
