package workflows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// states are where a workflow in each state of its noun is recorded: open where it waits
// there, closed where it has ended in it.
var states = map[string]map[string]string{
	"TicketState": {
		"waiting": "ticket-waiting", "running": "ticket-running",
		"closing": "ticket-closing", "ended": "ticket-warm",
	},
	"TenantState": {
		"provisioning": "tenant-provisioning", "ready": "tenant-ready",
		"suspended": "tenant-suspended", "failed": "tenant-failed",
		"deleting": "tenant-deleting", "deleted": "tenant-proven",
	},
	"CrawlerState": {
		"reserved": "crawler-reserved", "starting": "crawler-starting",
		"serving": "crawler-serving", "draining": "crawler-draining",
		"retired": "crawler-retired", "gone": "crawler-idle",
	},
	"DeliveryState": {
		"pending": "delivery-pending", "delivered": "delivery-delivered",
		"set_aside": "delivery-set-aside",
	},
}

// final are the states in which a workflow has ended.
var final = map[string]bool{
	"ended": true, "failed": true, "deleted": true, "gone": true, "delivered": true, "set_aside": true,
}

// more are ways of being in a state, by name; true is open.
var more = map[string]bool{
	"ticket-paused": true, "ticket-scheduled": true, "ticket-moved": false, "ticket-limited": false,
	"tenant-resumed": true, "conductor-waiting": true, "conductor-start": false,
	"crawler-drained-twice": false,
}

// changes are the histories from before and after each change that GetVersion names.
var changes = map[string][2]string{
	"long drain": {"crawler-drained", "crawler-drained-twice"},
	"deletion":   {"tenant-deleted", "tenant-proven"},
}

func history(t *testing.T, name string) *historypb.History {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "histories", name+".json"))
	require.NoError(t, err, "record it: go run ./internal/record -missing")
	defer f.Close()
	h, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return h
}

func isOpen(h *historypb.History) bool {
	last := h.GetEvents()[len(h.GetEvents())-1].GetEventType().String()
	return !strings.HasPrefix(last, "WorkflowExecution") ||
		strings.Contains(last, "Signaled") || strings.Contains(last, "Update")
}

// values are the constants of a type of package fleet.
func values(t *testing.T, typ string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "fleet", "*.go"))
	require.NoError(t, err)
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 {
				return true
			}
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == typ {
				text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				all = append(all, text)
			}
			return true
		})
	}
	return all
}

func TestCorpus_EveryStateIsRecorded(t *testing.T) {
	t.Parallel()
	for typ, files := range states {
		recorded := []string{}
		for state, name := range files {
			require.Equal(t, !final[state], isOpen(history(t, name)), name)
			recorded = append(recorded, state)
		}
		require.ElementsMatch(t, values(t, typ), recorded, typ)
	}
	for name, open := range more {
		require.Equal(t, open, isOpen(history(t, name)), name)
	}
}

func TestCorpus_BothBranchesOfEveryChangeAreRecorded(t *testing.T) {
	t.Parallel()
	var named []string
	for _, name := range []string{"versions.go", "tenant_delete.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if ok && strings.HasPrefix(v.Names[0].Name, "change") {
				text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				named = append(named, text)
			}
			return true
		})
	}
	recorded := []string{}
	for change, files := range changes {
		require.False(t, marked(history(t, files[0]), change), files[0])
		require.True(t, marked(history(t, files[1]), change), files[1])
		recorded = append(recorded, change)
	}
	require.ElementsMatch(t, named, recorded)
}

// marked reports whether a history has the marker of a change.
func marked(h *historypb.History, change string) bool {
	for _, e := range h.GetEvents() {
		if e.GetEventType() != enumspb.EVENT_TYPE_MARKER_RECORDED {
			continue
		}
		m := e.GetMarkerRecordedEventAttributes()
		for _, p := range m.GetDetails()["change-id"].GetPayloads() {
			if m.GetMarkerName() == "Version" && string(p.GetData()) == strconv.Quote(change) {
				return true
			}
		}
	}
	return false
}

// continued are, by the workflows that continue as new, a run that ended so and the run
// that went on.
var continued = map[string][2]string{
	"TicketWorkflow":    {"ticket-continues", "ticket-continued"},
	"TenantWorkflow":    {"tenant-continues", "tenant-continued"},
	"ConductorWorkflow": {"conductor-continues", "conductor-continued"},
}

func TestCorpus_BothSidesOfEveryContinueAsNewAreRecorded(t *testing.T) {
	t.Parallel()
	recorded := []string{}
	for workflow, files := range continued {
		before, after := history(t, files[0]), history(t, files[1])
		last := before.GetEvents()[len(before.GetEvents())-1]
		require.Equal(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, last.GetEventType(), files[0])
		first := after.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
		require.NotEmpty(t, first.GetContinuedExecutionRunId(), files[1])
		require.Equal(t, workflow, first.GetWorkflowType().GetName()+"Workflow", files[1])
		recorded = append(recorded, workflow)
	}
	require.ElementsMatch(t, continuing(t), recorded)
}

// continuing are the names of the workflows that the code continues as new.
func continuing(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "NewContinueAsNewError" {
				names = append(names, call.Args[1].(*ast.SelectorExpr).Sel.Name)
			}
			return true
		})
	}
	return names
}
