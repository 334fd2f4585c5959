package e2e

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// theTokenAgain uses the bootstrap token that the crawler has used.
func (h *heist) theTokenAgain() {
	maker := h.Maker(h.t)
	for name, token := range map[string]fleet.Secret{
		"mine": maker.Bootstrap(h.mine), "theirs": maker.Bootstrap(h.theirs),
		"of nobody":         maker.Bootstrap(fleet.CrawlerRef{Tenant: h.mine.Tenant, GUID: "0b1d5e3c-0000-4000-8000-00000000ffff"}),
		"of theirs as mine": maker.Bootstrap(fleet.CrawlerRef{Tenant: h.mine.Tenant, GUID: h.theirs.GUID}),
		"of another fleet":  "cfb1.acme.0b1d5e3c-0000-4000-8000-00000000ffff.AAAA",
	} {
		v := *h.Visitor
		v.bearer = token
		code, e := v.post(fleet.PathBootstrap, fleet.BootstrapRequest{Nonce: "the nonce of a thief"}, nil)
		require.Equal(h.t, http.StatusForbidden, code, "%s: %+v", name, e)
	}
	v := *h.Visitor
	v.bearer = maker.Bootstrap(h.mine)
	code, _ := v.post(fleet.PathBootstrap, fleet.BootstrapRequest{}, nil)
	require.Equal(h.t, http.StatusBadRequest, code, "without a nonce")
}

// otherCredentials shows what is none, is no more, or is for something else.
func (h *heist) otherCredentials() {
	maker := h.Maker(h.t)
	good := h.bearer.Reveal()
	for name, bearer := range map[string]fleet.Secret{
		"none": "", "words": "let me in", "altered": fleet.Secret(good[:len(good)-1]),
		"of another":   fleet.Secret(strings.Replace(good, string(h.mine.GUID), string(h.theirs.GUID), 1)),
		"bootstrap":    maker.Bootstrap(h.mine),
		"the gateways": maker.Gateway(h.theirs),
	} {
		v := *h.Visitor
		v.bearer = bearer
		code, e := v.post(fleet.PathEcho, struct{}{}, nil)
		require.Equal(h.t, http.StatusForbidden, code, "%s: %+v", name, e)
		err := v.call(h.t.Context(), workflowService+"GetSystemInfo", &workflowservice.GetSystemInfoRequest{},
			&workflowservice.GetSystemInfoResponse{})
		require.Equal(h.t, codes.PermissionDenied, status.Code(err), "%s: %v", name, err)
	}
	v := *h.Visitor
	v.bearer = maker.Short(h.mine, time.Now().Add(-time.Second))
	code, e := v.post(fleet.PathRenew, struct{}{}, nil)
	require.Equal(h.t, http.StatusUnauthorized, code, "expired: %+v", e)
	require.Equal(h.t, "expired", e.Field)
	err := v.call(h.t.Context(), workflowService+"GetSystemInfo", &workflowservice.GetSystemInfoRequest{},
		&workflowservice.GetSystemInfoResponse{})
	require.Equal(h.t, codes.Unauthenticated, status.Code(err), "expired: %v", err)
}

// flood asks as fast as it can, with many at a time.
func (h *heist) flood() {
	var refused, answered atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 400 {
				err := h.call(h.t.Context(), workflowService+"DescribeNamespace",
					&workflowservice.DescribeNamespaceRequest{}, &workflowservice.DescribeNamespaceResponse{})
				switch status.Code(err) {
				case codes.OK:
					answered.Add(1)
				case codes.ResourceExhausted:
					refused.Add(1)
				default:
					h.t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.Positive(h.t, refused.Load())
	require.Positive(h.t, answered.Load())
}
