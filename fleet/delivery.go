package fleet

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The wire names of the Delivery workflow, which brings one message to one webhook.
const (
	DeliveryWorkflow = "Delivery"
	// DeliveryQuery is the query that answers a DeliveryTry: the last that is known.
	DeliveryQuery = "status"

	// DeliverQueue carries the requests to webhooks: receivers that hang hold nothing
	// else up.
	DeliverQueue = "deliver"

	// ActivitySend is one request to a webhook.
	ActivitySend = "Send"
)

// DeliveryWorkflowID is the workflow id of one message to one webhook.
func DeliveryWorkflowID(t TenantID, id DeliveryID) string {
	return "delivery/" + string(t) + "/" + string(id)
}

// DeliveryID names one message to one webhook. It is the header webhook-id, the same
// for every try, so that a receiver can tell a repeat.
type DeliveryID string

// NewDeliveryID derives the id of a message: the same event of the same attempt of a
// ticket has the same id at the same webhook.
func NewDeliveryID(t TenantID, id TicketID, attempt int, e Notice, to string) DeliveryID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%s\n%s", t, id, attempt, e, to))
	return DeliveryID("msg_" + hex.EncodeToString(sum[:12]))
}

// Notice is what a webhook is told of.
type Notice string

// The notices. A ticket has one of the first five in each attempt, and one
// needs_attention at most for each reason why it waits.
const (
	NoticeDone      Notice = "ticket.done"
	NoticeLimited   Notice = "ticket.limited"
	NoticeExpired   Notice = "ticket.expired"
	NoticeFailed    Notice = "ticket.failed"
	NoticeCancelled Notice = "ticket.cancelled"
	// NoticeAttention says that a ticket waits for something that only a person can
	// change (WaitCode.Attention).
	NoticeAttention Notice = "ticket.needs_attention"
)

// Notices lists them all.
func Notices() []Notice {
	return []Notice{
		NoticeDone, NoticeLimited, NoticeExpired, NoticeFailed, NoticeCancelled, NoticeAttention,
	}
}

// NoticeOf is the notice of an outcome.
func NoticeOf(o Outcome) Notice { return Notice("ticket." + string(o)) }

// Webhook is a receiver of notices. Messages are signed as Standard Webhooks says
// (https://www.standardwebhooks.com), with the tenant's secret (WebhookSecret).
type Webhook struct {
	// URL is http or https, without user and password; private addresses are refused
	// unless the operator allows them.
	URL string `json:"url"`
	// Notices restricts what it is told of; empty for all.
	Notices []Notice `json:"notices,omitempty"`
}

// Wants reports whether the webhook is to be told of a notice.
func (w Webhook) Wants(n Notice) bool { return len(w.Notices) == 0 || slices.Contains(w.Notices, n) }

const maxWebhooks = 10

func validateWebhooks(all []Webhook) error {
	if len(all) > maxWebhooks {
		return Invalid("webhooks", fmt.Sprintf("has %d entries", len(all)), fmt.Sprintf("at most %d", maxWebhooks))
	}
	for i, w := range all {
		field := fmt.Sprintf("webhooks[%d]", i)
		if err := checkWebhookURL(field+".url", w.URL); err != nil {
			return err
		}
		for j, n := range w.Notices {
			if !slices.Contains(Notices(), n) {
				return Invalid(fmt.Sprintf("%s.notices[%d]", field, j),
					fmt.Sprintf("%q is not known", clip(string(n), 40)), wantNotices())
			}
		}
		if slices.ContainsFunc(all[:i], func(o Webhook) bool { return o.URL == w.URL }) {
			return Invalid(field+".url", "is there twice", "each webhook once")
		}
	}
	return nil
}

func wantNotices() string {
	var names []string
	for _, n := range Notices() {
		names = append(names, string(n))
	}
	return "one of " + strings.Join(names, ", ")
}

func checkWebhookURL(field, s string) error {
	u, err := parseSeed(s)
	if err != nil {
		return Invalid(field, err.Error(), "an absolute http or https URL")
	}
	if u.Fragment != "" {
		return Invalid(field, "has a fragment", "a URL without #")
	}
	return nil
}

// WebhookSecret is the secret that a tenant's messages are signed with, derived from
// the fleet's own: it is stored and sent nowhere. Its form is that of Standard
// Webhooks: whsec_ and base64.
func WebhookSecret(of Secret, t TenantID) Secret {
	h := hmac.New(sha256.New, []byte(of.Reveal()))
	h.Write([]byte("webhook\n" + string(t)))
	return Secret("whsec_" + base64.StdEncoding.EncodeToString(h.Sum(nil)))
}

// DeliveryState says where a message is.
type DeliveryState string

// The states of a message.
const (
	DeliveryPending  DeliveryState = "pending"
	DeliveryDone     DeliveryState = "delivered"
	DeliverySetAside DeliveryState = "set_aside" // given up; ticket redeliver tries again
)

