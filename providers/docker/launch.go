package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// launchWithin bounds a launch that was begun: an engine that starts a hundred others
	// takes seconds for each.
	launchWithin = time.Minute
	// startWithin is when a container that was made has to be started by who made it.
	// After that another Launch does it.
	startWithin = 20 * time.Second
	// lookEvery is the pause between two looks at what another is doing.
	lookEvery = 50 * time.Millisecond
)

// Launch makes the container and starts it, once in the life of its GUID. It returns when
// the engine has started it.
func (p *Provider) Launch(ctx context.Context, s fleet.Spec) (fleet.Instance, error) {
	if err := s.Check(p.offering(s.Offering)); err != nil {
		return fleet.Instance{}, failure(opLaunch, fleet.ClassFatal, err)
	}
	if err := ctx.Err(); err != nil {
		return fleet.Instance{}, failure(opLaunch, fleet.ClassRetryable, err)
	}
	return p.detached(ctx, func(ctx context.Context) (fleet.Instance, error) {
		for {
			i, err := p.launched(ctx, s.Key)
			if fleet.ClassOf(err) == fleet.ClassNotFound {
				i, err = p.place(ctx, s)
			}
			if !errors.Is(err, errAgain) {
				return i, err
			}
			if err := pause(ctx); err != nil {
				return fleet.Instance{}, failure(opLaunch, fleet.ClassAmbiguous, err)
			}
		}
	})
}

var (
	// errAgain: another is at the same launch.
	errAgain = errors.New("once more")
	// errAddressTaken is an errAgain too: the container is removed, its GUID unspent.
	errAddressTaken = fmt.Errorf("%w: the address is in use", errAgain)
)

// detached brings a launch that was begun to its end when its caller leaves: a container
// that is made and not started helps nobody.
func (p *Provider) detached(
	ctx context.Context, launch func(context.Context) (fleet.Instance, error),
) (fleet.Instance, error) {
	type outcome struct {
		instance fleet.Instance
		err      error
	}
	done := make(chan outcome, 1)
	p.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), launchWithin)
		defer cancel()
		i, err := launch(ctx)
		done <- outcome{i, err}
	})
	select {
	case o := <-done:
		return o.instance, o.err
	case <-ctx.Done():
		return fleet.Instance{}, failure(opLaunch, fleet.ClassAmbiguous, ctx.Err())
	}
}

// launched answers what an earlier Launch of the key has come to, and ends one that was
// cut short; ClassNotFound if there was none.
func (p *Provider) launched(ctx context.Context, k fleet.Key) (fleet.Instance, error) {
	give := time.Now().Add(startWithin)
	for {
		r, err := p.find(ctx, opLaunch, k.GUID)
		switch {
		case err != nil:
			return fleet.Instance{}, err
		case r.Key != k:
			return fleet.Instance{}, failure(opLaunch, fleet.ClassConflict,
				fmt.Errorf("crawler %s belongs to fleet %s, tenant %s", r.GUID, r.Fleet, r.Tenant))
		case r.gone:
			r.Phase = fleet.PhaseExited
			return r.Instance, nil
		case r.state != container.StateCreated:
			return r.Instance, nil
		case time.Now().After(give):
			p.log.Warn("start a container that nobody has started", zap.String("guid", string(k.GUID)))
			return p.start(ctx, k, r.ProviderID)
		}
		if err := pause(ctx); err != nil {
			return fleet.Instance{}, failure(opLaunch, fleet.ClassAmbiguous, err)
		}
	}
}

