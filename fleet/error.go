package fleet

import (
	"errors"
	"strings"
)

// Code says what kind of mistake or misfortune an Error is. Codes are wire
// values: they are the type of a Temporal application error, the "code" of a
// JSON answer, and they are never renamed.
type Code string

// The codes. Codes() lists them all; a test holds every table of codes to it.
const (
	CodeInvalid        Code = "invalid"          // the request is wrong; Field says where
	CodeUnknownField   Code = "unknown_field"    // a field that does not exist
	CodeNotFound       Code = "not_found"        // the named thing does not exist
	CodeConflict       Code = "conflict"         // the id exists with other content
	CodeQuota          Code = "quota_exceeded"   // over the tenant's plan
	CodeTenantNotReady Code = "tenant_not_ready" // not provisioned, suspended or being deleted
	CodeForbidden      Code = "forbidden"        // a private address, another tenant's thing
	CodeFenced         Code = "fenced"           // a newer claim exists: stop, store nothing
	CodeContract       Code = "contract"         // a crawler of another contract version
	CodeCapacity       Code = "capacity"         // no place can run it now
	CodeCrawlerLost    Code = "crawler_lost"     // the crawler died under the ticket
	CodeDraining       Code = "draining"         // the crawler hands its tickets back
	CodeSessionLost    Code = "session_lost"     // the session's address is gone and the ticket wanted no other
	CodeUnreachable    Code = "unreachable"      // no seed of the ticket could be fetched
	CodeBlocked        Code = "blocked"          // the site answers with challenges instead of pages
	CodeVersion        Code = "version"          // a data directory of another version
	CodeBusy           Code = "busy"             // a port or a directory is held by another, or a rate is reached
	CodeUnavailable    Code = "unavailable"      // a server of ours does not answer
	CodeTimeout        Code = "timeout"          // a wait ended first
	CodeInternal       Code = "internal"         // a defect of ours
)

// Codes lists every code.
func Codes() []Code {
	return []Code{
		CodeInvalid, CodeUnknownField, CodeNotFound, CodeConflict, CodeQuota,
		CodeTenantNotReady, CodeForbidden, CodeFenced, CodeContract, CodeCapacity,
		CodeCrawlerLost, CodeDraining, CodeSessionLost, CodeUnreachable, CodeBlocked, CodeVersion,
		CodeBusy, CodeUnavailable, CodeTimeout, CodeInternal,
	}
}

// Retryable reports whether the same request may succeed later unchanged.
func (c Code) Retryable() bool {
	switch c {
	case CodeUnavailable, CodeTimeout, CodeInternal, CodeBusy, CodeCapacity:
		return true
	default:
		return false
	}
}

// Error is what every room answers when something is wrong, and what every
// door prints: what happened, at which field, what would be right, what to do.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
	Want    string `json:"want,omitempty"`
	Hint    string `json:"hint,omitempty"`
	// RetryAfter is when the same request is worth another try, where that is known.
	RetryAfter Duration `json:"retryAfter,omitempty"`
	cause      error
}

// Error renders the parts on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Want != "" {
		b.WriteString("; want ")
		b.WriteString(e.Want)
	}
	if e.Hint != "" {
		b.WriteString(" (")
		b.WriteString(e.Hint)
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap gives the cause, if one was recorded with Because.
func (e *Error) Unwrap() error { return e.cause }

// Because records the cause and returns e. The cause is for logs; it is never
// sent over the wire.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// WithHint sets what the reader can do about it and returns e.
func (e *Error) WithHint(hint string) *Error {
	e.Hint = hint
	return e
}

// Invalid is an error on one field: what is wrong with it and what would be right.
func Invalid(field, message, want string) *Error {
	return &Error{Code: CodeInvalid, Field: field, Message: message, Want: want}
}

// Errorf is an error with a code and a message.
func Errorf(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// CodeOf gives the code of the first *Error in err's chain, CodeInternal for
// any other error and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
