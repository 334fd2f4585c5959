package dataplane

import (
	"net/http"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// statuses is the one table of codes and HTTP statuses. A crawler decides by the code;
// the status is for what stands between, and for people.
func statuses() map[fleet.Code]int {
	return map[fleet.Code]int{
		fleet.CodeInvalid:        http.StatusBadRequest,
		fleet.CodeUnknownField:   http.StatusBadRequest,
		fleet.CodeForbidden:      http.StatusForbidden,
		fleet.CodeNotFound:       http.StatusNotFound,
		fleet.CodeConflict:       http.StatusConflict,
		fleet.CodeFenced:         http.StatusConflict,
		fleet.CodeTenantNotReady: http.StatusConflict,
		fleet.CodeCrawlerLost:    http.StatusConflict,
		fleet.CodeDraining:       http.StatusConflict,
		fleet.CodeSessionLost:    http.StatusConflict,
		fleet.CodeVersion:        http.StatusConflict,
		fleet.CodeContract:       http.StatusUpgradeRequired,
		fleet.CodeUnreachable:    http.StatusUnprocessableEntity,
		fleet.CodeBlocked:        http.StatusUnprocessableEntity,
		fleet.CodeQuota:          http.StatusTooManyRequests,
		fleet.CodeInternal:       http.StatusInternalServerError,
		fleet.CodeCapacity:       http.StatusServiceUnavailable,
		fleet.CodeBusy:           http.StatusServiceUnavailable,
		fleet.CodeUnavailable:    http.StatusServiceUnavailable,
		fleet.CodeTimeout:        http.StatusGatewayTimeout,
	}
}

// Status gives the HTTP status of a code; one that is not known is a defect: 500.
func Status(c fleet.Code) int {
	if s, ok := statuses()[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}
