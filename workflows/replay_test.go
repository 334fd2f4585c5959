package workflows_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows"
)

// names collects what is registered.
type names struct {
	worker.WorkflowRegistry
	all []string
}

func (n *names) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	n.all = append(n.all, o.Name)
}

func histories(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no recorded history: make record")
	return files
}

// kind is the workflow type that a history is of.
func kind(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	h, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
}

func TestReplay_EveryRecordedHistory(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			r := worker.NewWorkflowReplayer()
			workflows.Register(r)
			require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(quiet{}, file))
		})
	}
}

func TestReplay_EveryRegisteredWorkflowHasAHistory(t *testing.T) {
	t.Parallel()
	var registered names
	workflows.Register(&registered)
	recorded := map[string]bool{}
	for _, file := range histories(t) {
		recorded[kind(t, file)] = true
	}
	for _, name := range registered.all {
		require.True(t, recorded[name], "no history of %s: make record", name)
	}
}

func TestReplay_AnIncompatibleChangeFails(t *testing.T) {
	t.Parallel()
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(
		func(ctx workflow.Context, document json.RawMessage) (fleet.TicketResult, error) {
			// What nobody may do without a version: something new before the first step.
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return fleet.TicketResult{}, err
			}
			var result fleet.TicketResult
			return result, workflow.ExecuteActivity(workflow.WithActivityOptions(ctx,
				workflow.ActivityOptions{StartToCloseTimeout: time.Minute}), "Crawl", document).Get(ctx, &result)
		}, workflow.RegisterOptions{Name: fleet.TicketWorkflow})
	err := r.ReplayWorkflowHistoryFromJSONFile(quiet{}, filepath.Join("testdata", "histories", "ticket-warm.json"))
	require.ErrorContains(t, err, "TMPRL1100", "the SDK's code for what is not deterministic")
}

// quiet drops the replayer's log: it prints a stack where it is to fail.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
