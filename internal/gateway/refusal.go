package gateway

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"go.uber.org/zap"
	"google.golang.org/grpc/codes"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The kinds of refusals. They are the values of a metric's label.
const (
	RefusedCredential = "credential" // none, not one of ours, or expired
	RefusedBootstrap  = "bootstrap"  // a bootstrap token that is none, or used by another
	RefusedGone       = "gone"       // the crawler's life is over
	RefusedCall       = "call"       // not a call that crawlers have
	RefusedQueue      = "queue"      // not one of its own queues
	RefusedTask       = "task"       // a task token that is not its own
	RefusedWorker     = "worker"     // another worker's key
	RefusedSize       = "size"       // too large
	RefusedRate       = "rate"       // too often
	RefusedAtOnce     = "at_once"    // too many at one time
	RefusedPlane      = "data_plane" // refused by the data plane
)

// Refusals lists the kinds.
func Refusals() []string {
	return []string{
		RefusedCredential, RefusedBootstrap, RefusedGone, RefusedCall, RefusedQueue, RefusedTask,
		RefusedWorker, RefusedSize, RefusedRate, RefusedAtOnce, RefusedPlane,
	}
}

// refused counts a refusal, and logs it when it is news: of a guest once for each kind.
// Who shows no credential has no name to remember; the counter tells of them, and the log
// at its lowest level.
func (g *Gateway) refused(from *guest, kind, call, peer string, err error) {
	g.o.Count.Refused(kind)
	fields := []zap.Field{
		zap.String("kind", kind), zap.String("call", call), zap.String("from", peer), zap.Error(err),
	}
	if from == nil {
		g.o.Log.Debug("refused a stranger", fields...)
		return
	}
	if from.firstRefusal(kind) {
		g.o.Log.Warn("refused; said once for each crawler and kind, and counted", append(fields,
			zap.String("tenant", string(from.Tenant)), zap.String("guid", string(from.GUID)))...)
	}
}

// turnAway refuses a request at the door, before it is read.
func (g *Gateway) turnAway(w http.ResponseWriter, r *http.Request, from *guest, kind string, err error) {
	g.refused(from, kind, r.URL.Path, peerOf(r), err)
	answerError(w, r, err)
}

// answerError answers as the caller reads it: a status of gRPC, or an error as JSON.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	e := new(fleet.Error)
	if !errors.As(err, &e) {
		e = fleet.Errorf(fleet.CodeInternal, "internal error")
	}
	h := w.Header()
	if isGRPC(r) {
		h.Set("Content-Type", "application/grpc")
		h.Set("Grpc-Status", strconv.Itoa(int(grpcCode(e))))
		h.Set("Grpc-Message", url.PathEscape(e.Error()))
		w.WriteHeader(http.StatusOK)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(httpStatus(e))
	_ = json.NewEncoder(w).Encode(e) // a caller that is gone asks again
}

func httpStatus(e *fleet.Error) int {
	switch e.Code {
	case fleet.CodeForbidden:
		if e.Field == "expired" {
			return http.StatusUnauthorized
		}
		return http.StatusForbidden
	case fleet.CodeInvalid:
		return http.StatusBadRequest
	case fleet.CodeBusy:
		return http.StatusTooManyRequests
	case fleet.CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusServiceUnavailable
	}
}

// grpcCode: a worker gives up for good on invalid arguments, so that it is told of
// nothing as such that may pass.
func grpcCode(e *fleet.Error) codes.Code {
	switch e.Code {
	case fleet.CodeForbidden:
		if e.Field == "expired" {
			return codes.Unauthenticated
		}
		return codes.PermissionDenied
	case fleet.CodeInvalid:
		return codes.InvalidArgument
	case fleet.CodeBusy:
		return codes.ResourceExhausted
	case fleet.CodeInternal:
		return codes.Internal
	default:
		return codes.Unavailable
	}
}

func isGRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// peerOf is the address that a request comes from, without its port.
func peerOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
