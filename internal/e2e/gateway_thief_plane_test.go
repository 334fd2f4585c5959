package e2e

import (
	"io"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// everyOtherRow asks the data plane for what is the other tenant's.
func (h *heist) everyOtherRow() {
	lease := h.other.Leased()
	for name, claim := range map[string]fleet.ClaimRequest{
		"their ticket":                   {Tenant: h.theirs.Tenant, Ticket: h.other.Name, GUID: h.theirs.GUID, Epoch: lease.Epoch},
		"their ticket, my guid":          {Tenant: h.theirs.Tenant, Ticket: h.other.Name, GUID: h.mine.GUID, Epoch: lease.Epoch},
		"my tenant, their guid":          {Tenant: h.mine.Tenant, Ticket: h.other.Name, GUID: h.theirs.GUID, Epoch: lease.Epoch},
		"my tenant's ticket, their guid": {Tenant: h.mine.Tenant, Ticket: h.ticket.Name, GUID: h.theirs.GUID, Epoch: lease.Epoch},
	} {
		code, e := h.post(fleet.PathClaim, claim, nil)
		require.Equal(h.t, http.StatusForbidden, code, "%s: %+v", name, e)
		code, e = h.post(fleet.PathExchange, fleet.ExchangeRequest{
			Tenant: claim.Tenant, Ticket: claim.Ticket, GUID: claim.GUID, Fence: claim.Epoch, Seq: 1, Want: 10,
		}, nil)
		require.Equal(h.t, http.StatusForbidden, code, "%s: %+v", name, e)
	}
	code, e := h.post(fleet.PathClaim, fleet.ClaimRequest{
		Tenant: h.mine.Tenant, Ticket: h.other.Name, GUID: h.mine.GUID, Epoch: lease.Epoch,
	}, nil)
	require.Equal(h.t, fleet.CodeNotFound, e.Code, "%d %+v", code, e)

	var seen fleet.EchoAnswer
	code, _ = h.post(fleet.PathEcho, struct{}{}, &seen,
		fleet.HeaderPeer+": 203.0.113.9", "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9")
	require.Equal(h.t, http.StatusOK, code)
	require.Equal(h.t, loopback, seen.Address, "it comes from where it comes from")
}

func (h *heist) tooLarge() {
	token := h.Maker(h.t).Seal(h.mine, h.rawToken(), time.Now().Add(time.Hour))
	result := func(bytes int) *workflowservice.RespondActivityTaskCompletedRequest {
		return &workflowservice.RespondActivityTaskCompletedRequest{
			Namespace: "default", TaskToken: token,
			Result: &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: make([]byte, bytes)}}},
		}
	}
	h.refused(codes.InvalidArgument, "RespondActivityTaskCompleted", result(300<<10))
	h.refused(codes.ResourceExhausted, "RespondActivityTaskCompleted", result(2<<20))
	code, e := h.send(fleet.PathExchange, &endless{left: 65 << 20}, nil)
	require.Equal(h.t, fleet.CodeInvalid, e.Code, "%d %+v", code, e)
}

// endless is a body of no known length.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	e.left -= n
	return n, nil
}