// DeliveryRef names one message.
type DeliveryRef struct {
	Tenant TenantID   `json:"tenant"`
	ID     DeliveryID `json:"id"`
}

// DeliveryInput starts a Delivery workflow.
type DeliveryInput struct {
	DeliveryRef
	Retry DeliveryRetry `json:"retry,omitzero"`
}

// DeliveryRetry says how often a message is tried. The zero value of a field is its
// default.
type DeliveryRetry struct {
	// First is the pause before the second try; it doubles up to Most. Defaults 5s, 1h.
	First Duration `json:"first,omitempty"`
	Most  Duration `json:"most,omitempty"`
	// For is how long it is tried before it is set aside; default 24h.
	For Duration `json:"for,omitempty"`
}

// Delivery is one message to one webhook, as rows and readers know it.
type Delivery struct {
	DeliveryRef
	Ticket    TicketID      `json:"ticket"`
	Notice    Notice        `json:"notice"`
	URL       string        `json:"url"`
	State     DeliveryState `json:"state"`
	Tries     int           `json:"tries"`
	LastError string        `json:"lastError,omitempty"`
	CreatedAt time.Time     `json:"createdAt"`
	TriedAt   time.Time     `json:"triedAt,omitzero"`
	EndedAt   time.Time     `json:"endedAt,omitzero"`
	// Message is the body, the same bytes at every try.
	Message Message `json:"message"`
}

// Message is the body of a request to a webhook.
type Message struct {
	Type      Notice        `json:"type"`
	Timestamp time.Time     `json:"timestamp"`
	Data      MessageTicket `json:"data"`
}

// MessageTicket is the ticket that a message is about.
type MessageTicket struct {
	Tenant TenantID          `json:"tenant"`
	Ticket TicketID          `json:"ticket"`
	Labels map[string]string `json:"labels,omitempty"`
	Wait   *Wait             `json:"wait,omitempty"`   // with needs_attention
	Result *TicketResult     `json:"result,omitempty"` // with the others
}

// DeliveryTry is how one try of a message went.
type DeliveryTry struct {
	DeliveryRef
	State DeliveryState `json:"state"` // pending while it is to be tried again
	Error string        `json:"error,omitempty"`
	// Since is when the workflow began that sets a message aside. One that was made
	// pending again since then is the next workflow's.
	Since time.Time `json:"since,omitzero"`
}

// Undelivered is a pending message, and the cursor of a list of them.
type Undelivered struct {
	DeliveryRef
	MovedAt time.Time // when it was made, or tried last
}

// DeliveryDesk is what the Delivery workflow needs. Rows are made by Route, Decide
// and Record, in the transaction that makes the notice.
type DeliveryDesk interface {
	// Delivery answers one message.
	Delivery(ctx context.Context, r DeliveryRef) (Delivery, error)
	// Tried notes how a try went; set_aside is the end of the tries and not one of them.
	// A message that was delivered stays so, and so does one that was redelivered after
	// the Since of whoever sets it aside. How it ended is in the ticket's decisions.
	Tried(ctx context.Context, t DeliveryTry) error
	// Undelivered lists the pending messages that were made, or tried last, longer than
	// age ago: their workflow may never have been started. They come in that order, so many
	// of them that come after one.
	Undelivered(ctx context.Context, age time.Duration, after Undelivered, limit int) ([]Undelivered, error)
	// Redeliver makes a ticket's messages that were set aside pending again, all of
	// them with an empty id, and answers them; those delivered too when asked by id.
	// One that is pending is answered as it is. It refuses with not_found a ticket, or a
	// message of it, that does not exist.
	Redeliver(ctx context.Context, r RedeliverRequest) ([]DeliveryRef, error)
}

// DeliveryReader lists what webhooks were told.
type DeliveryReader interface {
	// Deliveries lists a ticket's messages, newest first.
	Deliveries(ctx context.Context, t TenantID, id TicketID) ([]Delivery, error)
}

// RedeliverRequest asks for a ticket's messages to be sent again.
type RedeliverRequest struct {
	Tenant TenantID `json:"tenant"`
	Ticket TicketID `json:"ticket"`
	// ID restricts it to one message; empty for all that were set aside.
	ID DeliveryID `json:"id,omitempty"`
	By string     `json:"by,omitempty"` // who asks, for the audit trail
}

// Poster makes requests to webhooks. It is safe for concurrent use.
type Poster interface {
	// Post signs a body and sends it once. Nil is an answer of 2xx. Its errors are
	// *Error and name no URL, which may be a secret: unavailable or timeout where another
	// try may succeed (RetryAfter as the receiver asks), forbidden for an address that
	// must not be connected to, not_found for a receiver that wants no more (410).
	Post(ctx context.Context, d Delivery, body []byte) error
}
