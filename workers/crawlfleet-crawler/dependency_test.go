package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// strangers begin the import paths that a container must not carry: what reaches a
// database, starts a machine, serves Temporal, or belongs to the control side. (The bare
// database/sql comes with the Prometheus collectors, and reaches nothing; the workflows come
// with package workers.)
var strangers = []string{
	"modernc.org/", "github.com/jackc/", "github.com/mattn/go-sqlite3", "github.com/lib/pq",
	"github.com/pressly/goose",
	"github.com/aws/", "cloud.google.com/", "github.com/Azure/", "github.com/digitalocean/",
	"github.com/linode/",
	"k8s.io/", "github.com/hashicorp/nomad", "github.com/moby/", "github.com/docker/", "gocloud.dev",
	"go.temporal.io/server", "github.com/temporalio/ui-server", "go.temporal.io/sdk/testsuite",
	"github.com/spf13/cobra",
	"github.com/crawlfleet/crawlfleet/internal/store", "github.com/crawlfleet/crawlfleet/internal/dataplane",
	"github.com/crawlfleet/crawlfleet/providers", "github.com/crawlfleet/crawlfleet/starter",
}

func TestProgram_CarriesNoDriverNoCloudAndNoServer(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(out))
	require.Contains(t, packages, "github.com/crawlfleet/crawlfleet/crawler", "the list is of this program")
	for _, p := range packages {
		for _, s := range strangers {
			require.False(t, p == s || strings.HasPrefix(p, strings.TrimSuffix(s, "/")+"/"), "%s is linked", p)
		}
	}
}
