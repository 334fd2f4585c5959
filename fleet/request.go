package fleet

import (
	"bytes"
	"time"
)

// Request is what an update of a workflow takes.
type Request interface {
	// Validate names the first field that is wrong.
	Validate() error
}

// ParseRequest reads the argument of an update strictly: an unknown field is an error
// that names it. No argument, or null, is a request with nothing set. It is pure, which
// the check of the workflows cannot see through encoding/json.
//
//workflowcheck:ignore
func ParseRequest[R Request](b []byte) (R, error) {
	var r R
	if b = bytes.TrimSpace(b); len(b) > 0 && !bytes.Equal(b, []byte("null")) {
		if err := decodeStrict(b, &r, ""); err != nil {
			return r, err
		}
	}
	if err := r.Validate(); err != nil {
		return r, err
	}
	return r, nil
}

// PlanRequest changes the parts of a plan that are set; what is not set stays.
type PlanRequest struct {
	Plan Plan `json:"plan"`
	// NoMaxSpend takes the spend cap away.
	NoMaxSpend bool   `json:"noMaxSpend,omitempty"`
	By         string `json:"by,omitempty"` // who asks, for the audit trail
}

// Validate names the first field that is wrong.
func (r PlanRequest) Validate() error {
	if r.Plan == (Plan{}) && !r.NoMaxSpend {
		return Invalid("plan", "changes nothing", "at least one field of a plan")
	}
	if r.NoMaxSpend && r.Plan.MaxSpend != nil {
		return Invalid("noMaxSpend", "contradicts plan.maxSpend", "one of the two")
	}
	return r.Plan.Validate()
}

// SuspendRequest drains a tenant to zero. Its tickets wait, new ones are taken.
type SuspendRequest struct {
	Reason string `json:"reason,omitempty"` // for people, up to 200 characters
	// Grace is how long running tickets may go on before they are handed back to wait,
	// 0 to 24h; default 30s.
	Grace Duration `json:"grace,omitempty"`
	By    string   `json:"by,omitempty"`
}

// Validate names the first field that is wrong.
func (r SuspendRequest) Validate() error {
	if len(r.Reason) > 200 {
		return Invalid("reason", "is too long", "at most 200 characters")
	}
	if d := r.Grace.Std(); d < 0 || d > 24*time.Hour {
		return Invalid("grace", d.String()+" is out of range", "0s to 24h")
	}
	return nil
}

// ResumeRequest lets a suspended tenant go on.
type ResumeRequest struct {
	By string `json:"by,omitempty"`
}

// Validate finds nothing wrong: there is nothing to choose.
func (ResumeRequest) Validate() error { return nil }

// DeleteRequest asks for the deletion of a tenant.
type DeleteRequest struct {
	By string `json:"by,omitempty"`
}

// Validate finds nothing wrong: there is nothing to choose.
func (DeleteRequest) Validate() error { return nil }
