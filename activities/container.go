package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// defaultBeat is how often Serve is a sign of life, and how often the container
	// asks whether the control side is there: often enough that the SDK, which sends
	// at most one in 0.8 of the heartbeat timeout, always has one to send.
	defaultBeat = 10 * time.Second
	// askWithin bounds one question to a control side that may hang.
	askWithin = 5 * time.Second
)

// ContainerOptions are what a crawler's program knows of itself.
type ContainerOptions struct {
	GUID     fleet.GUID
	Slots    int
	PID      int
	Contract int    // fleet.ContractVersion, except in a test of another one
	Build    string // version and revision of the program
	// MainAt and DialedAt are the phases of the start, by the container's clock.
	MainAt, DialedAt time.Time
	// LaunchBudget is how long after MainAt a Hello is waited for; OrphanAfter how long
	// the container goes on that hears nothing from Temporal or from the data plane.
	LaunchBudget, OrphanAfter time.Duration
	// Echo asks the data plane for the address that this container is seen to have.
	Echo func(context.Context) (fleet.EchoAnswer, error)
	// Ping asks whether Temporal answers.
	Ping func(context.Context) error
	// Drain is closed when the program has begun to end.
	Drain <-chan struct{}
	// Beat is how often Serve heartbeats and Watch looks; default 10s, or a quarter of
	// OrphanAfter where that is less.
	Beat time.Duration
}

// Container is one crawler as the control side meets it: the activities of its
// control queue.
type Container struct {
	o     ContainerOptions
	hello chan struct{} // closed by the first Hello
	greet sync.Once

	mu      sync.Mutex
	serving int       // running Serves
	heard   time.Time // Temporal answered while a Serve ran
	data    time.Time // the data plane answered
}

// NewContainer makes the container's activities.
func NewContainer(o ContainerOptions) *Container {
	if o.Beat <= 0 {
		o.Beat = max(min(defaultBeat, o.OrphanAfter/4), time.Millisecond)
	}
	return &Container{o: o, hello: make(chan struct{})}
}

// Hello is the handshake: who this is, what it speaks, where it is seen to come from.
// It is unavailable when the data plane does not answer.
func (c *Container) Hello(ctx context.Context) (fleet.Hello, error) {
	echo, err := c.o.Echo(ctx)
	if err != nil {
		return fleet.Hello{}, ToTemporal(fleet.Errorf(fleet.CodeUnavailable,
			"the data plane does not answer: "+err.Error()).Because(err))
	}
	c.mu.Lock()
	c.heard, c.data = time.Now(), time.Now()
	c.mu.Unlock()
	c.greet.Do(func() { close(c.hello) })
	return c.o.Greeting(echo), nil
}

// Greeting is what the container says of itself, and where it was seen.
func (o ContainerOptions) Greeting(echo fleet.EchoAnswer) fleet.Hello {
	return fleet.Hello{
		Contract: o.Contract, Build: o.Build, GUID: o.GUID, Address: echo.Address,
		Proof: echo.Proof, Slots: o.Slots, PID: o.PID, MainAt: o.MainAt, DialedAt: o.DialedAt,
	}
}

// Serve is the container's liveness: it heartbeats until its context ends, or the
// program drains (draining). It obeys every end of its context, that by a Temporal
// which is away included: the control side then takes a second one.
func (c *Container) Serve(ctx context.Context, in fleet.ServeInput) error {
	if in.GUID != c.o.GUID {
		return ToTemporal(fleet.Errorf(fleet.CodeConflict,
			fmt.Sprintf("this is crawler %s, not %s", c.o.GUID, in.GUID)))
	}
	// A heartbeat to a server that is away blocks; a drain must not wait for it.
	beating, cancel := context.WithCancel(ctx)
	defer cancel()
	c.served(1)
	defer c.served(-1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		beat(beating, c.interval(ctx), func() { activity.RecordHeartbeat(beating) })
	}()
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.o.Drain:
		err = ToTemporal(fleet.Errorf(fleet.CodeDraining, "the crawler ends"))
	}
	cancel()
	<-ended
	return err
}

// interval is the beat, or less where the heartbeat timeout is short.
func (c *Container) interval(ctx context.Context) time.Duration {
	if t := activity.GetInfo(ctx).HeartbeatTimeout; t > 0 {
		return min(c.o.Beat, t/3) // two may be late before one is missed
	}
	return c.o.Beat
}

// beat calls do at every interval, until ctx ends. That Serve was taken is the first
// sign of life: one more would be in the way of the ticket that the crawler was
// started for.
func beat(ctx context.Context, every time.Duration, do func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

func (c *Container) served(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serving += n
	if n > 0 { // Temporal has just handed it out
		c.heard = time.Now()
	}
}

// Watch tells the program when to leave by itself: with a timeout when no Hello came
// in the launch budget, and unavailable when the container is an orphan. It returns nil
// when ctx ends.
func (c *Container) Watch(ctx context.Context) error {
	late := time.NewTimer(time.Until(c.o.MainAt.Add(c.o.LaunchBudget)))
	defer late.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-late.C:
		return fleet.Errorf(fleet.CodeTimeout,
			fmt.Sprintf("nobody said hello within %s of the start", c.o.LaunchBudget))
	case <-c.hello:
	}
	tick := time.NewTicker(c.o.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := c.look(ctx); err != nil {
			return err
		}
	}
}

// look asks both control sides, and says whether the container is an orphan. Temporal
// alone is not enough: without a Serve nobody there knows of this container.
func (c *Container) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var pinged, echoed error
	var both sync.WaitGroup
	both.Go(func() { pinged = c.o.Ping(ctx) })
	both.Go(func() { _, echoed = c.o.Echo(ctx) })
	both.Wait()

	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if pinged == nil && c.serving > 0 {
		c.heard = now
	}
	if echoed == nil {
		c.data = now
	}
	for _, side := range []struct {
		name string
		at   time.Time
	}{{"Temporal", c.heard}, {"the data plane", c.data}} {
		if now.Sub(side.at) > c.o.OrphanAfter {
			return fleet.Errorf(fleet.CodeUnavailable,
				fmt.Sprintf("nothing heard from %s for %s", side.name, c.o.OrphanAfter))
		}
	}
	return nil
}
