package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// deliver runs the Delivery of a message whose receiver answers these.
func deliver(t *testing.T, w *world, retry fleet.DeliveryRetry, answers ...error) fleet.DeliveryRef {
	t.Helper()
	w.receiver.Answer(answers...)
	ref := w.store.Message("t1", fleet.NoticeDone, "https://example.com/hook")
	w.ExecuteWorkflow(fleet.DeliveryWorkflow, fleet.DeliveryInput{DeliveryRef: ref, Retry: retry})
	require.True(t, w.IsWorkflowCompleted())
	return ref
}

func (w *world) delivery(t *testing.T, ref fleet.DeliveryRef) fleet.Delivery {
	t.Helper()
	d, err := w.store.Delivery(t.Context(), ref)
	require.NoError(t, err)
	return d
}

func down() error { return fleet.Errorf(fleet.CodeUnavailable, "the receiver answered 500") }

func TestDelivery_IsTriedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	ref := deliver(t, w, fleet.DeliveryRetry{}, down(), down(), nil)
	require.NoError(t, w.GetWorkflowError())
	d := w.delivery(t, ref)
	require.Equal(t, fleet.DeliveryDone, d.State)
	require.Equal(t, 3, d.Tries)
	require.GreaterOrEqual(t, w.Now().Sub(began), 15*time.Second, "5 s, then twice as long")
	sent := w.receiver.Bodies()
	require.Len(t, sent, 3)
	require.Equal(t, sent[0], sent[1], "the same bytes at each try")
	require.Equal(t, sent[0], sent[2], "the same bytes at each try")
}

func TestDelivery_IsSetAsideAfterADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	// The environment gives up by itself after ten tries, so these are far apart.
	const apart = fleet.Duration(3 * time.Hour)
	ref := deliver(t, w, fleet.DeliveryRetry{First: apart, Most: apart}, down())
	var app *temporal.ApplicationError
	require.ErrorAs(t, w.GetWorkflowError(), &app)
	require.Contains(t, app.Message(), "set aside: the receiver answered 500")
	require.True(t, app.NonRetryable())
	d := w.delivery(t, ref)
	require.Equal(t, fleet.DeliverySetAside, d.State)
	require.Equal(t, "the receiver answered 500", d.LastError)
	require.InDelta(t, 9, d.Tries, 1)
	require.InDelta(t, 24, w.Now().Sub(began).Hours(), 3.1)
}

func TestDelivery_IsTriedAsOftenAsItsInputSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	ref := deliver(t, w, fleet.DeliveryRetry{
		First: fleet.Duration(10 * time.Second), Most: fleet.Duration(20 * time.Second), For: fleet.Duration(time.Minute),
	}, down())
	require.Error(t, w.GetWorkflowError())
	require.Equal(t, 4, w.delivery(t, ref).Tries, "at once, after 10 s, and every 20 s")
	require.LessOrEqual(t, w.Now().Sub(began), time.Minute)
}

func TestDelivery_AReceiverThatIsGoneIsSetAsideAtOnce(t *testing.T) {
	t.Parallel()
	for _, answer := range []*fleet.Error{
		fleet.Errorf(fleet.CodeNotFound, "the receiver answered 410 Gone: it wants no more"),
		fleet.Errorf(fleet.CodeForbidden, "the receiver's address 10.0.0.1 is a private address"),
	} {
		w := newWorld(t)
		ref := deliver(t, w, fleet.DeliveryRetry{}, answer)
		require.ErrorContains(t, w.GetWorkflowError(), answer.Message)
		d := w.delivery(t, ref)
		require.Equal(t, fleet.DeliverySetAside, d.State)
		require.Equal(t, 1, d.Tries)
	}
}

func TestDelivery_WaitsAsLongAsTheReceiverAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.Now()
	busy := fleet.Errorf(fleet.CodeUnavailable, "the receiver answered 429")
	busy.RetryAfter = fleet.Duration(10 * time.Minute)
	deliver(t, w, fleet.DeliveryRetry{}, busy, nil)
	require.NoError(t, w.GetWorkflowError())
	require.GreaterOrEqual(t, w.Now().Sub(began), 10*time.Minute)

	w = newWorld(t)
	began = w.Now()
	busy.RetryAfter = fleet.Duration(20 * time.Hour)
	deliver(t, w, fleet.DeliveryRetry{}, busy, nil)
	require.NoError(t, w.GetWorkflowError())
	require.LessOrEqual(t, w.Now().Sub(began), 61*time.Minute, "but not longer than an hour")
}

func TestDelivery_OfNoMessageEndsWithNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ExecuteWorkflow(fleet.DeliveryWorkflow, fleet.DeliveryInput{
		DeliveryRef: fleet.DeliveryRef{Tenant: "acme", ID: "msg_none"},
	})
	require.Equal(t, fleet.CodeNotFound, activities.FromTemporal(w.GetWorkflowError()).Code)
}

func TestDelivery_CancelledIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	ref := deliver(t, w, fleet.DeliveryRetry{}, down())
	require.True(t, temporal.IsCanceledError(w.GetWorkflowError()))
	require.Equal(t, fleet.DeliverySetAside, w.delivery(t, ref).State)
}

func TestDelivery_AnswersWhereItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := deliver(t, w, fleet.DeliveryRetry{}, nil)
	answer, err := w.QueryWorkflow(fleet.DeliveryQuery)
	require.NoError(t, err)
	var try fleet.DeliveryTry
	require.NoError(t, answer.Get(&try))
	require.Equal(t, fleet.DeliveryTry{DeliveryRef: ref, State: fleet.DeliveryDone}, try)
}

func TestRedelivery_StartsWhatWasSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	aside := w.store.Message("t1", fleet.NoticeDone, "https://example.com/a")
	require.NoError(t, w.store.Tried(t.Context(), fleet.DeliveryTry{DeliveryRef: aside, State: fleet.DeliverySetAside}))
	done := w.store.Message("t1", fleet.NoticeDone, "https://example.com/b")
	require.NoError(t, w.store.Tried(t.Context(), fleet.DeliveryTry{DeliveryRef: done, State: fleet.DeliveryDone}))
	w.ExecuteWorkflow(fleet.RedeliveryWorkflow, fleet.RedeliverRequest{Tenant: "acme", Ticket: "t1"})
	require.NoError(t, w.GetWorkflowError())
	var refs []fleet.DeliveryRef
	require.NoError(t, w.GetWorkflowResult(&refs))
	require.Equal(t, []fleet.DeliveryRef{aside}, refs)
	started := w.temporal.Messages("execute")
	require.Len(t, started, 1)
	require.Equal(t, fleet.DeliveryWorkflowID("acme", aside.ID), started[0].WorkflowID)

	w = newWorldOver(w.store)
	w.ExecuteWorkflow(fleet.RedeliveryWorkflow, fleet.RedeliverRequest{Tenant: "Acme", Ticket: "t1"})
	e := activities.FromTemporal(w.GetWorkflowError())
	require.Equal(t, fleet.CodeInvalid, e.Code)
	require.Equal(t, "tenant", e.Field)
}
