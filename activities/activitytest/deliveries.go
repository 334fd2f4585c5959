package activitytest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Message puts a message of a ticket of acme to a webhook there, pending.
func (s *Store) Message(id fleet.TicketID, n fleet.Notice, url string) fleet.DeliveryRef {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref := fleet.DeliveryRef{Tenant: "acme", ID: fleet.NewDeliveryID("acme", id, 1, n, url)}
	s.messages[ref] = &fleet.Delivery{
		DeliveryRef: ref, Ticket: id, Notice: n, URL: url, State: fleet.DeliveryPending,
		CreatedAt: s.Now(), Message: fleet.Message{
			Type: n, Timestamp: s.Now(), Data: fleet.MessageTicket{Tenant: "acme", Ticket: id},
		},
	}
	return ref
}

func (s *Store) message(method string, ref fleet.DeliveryRef) (*fleet.Delivery, error) {
	if err := s.enter(method); err != nil {
		return nil, err
	}
	if d := s.messages[ref]; d != nil {
		return d, nil
	}
	s.mu.Unlock()
	return nil, fleet.Errorf(fleet.CodeNotFound, "there is no message "+string(ref.ID))
}

// Delivery answers one message.
func (s *Store) Delivery(_ context.Context, ref fleet.DeliveryRef) (fleet.Delivery, error) {
	d, err := s.message("Delivery", ref)
	if err != nil {
		return fleet.Delivery{}, err
	}
	defer s.mu.Unlock()
	return *d, nil
}

// Tried notes a try; what was delivered stays so.
func (s *Store) Tried(_ context.Context, t fleet.DeliveryTry) error {
	d, err := s.message("Tried", t.DeliveryRef)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if d.State == fleet.DeliveryDone {
		return nil
	}
	d.State, d.LastError, d.TriedAt = t.State, t.Error, s.Now()
	if t.State != fleet.DeliverySetAside {
		d.Tries++
	}
	return nil
}

// Undelivered lists pending messages that nobody has tried for age.
func (s *Store) Undelivered(
	_ context.Context, age time.Duration, after fleet.Undelivered, limit int,
) ([]fleet.Undelivered, error) {
	if err := s.enter("Undelivered"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	order := func(a, b fleet.Undelivered) int {
		return cmp.Or(a.MovedAt.Compare(b.MovedAt), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
	}
	var all []fleet.Undelivered
	for ref, d := range s.messages {
		u := fleet.Undelivered{DeliveryRef: ref, MovedAt: d.CreatedAt}
		if d.TriedAt.After(u.MovedAt) {
			u.MovedAt = d.TriedAt
		}
		if d.State == fleet.DeliveryPending && s.Now().Sub(u.MovedAt) >= age && order(u, after) > 0 {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, order)
	return all[:min(len(all), limit)], nil
}

// Redeliver makes a ticket's messages pending again.
func (s *Store) Redeliver(
	_ context.Context, r fleet.RedeliverRequest,
) ([]fleet.DeliveryRef, error) {
	if err := s.enter("Redeliver"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var refs []fleet.DeliveryRef
	for ref, d := range s.messages {
		if ref.Tenant == r.Tenant && d.Ticket == r.Ticket &&
			(ref.ID == r.ID || r.ID == "" && d.State == fleet.DeliverySetAside) {
			d.State = fleet.DeliveryPending
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// Receiver is a fleet.Poster whose answers a test names.
type Receiver struct {
	mu      sync.Mutex
	answers []error
	last    error
	bodies  []string
}

// NewReceiver makes a receiver that answers these, one after the other, and the last
// one for ever; without any it takes everything.
func NewReceiver(answers ...error) *Receiver { return &Receiver{answers: answers} }

// Answer has it answer these from now on.
func (r *Receiver) Answer(answers ...error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers, r.last = answers, nil
}

// Post notes the body and answers.
func (r *Receiver) Post(_ context.Context, _ fleet.Delivery, body []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, string(body))
	if len(r.answers) > 0 {
		r.last, r.answers = r.answers[0], r.answers[1:]
	}
	return r.last
}

// Bodies answers what was sent.
func (r *Receiver) Bodies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies...)
}

var (
	_ fleet.DeliveryDesk = (*Store)(nil)
	_ fleet.Poster       = (*Receiver)(nil)
)
