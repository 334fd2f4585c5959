package activities_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

const hook = "https://example.com/hook?key=hunter2"

// send makes one try of a message, as the deliver queue does.
func (d *desk) send(t *testing.T, r fleet.Poster, ref fleet.DeliveryRef) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(&activities.Deliveries{
		Desk: d.store, Poster: r, Courier: d.courier,
		Count: func(_, kind string) { d.counted = append(d.counted, kind) },
	})
	_, err := env.ExecuteActivity(fleet.ActivitySend, fleet.DeliveryInput{
		DeliveryRef: ref, Retry: fleet.DeliveryRetry{Most: fleet.Duration(time.Hour)},
	})
	return err
}

func (d *desk) message(t *testing.T, ref fleet.DeliveryRef) fleet.Delivery {
	t.Helper()
	m, err := d.store.Delivery(t.Context(), ref)
	require.NoError(t, err)
	return m
}

func TestSend_NotesEachTry(t *testing.T) {
	t.Parallel()
	d := newDesk()
	ref := d.store.Message("t1", fleet.NoticeDone, hook)
	busy := fleet.Errorf(fleet.CodeUnavailable, "the receiver answered 503 Service Unavailable")
	busy.RetryAfter = fleet.Duration(7 * time.Second)
	r := activitytest.NewReceiver(busy, nil)

	var app *temporal.ApplicationError
	require.ErrorAs(t, d.send(t, r, ref), &app)
	require.False(t, app.NonRetryable())
	require.Equal(t, 7*time.Second, app.NextRetryDelay())
	m := d.message(t, ref)
	require.Equal(t, fleet.DeliveryPending, m.State)
	require.Equal(t, busy.Message, m.LastError)

	require.NoError(t, d.send(t, r, ref))
	m = d.message(t, ref)
	require.Equal(t, fleet.DeliveryDone, m.State)
	require.Equal(t, 2, m.Tries)
	require.Empty(t, m.LastError)

	require.NoError(t, d.send(t, r, ref), "what is delivered is not sent again")
	require.Len(t, r.Bodies(), 2)
	require.Equal(t, []string{activities.TryFailed, activities.TryDelivered}, d.counted)
	var sent fleet.Message
	require.NoError(t, json.Unmarshal([]byte(r.Bodies()[0]), &sent))
	require.Equal(t, fleet.NoticeDone, sent.Type)
	require.Equal(t, fleet.TicketID("t1"), sent.Data.Ticket)
}

func TestSend_WhatCouldNotBeNotedIsSentAgainUnderItsId(t *testing.T) {
	t.Parallel()
	d := newDesk()
	ref := d.store.Message("t1", fleet.NoticeDone, hook)
	r := activitytest.NewReceiver()
	d.store.Fail("Tried", errors.New("database is locked"))
	var app *temporal.ApplicationError
	require.ErrorAs(t, d.send(t, r, ref), &app)
	require.False(t, app.NonRetryable())
	d.store.Fail("Tried", nil)
	require.NoError(t, d.send(t, r, ref))
	require.Len(t, r.Bodies(), 2)
	require.Equal(t, r.Bodies()[0], r.Bodies()[1])
}

func TestCourier_StartsADeliveryOnce(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.courier.Retry = fleet.DeliveryRetry{First: fleet.Duration(time.Second)}
	ref := fleet.DeliveryRef{Tenant: "acme", ID: "msg_1"}
	d.courier.Tell(t.Context(), fleet.Follow{Deliveries: []fleet.DeliveryRef{ref}})
	started := d.temporal.Messages("execute")
	require.Len(t, started, 1)
	require.Equal(t, "delivery/acme/msg_1", started[0].WorkflowID)
	require.Equal(t, fleet.DeliveryWorkflow, started[0].Name)
	require.Equal(t, fleet.ControlTask, started[0].Task)
	require.Equal(t, fleet.DeliveryInput{DeliveryRef: ref, Retry: d.courier.Retry}, started[0].Arg)
	b, err := json.Marshal(started[0].Arg)
	require.NoError(t, err)
	require.NotContains(t, string(b), "http", "a URL may be a secret")
}

func TestReaper_StartsADeliveryWhoseStartWasLost(t *testing.T) {
	t.Parallel()
	d := newDesk()
	ref := d.store.Message("t1", fleet.NoticeDone, hook)
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Empty(t, d.temporal.Messages("execute"), "it is too young to be looked at")

	d.later(2 * time.Minute)
	d.temporal.Err = serviceerror.NewUnavailable("away")
	require.ErrorContains(t, d.reaper.Round(t.Context()), "start the delivery of "+string(ref.ID))
	d.temporal.Err = nil
	require.NoError(t, d.reaper.Round(t.Context()))
	require.Len(t, d.temporal.Messages("execute"), 1)

	require.NoError(t, d.reaper.Round(t.Context()))
	require.Len(t, d.temporal.Messages("execute"), 1, "a receiver that is down costs no start in each round")
}

func TestReaper_StartsManyLostDeliveriesPageByPage(t *testing.T) {
	t.Parallel()
	const lost = 620 // more than a page
	d := newDesk()
	want := map[string]bool{}
	for i := range lost {
		ref := d.store.Message(fleet.TicketID(fmt.Sprintf("t%d", i)), fleet.NoticeDone, hook)
		want[fleet.DeliveryWorkflowID(ref.Tenant, ref.ID)] = true
	}
	d.later(2 * time.Minute)
	started := 0
	for range 8 {
		require.NoError(t, d.reaper.Round(t.Context()))
		n := len(d.temporal.Messages("execute"))
		require.LessOrEqual(t, n-started, 100, "in one round")
		started = n
	}
	for _, m := range d.temporal.Messages("execute") {
		require.True(t, want[m.WorkflowID], m.WorkflowID)
		delete(want, m.WorkflowID)
	}
	require.Empty(t, want, "each was started")
	require.Equal(t, lost, started, "and once")
}

func TestAdmit_RefusesAPrivateWebhook(t *testing.T) {
	t.Parallel()
	d := newDesk()
	document := json.RawMessage(`{"tenant":"acme","webhooks":[{"url":"http://10.1.2.3/hook"}]}`)
	_, err := d.tenants.Admit(t.Context(), document)
	e := activities.FromTemporal(err)
	require.Equal(t, fleet.CodeForbidden, e.Code)
	require.Equal(t, "webhooks[0].url", e.Field)
	_, err = d.tenants.ChangePlan(t.Context(), document)
	require.Equal(t, "webhooks[0].url", activities.FromTemporal(err).Field)
	d.tenants.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	_, err = d.tenants.Admit(t.Context(), document)
	require.NoError(t, err)
}
