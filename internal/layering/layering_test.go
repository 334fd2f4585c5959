package layering_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/crawlfleet/crawlfleet/"

// room is one row of the table: which packages it is, and what of ours, and of
// the parts that only some rooms may touch, it may import.
type room struct {
	prefix string   // package path below the module
	may    []string // prefixes below the module, "*" for everything
	never  []string // import paths of others
}

// temporal, drivers and the Temporal server are what the rooms are kept apart from.
var (
	temporal = []string{"go.temporal.io/"}
	drivers  = []string{"modernc.org/sqlite", "github.com/jackc/pgx", "database/sql"}
	server   = []string{"go.temporal.io/server", "github.com/temporalio/ui-server"}
)

// rooms is in order of specificity: the first prefix that fits a package counts.
func rooms() []room {
	return []room{
		{"fleet", nil, append(temporal, drivers...)},
		{"workflows/plan", []string{"fleet"}, append(temporal, drivers...)},
		{"workflows", []string{"fleet", "activities"}, drivers},
		{"activities", []string{"fleet"}, drivers},
		{"providers/providertest", []string{"fleet"}, append(temporal, drivers...)},
		{"providers/", []string{"fleet", "providers/providertest"}, append(temporal, drivers...)},
		{"providers", []string{"fleet"}, append(temporal, drivers...)},
		{"crawler", []string{"fleet", "crawler", "internal/guard"}, append(temporal, drivers...)},
		{"workers/crawlfleet-crawler", []string{
			"fleet", "workers", "activities", "crawler", "internal/client",
			"internal/telemetry", "internal/config", "internal/crashpoint", "internal/guard",
		}, append(drivers, server...)},
		{"workers", []string{"fleet", "workflows", "activities"}, drivers},
		{"internal/store", []string{"fleet", "workflows/plan", "internal/store"}, temporal},
		{"internal/client", []string{"fleet"}, drivers},
		{"internal/dataplane", []string{"fleet", "internal/store", "internal/credential"}, temporal},
		{"internal/credential", []string{"fleet"}, append(temporal, drivers...)},
		// It speaks to Temporal for crawlers, with the client that our programs have.
		{"internal/gateway", []string{"fleet", "internal/credential", "internal/client"}, append(drivers, server...)},
		{"internal/browser", nil, append(temporal, drivers...)},
		{"internal/web", []string{"fleet", "internal/client", "internal/flat"}, drivers},
		{"internal/flat", []string{"fleet"}, append(temporal, drivers...)},
		{"internal/crashpoint", []string{"fleet"}, append(drivers, server...)},
		{"internal/config", []string{"fleet"}, append(temporal, drivers...)},
		{"internal/telemetry", []string{"fleet"}, drivers},
		{"internal/guard", []string{"fleet"}, append(temporal, drivers...)},
		{"internal/webhook", []string{"fleet", "internal/guard"}, append(temporal, drivers...)},
		{"internal/sample", []string{"fleet"}, append(temporal, drivers...)},
		{"internal/devserver", []string{"fleet"}, append(temporal, drivers...)},
		{"nomad-jobs", nil, append(temporal, drivers...)},
		{"internal/nomadagent", []string{"fleet"}, append(temporal, drivers...)},
		{"internal/backup", []string{"fleet", "internal/config", "internal/store"}, temporal},
		// Its command is beside it; the programs that it packs it does not link.
		{"internal/image", []string{"fleet"}, append(temporal, drivers...)},
		{"internal/layering", nil, nil},
		{"internal/record", []string{"*"}, server},
		{"internal/screenshots", []string{"*"}, server},
		{"internal/e2e", []string{"*"}, server},
		{"starter/", []string{"*"}, server},
	}
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImports_RunOneWay(t *testing.T) {
	t.Parallel()
	packages := list(t)
	require.NotEmpty(t, packages)
	used := map[string]bool{}
	for _, p := range packages {
		path := strings.TrimPrefix(p.ImportPath, module)
		r, ok := roomOf(path)
		if !ok {
			t.Errorf("%s: is in no room of the table", path)
			continue
		}
		used[r.prefix] = true
		for _, imp := range p.Imports {
			if why := r.refuses(path, imp); why != "" {
				t.Errorf("%s imports %s: %s", path, imp, why)
			}
		}
	}
	require.Greater(t, len(used), 10, "the table no longer fits the tree")
}

func (r room) refuses(path, imp string) string {
	for _, n := range r.never {
		if strings.HasPrefix(imp, n) {
			return "this room never imports it"
		}
	}
	ours, is := strings.CutPrefix(imp, module)
	if !is || within(ours, path) || within(ours, strings.TrimSuffix(r.prefix, "/")) && r.prefix != "providers/" {
		return ""
	}
	for _, m := range r.may {
		if m == "*" && !strings.HasPrefix(ours, "starter/") || within(ours, m) {
			return ""
		}
	}
	return "not in its row of the table"
}

func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func roomOf(path string) (room, bool) {
	for _, r := range rooms() {
		if strings.HasSuffix(r.prefix, "/") && strings.HasPrefix(path, r.prefix) || within(path, r.prefix) {
			return r, true
		}
	}
	return room{}, false
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
}
