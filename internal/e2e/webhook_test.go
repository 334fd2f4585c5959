package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// told is one request to a receiver, as it came.
type told struct {
	id, timestamp, signature, body string
	status                         int
}

// receiver is a webhook's server that answers the statuses one after the other, and the
// last one for ever. Zero is no answer: it hangs until the request is given up.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	all      []told
}

func receives(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{statuses: statuses}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP notes a request and answers it.
func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body) // a request that is cut fails the test by what it lacks
	r.mu.Lock()
	status := r.statuses[0]
	if len(r.statuses) > 1 {
		r.statuses = r.statuses[1:]
	}
	r.all = append(r.all, told{
		q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp"), q.Header.Get("webhook-signature"),
		string(body), status,
	})
	r.mu.Unlock()
	switch {
	case status == 0:
		<-q.Context().Done()
	case status >= 300 && status < 400:
		w.Header().Set("Location", "http://169.254.169.254/latest/meta-data/")
		fallthrough
	default:
		w.WriteHeader(status)
	}
}

// answer has it answer these from now on.
func (r *receiver) answer(statuses ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses = statuses
}

func (r *receiver) requests() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]told(nil), r.all...)
}

// taken counts the requests that were answered with 200.
func (r *receiver) taken() int {
	n := 0
	for _, q := range r.requests() {
		if q.status == http.StatusOK {
			n++
		}
	}
	return n
}

// verify checks a request as a receiver does that knows nothing of us but the standard.
func (a *Tenant) verify(q told) {
	a.t.Helper()
	secret, err := os.ReadFile(filepath.Join(a.DataDir(), "secret"))
	require.NoError(a.t, err)
	text := fleet.WebhookSecret(fleet.Secret(strings.TrimSpace(string(secret))), a.ID).Reveal()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	require.NoError(a.t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(q.id + "." + q.timestamp + "." + q.body))
	version, signature, _ := strings.Cut(q.signature, ",")
	require.Equal(a.t, "v1", version)
	got, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(a.t, err)
	require.True(a.t, hmac.Equal(mac.Sum(nil), got), "the signature is not that of the tenant's secret")
	at, err := strconv.ParseInt(q.timestamp, 10, 64)
	require.NoError(a.t, err)
	require.InDelta(a.t, time.Now().Unix(), at, 300)
	var m fleet.Message
	require.NoError(a.t, json.Unmarshal([]byte(q.body), &m))
	require.Equal(a.t, a.ID, m.Data.Tenant)
}

// tells submits a ticket of one page whose end a receiver is told of, and waits for that
// end, which waits for no receiver.
func (a *Tenant) tells(s *sample.Site, r *receiver) *Ticket {
	a.t.Helper()
	in := page(s.ShopURL("/"))
	in.Webhook = r.URL + "/hook"
	k := a.Submit(in)
	k.Done()
	return k
}

// message waits until the ticket's one message is in a state.
func (k *Ticket) message(state fleet.DeliveryState) fleet.Delivery {
	k.t.Helper()
	var d fleet.Delivery
	Await(k.t, "the message to be "+string(state), func() (bool, string) {
		all, err := k.Control.Deliveries(k.t.Context(), k.ID, k.Name)
		if err != nil || len(all) != 1 {
			return false, show(all)
		}
		d = all[0]
		return d.State == state, show(d)
	})
	return d
}

// redeliver has the ticket's messages sent again, as the stock CLI does.
func (k *Ticket) redeliver() []fleet.DeliveryRef {
	k.t.Helper()
	run, err := k.Client.Temporal().ExecuteWorkflow(k.t.Context(), client.StartWorkflowOptions{
		ID: fleet.RedeliveryWorkflowID(k.ID, k.Name), TaskQueue: fleet.ControlQueue,
	}, fleet.RedeliveryWorkflow, fleet.RedeliverRequest{Tenant: k.ID, Ticket: k.Name})
	require.NoError(k.t, err)
	var refs []fleet.DeliveryRef
	require.NoError(k.t, run.Get(k.t.Context(), &refs))
	return refs
}

// quick has messages tried again soon and set aside soon.
func quick() Options {
	return Options{Settings: map[string]string{
		"webhook-retry-first": "200ms", "webhook-retry-most": "1s", "webhook-retry-for": "30s",
	}}
}

// sameMessage wants every try to be the same message, rightly signed.
func (a *Tenant) sameMessage(all []told) {
	a.t.Helper()
	for _, q := range all {
		a.verify(q)
		require.Equal(a.t, all[0].id, q.id, "a stable id over all tries")
		require.Equal(a.t, all[0].body, q.body, "the same bytes at each try")
	}
}

func TestWebhook_WhateverTheReceiverDoes(t *testing.T) {
	t.Parallel()
	f := own(t, quick())
	a := f.NewTenant(t, fleet.Plan{})
	s := site(t, sample.Options{})

	t.Run("it fails and then takes it", func(t *testing.T) {
		r := receives(t, 500, 503, 200)
		k := a.tells(s, r)
		d := k.message(fleet.DeliveryDone)
		require.Equal(t, 3, d.Tries)
		require.Len(t, r.requests(), 3)
		require.Equal(t, 1, r.taken())
		a.sameMessage(r.requests())
	})
	t.Run("it is gone, and told again when asked", func(t *testing.T) {
		r := receives(t, http.StatusGone)
		k := a.tells(s, r)
		d := k.message(fleet.DeliverySetAside)
		require.Contains(t, d.LastError, "410")
		require.Len(t, r.requests(), 1, "it is not asked again")
		r.answer(200)
		require.Equal(t, []fleet.DeliveryRef{d.DeliveryRef}, k.redeliver())
		k.message(fleet.DeliveryDone)
		require.Equal(t, 1, r.taken())
		a.sameMessage(r.requests())
	})
	t.Run("it sends us inside", func(t *testing.T) {
		r := receives(t, http.StatusTemporaryRedirect, 200)
		d := a.tells(s, r).message(fleet.DeliveryDone)
		require.Equal(t, 2, d.Tries, "the redirect was not followed, and the next try was taken")
	})
	t.Run("it is down", func(t *testing.T) {
		r := receives(t, 200)
		r.Close()
		k := a.tells(s, r)
		d := k.message(fleet.DeliverySetAside)
		require.Contains(t, d.LastError, "refuses the connection")
		require.Greater(t, d.Tries, 3)
	})
	t.Run("it hangs while the control worker is killed", func(t *testing.T) {
		r := receives(t, 0)
		k := a.tells(s, r)
		Await(t, "the receiver to be asked", func() (bool, string) { return len(r.requests()) > 0, "no request" })
		f.Worker.Kill()
		r.answer(200)
		require.NoError(t, f.StartWorker())
		k.message(fleet.DeliveryDone)
		require.Equal(t, 1, r.taken())
		a.sameMessage(r.requests())
	})
}

func TestWebhook_APrivateOneIsRefusedAtTheDoor(t *testing.T) {
	t.Parallel()
	a := shared(t).NewTenant(t, fleet.Plan{})
	in := page("http://example.com/")
	in.Webhook = "http://10.0.0.1/hook"
	k := a.Submit(in)
	err := a.Client.Temporal().GetWorkflow(t.Context(), k.WorkflowID, "").Get(t.Context(), nil)
	require.ErrorContains(t, err, "webhook: 10.0.0.1:80 is a private address")
}
