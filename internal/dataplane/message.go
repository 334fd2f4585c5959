package dataplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// endpoint makes a call of a function: who calls, what is asked, and the answer or the
// error as JSON. The credential is looked at before the body is.
func endpoint[Request, Answer any](
	h *Handler, call func(context.Context, caller, Request) (Answer, error),
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := h.o.Tokens.caller(r)
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		var request Request
		if err := decode(http.MaxBytesReader(w, r.Body, h.o.MaxBody), &request); err != nil {
			h.refuse(w, r, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), h.o.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		answer, err := call(ctx, from, request)
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		h.write(w, r, http.StatusOK, answer)
	})
}

// decode reads one JSON value. Fields that it does not know are a newer crawler's: they
// are passed over, payloads may grow.
func decode(body io.Reader, into any) error {
	d := json.NewDecoder(body)
	err := d.Decode(into)
	if err == nil {
		_, err = d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			return fleet.Invalid("", "something follows the message", "one JSON object")
		}
	}
	var long *http.MaxBytesError
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &long):
		return fleet.Invalid("", fmt.Sprintf("the message has more than %d bytes", long.Limit),
			"a smaller batch")
	case errors.As(err, &wrong):
		return fleet.Invalid(wrong.Field, "is a JSON "+wrong.Value, wrong.Type.String())
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fleet.Invalid("", "is not a JSON message: "+err.Error(), "one JSON object")
	default: // the connection broke, or a value such as a duration was refused
		return fleet.Invalid("", err.Error(), "one JSON object")
	}
}

// refuse answers an error. Callers see coded errors only; what else goes wrong is
// logged, and "internal error" to them.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := new(fleet.Error)
	switch {
	case errors.As(err, &e):
		h.o.Log.Debug("refused", zap.String("call", r.URL.Path), zap.Error(err))
	case errors.Is(r.Context().Err(), context.DeadlineExceeded):
		e = fleet.Errorf(fleet.CodeTimeout, "the call took too long")
		h.o.Log.Warn("timed out", zap.String("call", r.URL.Path), zap.Error(err))
	case r.Context().Err() != nil: // nobody reads this but a proxy
		e = fleet.Errorf(fleet.CodeUnavailable, "the call was given up")
	default:
		e = fleet.Errorf(fleet.CodeInternal, "internal error")
		h.o.Log.Error("failed", zap.String("call", r.URL.Path), zap.Error(err))
	}
	h.write(w, r, Status(e.Code), e)
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		h.o.Log.Error("an answer cannot be written as JSON", zap.String("call", r.URL.Path), zap.Error(err))
		status, b = http.StatusInternalServerError, []byte(`{"code":"internal","message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that is gone asks again
}

// contain turns a panic into an internal error, so that one call cannot end the process
// that serves all tenants. The transaction it was in has been rolled back.
func (h *Handler) contain(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // the value itself is panicked with
		panic(p)
	}
	h.o.Log.Error("panic", zap.String("call", r.URL.Path), zap.Any("panic", p),
		zap.ByteString("stack", debug.Stack()))
	h.write(w, r, http.StatusInternalServerError, fleet.Errorf(fleet.CodeInternal, "internal error"))
}