// place finds room and an address, and makes and starts the container there.
func (p *Provider) place(ctx context.Context, s fleet.Spec) (fleet.Instance, error) {
	network, err := p.Network(ctx)
	if err != nil {
		return fleet.Instance{}, err
	}
	address, err := p.reserve(ctx, s)
	if err != nil {
		return fleet.Instance{}, err
	}
	defer p.release(s.GUID)
	made, err := p.api.ContainerCreate(ctx, p.container(s, address, network))
	switch {
	case err == nil:
	case errdefs.IsConflict(err): // its name
		return fleet.Instance{}, errAgain
	case errdefs.IsNotFound(err) && !noImage(err):
		p.forgetNetwork() // somebody removed it
		return fleet.Instance{}, failure(opLaunch, fleet.ClassRetryable, err)
	default:
		return fleet.Instance{}, p.launching(err)
	}
	i, err := p.start(ctx, s.Key, made.ID)
	if errors.Is(err, errAddressTaken) {
		if s.Address == "" {
			p.used(address) // by somebody else: another one next
			return fleet.Instance{}, errAgain
		}
		return fleet.Instance{}, failure(opLaunch, fleet.ClassConflict,
			fmt.Errorf("address %s is in use in network %s", s.Address, p.o.Network))
	}
	if err == nil {
		p.log.Info("crawler launched", zap.String("guid", string(s.GUID)),
			zap.String("container", made.ID), zap.String("offering", string(s.Offering)),
			zap.String("address", address))
	}
	return i, err
}

// start starts a container that was never started. One that was stopped meanwhile has
// left a tombstone, which is looked for before.
func (p *Provider) start(ctx context.Context, k fleet.Key, id string) (fleet.Instance, error) {
	gone, err := p.inspect(ctx, goneName(k.GUID))
	if err == nil {
		if err := p.remove(ctx, id); err != nil {
			return fleet.Instance{}, p.launching(err)
		}
		gone.Phase = fleet.PhaseExited
		return gone.Instance, nil
	}
	if !errdefs.IsNotFound(err) {
		return fleet.Instance{}, p.launching(err)
	}
	if _, err := p.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return fleet.Instance{}, p.notStarted(ctx, id, err)
	}
	r, err := p.inspect(ctx, id)
	if err != nil {
		return fleet.Instance{}, p.launching(err)
	}
	return r.Instance, nil
}

// notStarted removes a container that the engine refused to start, so that its GUID is
// unspent.
func (p *Provider) notStarted(ctx context.Context, id string, err error) error {
	failed := p.launching(err)
	if class := fleet.ClassOf(failed); class == fleet.ClassAmbiguous ||
		client.IsErrConnectionFailed(err) {
		return failure(opLaunch, fleet.ClassAmbiguous, err) // it may run
	}
	if errdefs.IsNotFound(err) { // removed meanwhile
		return errAgain
	}
	if err := p.remove(ctx, id); err != nil {
		return failure(opLaunch, fleet.ClassAmbiguous, errors.Join(failed, err))
	}
	if taken(err) {
		return errAddressTaken
	}
	return failed
}

// remove removes a container that does not run; one that is not there is no error.
func (p *Provider) remove(ctx context.Context, id string) error {
	_, err := p.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{RemoveVolumes: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// envMemory is where Go's collector is told of a limit.
const envMemory = "GOMEMLIMIT"

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lookEvery):
		return nil
	}
}

// environment is all that the crawler gets: what the operator configured, what the launch
// asks for, and who it is. The token is for one use and for a short time, so that who may
// read the engine's books gains nothing by it.
func (p *Provider) environment(s fleet.Spec) []string {
	all := make(map[string]string, len(p.o.Env)+len(s.Env)+8)
	// The collector works harder before the kernel kills: a tenth is for what is not heap.
	all[envMemory] = strconv.FormatInt(p.o.Limits.Memory/10*9, 10)
	maps.Copy(all, p.o.Env)
	maps.Copy(all, s.Env)
	all[fleet.EnvFleet] = string(s.Fleet)
	all[fleet.EnvTenant] = string(s.Tenant)
	all[fleet.EnvGUID] = string(s.GUID)
	all[fleet.EnvOffering] = string(s.Offering)
	all[fleet.EnvSlots] = strconv.Itoa(max(s.Slots, 1))
	if s.Token != "" {
		all[fleet.EnvToken] = s.Token.Reveal()
	}
	out := make([]string, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, k+"="+all[k])
	}
	return out
}
