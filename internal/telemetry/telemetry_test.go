package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/telemetry"
)

func TestNewLogger_WritesJSONOutsideATerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l, err := telemetry.NewLogger(&b, telemetry.LogOptions{Level: "info", Format: "auto"})
	require.NoError(t, err)
	l.Debug("unseen")
	l.Info("seen", zap.Duration("took", time.Second), zap.Any("token", fleet.Secret("hunter2")))
	var entry map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &entry))
	require.Equal(t, "seen", entry["msg"])
	require.Equal(t, "1s", entry["took"])
	require.NotContains(t, b.String(), "hunter2")
}

func TestNewLogger_ConsoleIsForPeople(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l, err := telemetry.NewLogger(&b, telemetry.LogOptions{Level: "debug", Format: "console"})
	require.NoError(t, err)
	l.Warn("look")
	require.Contains(t, b.String(), "WARN\tlook\n")
	require.NotContains(t, b.String(), "\x1b")
}

func TestNewLogger_RefusesUnknownLevelAndFormat(t *testing.T) {
	t.Parallel()
	_, err := telemetry.NewLogger(io.Discard, telemetry.LogOptions{Level: "loud", Format: "json"})
	require.ErrorContains(t, err, "loud")
	_, err = telemetry.NewLogger(io.Discard, telemetry.LogOptions{Level: "info", Format: "xml"})
	require.ErrorContains(t, err, "xml")
}

func TestSDKLogger_KeepsFields(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l, err := telemetry.NewLogger(&b, telemetry.LogOptions{Level: "info", Format: "json"})
	require.NoError(t, err)
	sdk := log.With(telemetry.SDKLogger(l), "WorkflowID", "ticket/a/1")
	sdk.Error("broken", "Attempt", 2)
	var entry map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &entry))
	require.Equal(t, "ticket/a/1", entry["WorkflowID"])
	require.EqualValues(t, 2, entry["Attempt"])
}

func TestHandler_ReadyFollowsTheProgram(t *testing.T) {
	t.Parallel()
	var fault error
	h := telemetry.NewHandler(func(context.Context) error { return fault }, telemetry.NewRegistry())
	require.Equal(t, http.StatusOK, get(h, "/readyz").Code)
	fault = errors.New("store: locked")
	got := get(h, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, got.Code)
	require.Equal(t, "store: locked\n", got.Body.String())
	require.Equal(t, http.StatusOK, get(h, "/livez").Code)
	require.Contains(t, get(h, "/metrics").Body.String(), "go_goroutines")
}

func TestSDKMetrics_CarryNoQueueAndNoUnboundedLabel(t *testing.T) {
	t.Parallel()
	r := telemetry.NewRegistry()
	m := telemetry.SDKMetrics(r).WithTags(map[string]string{
		"task_queue": "5b8c6d2e-guid", "namespace": "default", "tenant": "acme",
		"worker_type": "ActivityWorker", "operation": "PollActivity",
	})
	m.Counter("temporal_request").Inc(2)
	m.WithTags(map[string]string{"operation": "Start"}).Counter("temporal_request").Inc(1)
	m.Gauge("temporal_num_pollers").Update(3)
	m.Timer("temporal_request_latency").Record(3 * time.Millisecond)
	m.Gauge("temporal_request_total").Update(1) // another kind under a used name does no harm

	text := get(telemetry.NewHandler(nil, r), "/metrics").Body.String()
	require.Contains(t, text, `operation="PollActivity",poller_type="",status_code="",worker_type="ActivityWorker",workflow_type=""} 2`)
	require.Contains(t, text, `temporal_num_pollers{`)
	require.Contains(t, text, `temporal_request_latency_seconds_bucket{`)
	for _, not := range []string{"guid", "acme", "tenant", "task_queue"} {
		require.NotContains(t, text, not)
	}
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}
