package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"
)

// Provider starts, stops, describes and lists crawlers on one substrate. It is
// safe for concurrent use, obeys the context, and has no memory of its own that
// a restart could lose. Its errors are *ProviderError.
type Provider interface {
	// Kind names the substrate.
	Kind() ProviderKind
	// Launch returns when the substrate has accepted the crawler, it does not wait
	// for it to run. It is idempotent by Key: a live crawler is returned as it is,
	// and a finished one is returned as PhaseExited and never run again.
	Launch(ctx context.Context, s Spec) (Instance, error)
	// Describe answers what the substrate says. ClassNotFound only if it said so;
	// an unreachable substrate is ClassRetryable.
	Describe(ctx context.Context, k Key) (Instance, error)
	// Stop asks for the end: nil means under way, ClassNotFound gone. Callers
	// repeat it until ClassNotFound. After that, Launch of the same Key still does
	// not run it again.
	Stop(ctx context.Context, k Key, o StopOptions) error
	// List yields every crawler of the fleet, finished ones that are not yet purged
	// included. It is complete, or its last element is an error: nobody may delete
	// anything on the strength of a list that failed.
	List(ctx context.Context, f Filter) iter.Seq2[Instance, error]
	// Offerings answers the places with price, country and billing grain.
	Offerings(ctx context.Context) ([]Offering, error)
	// Capabilities says what the substrate can do.
	Capabilities() Capabilities
}

// Watcher is a provider that can tell of ends as they happen. Events are hints:
// they may be late, repeated or lost. The channel is closed when ctx ends.
type Watcher interface {
	Watch(ctx context.Context, f Filter) (<-chan Event, error)
}

// LogReader is a provider that can give what a crawler has written, as long as the
// substrate keeps it.
type LogReader interface {
	// Logs copies the log from its beginning. With follow it goes on until the crawler has
	// ended; the end of ctx is the reader's and no error.
	Logs(ctx context.Context, k Key, to io.Writer, follow bool) error
}

// Key is a crawler's identity at a substrate, part of every name and label there.
type Key struct {
	Fleet  FleetID  `json:"fleet"`
	Tenant TenantID `json:"tenant"`
	GUID   GUID     `json:"guid"`
}

// StopOptions say how a crawler is stopped.
type StopOptions struct {
	// Grace is how long it may drain before it is killed; the provider caps it.
	Grace time.Duration `json:"grace"`
}

// Filter restricts List and Watch to one fleet; it is required.
type Filter struct {
	Fleet FleetID `json:"fleet"`
}

// Phase is an instance's state at the substrate.
type Phase string

// The phases.
const (
	PhasePending  Phase = "pending"
	PhaseRunning  Phase = "running"
	PhaseStopping Phase = "stopping"
	PhaseExited   Phase = "exited"
)

// Instance is a crawler as its substrate sees it.
type Instance struct {
	Key
	Offering   OfferingID `json:"offering"`
	ProviderID string     `json:"providerId"` // pid, container id, job id, …
	Phase      Phase      `json:"phase"`
	ExitCode   *int       `json:"exitCode,omitempty"`
	Reason     string     `json:"reason,omitempty"`  // for people: "killed by signal 9"
	Address    string     `json:"address,omitempty"` // declared egress address
	CreatedAt  time.Time  `json:"createdAt,omitzero"`
	EndedAt    time.Time  `json:"endedAt,omitzero"`
	// Cut says that whoever launched it ended in the middle of that: it never ran, or for
	// a moment, and tells nothing of its place.
	Cut bool `json:"cut,omitempty"`
}

// Event is a hint that an instance has ended.
type Event struct {
	Instance Instance
}

// Capabilities say what a substrate can do.
type Capabilities struct {
	// PinsAddress: Launch honours Spec.Address.
	PinsAddress bool `json:"pinsAddress"`
	// MaxGrace caps StopOptions.Grace; 0 for no cap.
	MaxGrace time.Duration `json:"maxGrace"`
	// Beside: Launch starts the crawler on the machine of its caller, in milliseconds and
	// under no rate limit: it need not queue for its turn.
	Beside bool `json:"beside"`
}

// Class says what a provider's error means for the decision.
type Class string

// The classes of provider errors.
const (
	ClassRetryable Class = "retryable" // nothing was done: the same again, later
	ClassAmbiguous Class = "ambiguous" // unknown whether it was done: never fail over with this GUID
	ClassCapacity  Class = "capacity"  // no room there now: another offering
	ClassQuota     Class = "quota"     // the account's limit: another account
	ClassConflict  Class = "conflict"  // something else has the name
	ClassNotFound  Class = "not_found" // the substrate said that there is none
	ClassFatal     Class = "fatal"     // wrong credentials or specification: no retry helps
)

// ProviderError is every error of a Provider.
type ProviderError struct {
	Class      Class
	Provider   ProviderKind
	Op         string // launch, describe, stop, list, offerings
	Scope      Scoped // what to cool down, with ClassCapacity and ClassQuota
	RetryAfter time.Duration
	Err        error
}

// Error renders provider, operation and cause.
func (e *ProviderError) Error() string {
	return fmt.Sprintf("%s: %s: %s: %v", e.Provider, e.Op, e.Class, e.Err)
}

// Unwrap gives the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// ClassOf gives the class of the first *ProviderError in err's chain; any other
// error after a request was sent is ambiguous.
func ClassOf(err error) Class {
	var e *ProviderError
	if errors.As(err, &e) {
		return e.Class
	}
	return ClassAmbiguous
}

// Secret is a string that prints as "***" wherever it is formatted or marshalled.
type Secret string

// Reveal gives the secret itself, at the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from JSON, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the secret from structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
