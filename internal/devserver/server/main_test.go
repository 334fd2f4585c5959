package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/headers"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// startTimeout is generous: a start takes a third of a second on an idle machine.
const startTimeout = time.Minute

// program is a run of the whole program inside the test.
type program struct {
	line     readyLine
	lifeline io.Closer // the supervisor's end
	code     chan int
	log      *bytes.Buffer // read it after the end only
}

func noEnv(string) (string, bool) { return "", false }

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	stdin, lifeline := io.Pipe()
	out, stdout := io.Pipe()
	p := &program{lifeline: lifeline, code: make(chan int, 1), log: &bytes.Buffer{}}
	args = append([]string{"--lifeline", "--port", "0", "--ui-port", "0"}, args...)
	go func() {
		p.code <- run(context.Background(), args, noEnv, stdin, stdout, p.log)
		_ = stdout.Close()
	}()
	t.Cleanup(func() { _ = lifeline.Close() })
	require.NoError(t, json.NewDecoder(out).Decode(&p.line))
	require.True(t, p.line.Ready, "log: %s", p.log)
	return p
}

func (p *program) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.lifeline.Close())
	select {
	case code := <-p.code:
		require.Equal(t, exitDone, code)
	case <-time.After(startTimeout):
		require.Fail(t, "the server does not stop")
	}
}

func frontend(t *testing.T, address string) workflowservice.WorkflowServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return workflowservice.NewWorkflowServiceClient(conn)
}

func TestRun_ServesAndKeepsItsStateAcrossARestart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*startTimeout)
	defer cancel()
	args := []string{
		"--data-dir", t.TempDir(), "--namespace", "fleet", "--retention", "2h",
		"--search-attribute", "CrawlTenant=Keyword",
	}

	first := startProgram(t, args...)
	require.Equal(t, headers.ServerVersion, first.line.Version)
	resp, err := http.Get(first.line.UI)
	require.NoError(t, err)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, string(page), "<html")

	ns, err := frontend(t, first.line.Address).DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: "fleet"})
	require.NoError(t, err)
	require.Equal(t, 2*time.Hour, ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	require.Equal(t, map[string]string{"Keyword01": "CrawlTenant"},
		ns.GetConfig().GetCustomSearchAttributeAliases())
	startWorkflow(t, ctx, first.line.Address)
	first.stop(t)

	second := startProgram(t, args...)
	described, err := frontend(t, second.line.Address).DescribeWorkflowExecution(ctx, describe())
	require.NoError(t, err)
	require.Equal(t, "Survivor", described.GetWorkflowExecutionInfo().GetType().GetName())
	list, err := frontend(t, second.line.Address).ListWorkflowExecutions(ctx,
		&workflowservice.ListWorkflowExecutionsRequest{
			Namespace: "fleet", Query: `CrawlTenant = "t1"`,
		})
	require.NoError(t, err)
	require.Len(t, list.GetExecutions(), 1)
	second.stop(t)
}

func TestRun_NamesTheFlagOfATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)

	for flag, args := range map[string][]string{
		"--port":      {"--port", port, "--ui-port", "0"},
		"--ui-port":   {"--port", "0", "--ui-port", port},
		"--http-port": {"--port", "0", "--ui-port", "-1", "--http-port", port},
	} {
		var stdout, stderr bytes.Buffer
		args = append(args, "--data-dir", t.TempDir())
		code := run(t.Context(), args, noEnv, nil, &stdout, &stderr)
		require.Equal(t, exitError, code)
		var line failedLine
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &line))
		require.Equal(t, failedLine{
			Code: codeBusy, Flag: flag, Error: "127.0.0.1:" + port + " is in use",
		}, line)
	}
}

func TestRun_WrongFlagsAreUsage(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitUsage, run(t.Context(), nil, noEnv, nil, &stdout, &stderr))
	require.JSONEq(t,
		`{"ready":false,"code":"invalid","flag":"--data-dir","error":"is required"}`, stdout.String())
}

func TestAwait_LeavesAServerThatDoesNotStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begin := time.Now()
	require.NoError(t, await(ctx, make(chan error), zap.NewNop()))
	require.GreaterOrEqual(t, time.Since(begin), stopWithin)
}

func TestLogger_FatalSaysWhyBeforeItExits(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := -1
	logger := newLogger(&stderr, zap.WarnLevel, &report{w: &stdout}, func(c int) { code = c })
	logger.Fatal("unable to listen", zap.Error(io.ErrUnexpectedEOF))
	require.Equal(t, exitError, code)
	require.JSONEq(t, `{"ready":false,"code":"internal","error":"unable to listen: unexpected EOF"}`,
		stdout.String())
	require.Contains(t, stderr.String(), "unable to listen")
}
