package workers

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows"
)

// notActivities are the structs of package activities whose methods take a context
// and are called by the control worker or by activities themselves.
var notActivities = []string{"Courier", "Keeper", "Reaper", "Watch", "Market"}

// functions calls see with every exported function and method of a package's sources.
func functions(t *testing.T, dir string, see func(receiver string, f *ast.FuncDecl)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() {
				see(receiver(f), f)
			}
		}
	}
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	return t.(*ast.Ident).Name
}

// takes reports whether the first parameter is of type pkg.name.
func takes(f *ast.FuncDecl, pkg, name string) bool {
	if f.Type.Params.NumFields() == 0 {
		return false
	}
	s, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg && s.Sel.Name == name
}

func options() ControlOptions {
	store := activitytest.NewStore()
	return ControlOptions{
		Client: struct{ client.Client }{}, Namespace: "default", Fleet: "f", Control: store, Data: store,
		Poster:    activitytest.NewReceiver(),
		Providers: activities.Providers{"memory": activitytest.NewProvider()},
		Accounts:  []fleet.Account{"local"}, Build: "b", Log: zap.NewNop(),
		Env:   func(fleet.CrawlerInput) map[string]string { return nil },
		Token: func(fleet.CrawlerInput) fleet.Secret { return "" },
	}
}

func TestRegistry_EveryActivityIsRegisteredUnderItsName(t *testing.T) {
	t.Parallel()
	registered := Activities()
	written := []string{}
	functions(t, "../activities", func(receiver string, f *ast.FuncDecl) {
		if receiver == "" || !ast.IsExported(receiver) || !takes(f, "context", "Context") ||
			slices.Contains(notActivities, receiver) || receiver == "Container" && f.Name.Name == "Watch" {
			return
		}
		written = append(written, f.Name.Name)
	})
	slices.Sort(registered)
	slices.Sort(written)
	require.Equal(t, written, registered, "methods of activities, and what is registered")
}

type workflowNames struct {
	worker.WorkflowRegistry
	all []string
}

func (n *workflowNames) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	n.all = append(n.all, o.Name)
}

func TestRegistry_EveryWorkflowIsRegisteredUnderItsName(t *testing.T) {
	t.Parallel()
	var registered workflowNames
	workflows.Register(&registered)
	written := []string{}
	functions(t, "../workflows", func(receiver string, f *ast.FuncDecl) {
		if receiver == "" && takes(f, "workflow", "Context") {
			written = append(written, f.Name.Name)
		}
	})
	require.ElementsMatch(t, written, registered.all)
}

func TestControlOptions_NameWhatIsMissing(t *testing.T) {
	t.Parallel()
	require.NoError(t, options().Validate())
	o := options()
	o.Token = nil
	_, err := NewControl(o)
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	require.ErrorContains(t, err, "Token")
}

func TestNewCrawler_RefusesWhatCannotServe(t *testing.T) {
	t.Parallel()
	hello := func(context.Context) error { return nil }
	good := CrawlerOptions{
		Client: struct{ client.Client }{}, GUID: activitytest.GUID(1), Slots: 1, Build: "b",
		Hello: hello, Serve: hello, Crawl: hello,
	}
	for name, spoil := range map[string]func(*CrawlerOptions){
		"no slots": func(o *CrawlerOptions) { o.Slots = 0 },
		"no GUID":  func(o *CrawlerOptions) { o.GUID = "" },
		"no build": func(o *CrawlerOptions) { o.Build = "" },
		"no crawl": func(o *CrawlerOptions) { o.Crawl = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := good
			spoil(&o)
			_, err := NewCrawler(o)
			require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
		})
	}
}

func TestCrawler_HasOneSlotForItsLivenessAndOnePerLease(t *testing.T) {
	t.Parallel()
	var o CrawlerOptions
	ctl, crawl := o.queue(1, ctlStop), o.queue(16, ctlStop)
	require.Equal(t, 1, ctl.MaxConcurrentActivityExecutionSize)
	require.Equal(t, 1, ctl.MaxConcurrentActivityTaskPollers)
	require.Equal(t, 16, crawl.MaxConcurrentActivityExecutionSize)
	require.True(t, crawl.DisableWorkflowWorker)
	require.Equal(t, heartbeatThrottle, crawl.MaxHeartbeatThrottleInterval)
}
