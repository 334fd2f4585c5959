package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
)

// spans are after how many messages a run is full. The last one never is.
var spans = []int{1, 2, 3, 5, 7, 11, 1000}

// message is a signal or an update, sent at a time from the scenario's begin on, in
// the order of the scenario where times are the same.
type message struct {
	at     time.Duration
	name   string
	update bool
	args   []any

	sent, heard bool // by a run, which has to answer it
	updated
	answer any
}

// tell is a signal, ask an update.
func tell(at time.Duration, name string) *message { return &message{at: at, name: name} }

func ask(at time.Duration, name, body string) *message {
	return &message{at: at, name: name, update: true, args: []any{json.RawMessage(body)}}
}

// outcome is what an update came to: an answer, or the code of an error.
func (m *message) outcome() string {
	switch {
	case m.rejected != nil:
		return fmt.Sprintf("%s rejected: %s", m.name, activities.FromTemporal(m.rejected).Code)
	case m.err != nil:
		return fmt.Sprintf("%s failed: %s", m.name, activities.FromTemporal(m.err).Code)
	default:
		return m.name + " done"
	}
}

// life is one workflow over as many runs as it takes, each of them full after so many
// messages. What a run has not heard is heard by the next one, as on a server.
type life struct {
	t        *testing.T
	span     int
	store    *activitytest.Store
	messages []*message
	prepare  func(*world) // each run
	events   map[time.Duration]func()

	w      *world // today's run
	runs   int
	heard  int // messages in this run
	crawls int
}

// live plays the scenario and answers how its last run ended.
func (l *life) live(name string, args ...any) error {
	var began time.Time
	for input := l.encode(args...); ; {
		l.run(&began, name, input)
		var again *workflow.ContinueAsNewError
		if err := l.w.GetWorkflowError(); !errors.As(err, &again) {
			return err
		}
		require.Equal(l.t, name, again.WorkflowType.Name)
		require.Less(l.t, l.runs, 200, "it continues as new for ever")
		input = again.Input
	}
}

func (l *life) encode(args ...any) *commonpb.Payloads {
	p, err := converter.GetDefaultDataConverter().ToPayloads(args...)
	require.NoError(l.t, err)
	return p
}

// run plays one run, from the moment at which the one before ended.
func (l *life) run(began *time.Time, name string, input *commonpb.Payloads) {
	w := newWorldOver(l.store)
	if l.w != nil {
		w.SetStartTime(l.w.Now())
		w.SetContinuedExecutionRunID(fmt.Sprintf("run-%d", l.runs))
	} else {
		*began = w.Now()
	}
	l.w, l.heard, l.runs = w, 0, l.runs+1
	w.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&ears{life: l}}})
	if l.prepare != nil {
		l.prepare(w)
	}
	passed := w.Now().Sub(*began)
	l.schedule(w, passed)
	args := make([]any, 0, len(input.GetPayloads()))
	for _, p := range input.GetPayloads() {
		args = append(args, json.RawMessage(p.GetData()))
	}
	w.ExecuteWorkflow(name, args...)
	require.True(l.t, w.IsWorkflowCompleted())
	l.crawls += len(w.taken())
	for _, m := range l.messages {
		if m.heard && m.update {
			require.True(l.t, m.done || m.rejected != nil,
				"%s at %s has been heard and never answered", m.name, m.at)
		}
		m.sent = m.heard
	}
}

// schedule sends in this run what no run has heard.
func (l *life) schedule(w *world, passed time.Duration) {
	for at, do := range l.events {
		if at >= passed {
			w.RegisterDelayedCallback(func() {
				delete(l.events, at)
				do()
			}, at-passed)
		}
	}
	sending := map[time.Duration]bool{}
	for _, m := range l.messages {
		at := max(m.at-passed, 0)
		if m.heard || sending[at] {
			continue
		}
		sending[at] = true
		w.RegisterDelayedCallback(func() { l.send(passed + at) }, at)
	}
}

// send sends what is due, without waiting for what becomes of one before the next.
func (l *life) send(by time.Duration) {
	for _, m := range l.messages {
		if m.sent || m.at > by {
			continue
		}
		m.sent = true
		if !m.update {
			l.w.SignalWorkflow(m.name, nil)
			continue
		}
		l.w.UpdateWorkflow(m.name, "", &testsuite.TestUpdateCallback{
			OnReject:   func(err error) { m.rejected = err },
			OnAccept:   func() {},
			OnComplete: func(answer any, err error) { m.done, m.answer, m.err = true, answer, err },
		}, m.args...)
	}
}

// hear notes that the run has got a message, and makes it full after so many.
func (l *life) hear(name string) {
	for _, m := range l.messages {
		if m.name == name && m.sent && !m.heard {
			m.heard = true
			break
		}
	}
	if l.heard++; l.heard >= l.span {
		l.w.SetContinueAsNewSuggested(true)
	}
}

// unheard lists what no run has got.
func (l *life) unheard() (names []string) {
	for _, m := range l.messages {
		if !m.heard {
			names = append(names, fmt.Sprintf("%s at %s", m.name, m.at))
		}
	}
	return names
}

func (l *life) outcomes() (all []string) {
	for _, m := range l.messages {
		if m.update {
			all = append(all, m.outcome())
		}
	}
	return all
}

// ears count the messages of the runs of a life.
type ears struct {
	interceptor.WorkerInterceptorBase
	life *life
}

func (e *ears) InterceptWorkflow(
	ctx workflow.Context, next interceptor.WorkflowInboundInterceptor,
) interceptor.WorkflowInboundInterceptor {
	if workflow.GetInfo(ctx).ParentWorkflowExecution != nil {
		return next
	}
	h := &hearing{life: e.life}
	h.Next = next
	return h
}

type hearing struct {
	interceptor.WorkflowInboundInterceptorBase
	life *life
}

func (h *hearing) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	h.life.hear(in.SignalName)
	return h.Next.HandleSignal(ctx, in)
}

func (h *hearing) ValidateUpdate(ctx workflow.Context, in *interceptor.UpdateInput) error {
	h.life.hear(in.Name)
	return h.Next.ValidateUpdate(ctx, in)
}
