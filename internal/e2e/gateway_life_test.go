package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// A crawl that is longer than many credentials never notices, and an honest crawler is
// refused nothing in its whole life.
func TestGateway_CredentialsAreRenewed(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Gateway: true, Settings: map[string]string{"gateway-lasts": "4s"}})
	s := site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	k := a.Submit(maze(s, 60, 200*time.Millisecond))
	require.EqualValues(t, 60, k.End().Counters.Fetched)
	crawlers := a.Crawlers(true)
	require.Len(t, crawlers, 1)
	require.GreaterOrEqual(t, f.GatewayCounts(t, "crawlfleet_gateway_requests_total", "call")[fleet.PathRenew], 4)
	a.AwaitNoCrawlers()
	for kind, n := range f.GatewayCounts(t, "crawlfleet_gateway_refusals_total", "kind") {
		if kind != "gone" { // its last words come when its row is closed
			require.Zero(t, n, kind)
		}
	}

	// What was good is refused soon after its crawler is gone, however long it lasts.
	late := f.Visit(t, f.Maker(t).Short(fleet.CrawlerRef{Tenant: a.ID, GUID: crawlers[0].GUID}, time.Now().Add(time.Hour)))
	Await(t, "the credential of a crawler that is gone to be refused", func() (bool, string) {
		code, e := late.post(fleet.PathEcho, struct{}{}, nil)
		return code == http.StatusForbidden, fmt.Sprint(code, e)
	})
	code, _ := late.post(fleet.PathRenew, struct{}{}, nil)
	require.Equal(t, http.StatusForbidden, code)
	late.bearer = f.Maker(t).Bootstrap(fleet.CrawlerRef{Tenant: a.ID, GUID: crawlers[0].GUID})
	code, _ = late.post(fleet.PathBootstrap, fleet.BootstrapRequest{Nonce: "the nonce of somebody late"}, nil)
	require.Equal(t, http.StatusForbidden, code)
}

// With keys, what a crawler says is encrypted in the history, and it has no key itself.
func TestGateway_HistoryStaysEncrypted(t *testing.T) {
	t.Parallel()
	const keys = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	f := own(t, Options{Gateway: true, Settings: map[string]string{"codec-keys": keys}})
	s := site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{})
	k := a.Submit(page(s.ShopURL("/")))
	k.Done()
	failing := a.Submit(page("http://127.0.0.1:1/"))
	require.Equal(t, fleet.OutcomeFailed, failing.End().Outcome)

	crawler := a.Crawlers(true)[0]
	histories := map[string]string{
		"ticket": k.WorkflowID, "failed ticket": failing.WorkflowID,
		"crawler": fleet.CrawlerWorkflowID(a.ID, crawler.GUID),
	}
	for name, id := range histories {
		encrypted := 0
		events := f.Client.Temporal().GetWorkflowHistory(t.Context(), id, "", false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			require.NoError(t, err)
			for _, p := range append(e.GetActivityTaskScheduledEventAttributes().GetInput().GetPayloads(),
				e.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads()...) {
				require.Equal(t, "binary/encrypted", string(p.GetMetadata()["encoding"]), "%s: %v", name, e.GetEventType())
				encrypted++
			}
			if f := e.GetActivityTaskFailedEventAttributes().GetFailure(); f != nil {
				require.NotNil(t, f.GetEncodedAttributes(), "%s: %s", name, f.GetMessage())
				require.Empty(t, f.GetStackTrace())
				encrypted++
			}
			if e.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED {
				b, err := protojson.Marshal(e)
				require.NoError(t, err)
				require.NotContains(t, string(b), "127.0.0.1:1")
			}
		}
		require.Positive(t, encrypted, name)
	}

	held := a.Submit(hold(holding(t)))
	guid := held.Leased().GUID
	for _, p := range held.Processes() {
		if p.GUID != guid {
			continue
		}
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID))
		require.NoError(t, err)
		for v := range strings.SplitSeq(string(env), "\x00") {
			require.False(t, strings.HasPrefix(v, "TEMPORAL_") || strings.HasPrefix(v, fleet.EnvDataPlane+"=") ||
				strings.HasPrefix(v, fleet.EnvCodecKeys+"="), "a crawler is given %s", v)
		}
		require.Contains(t, string(env), fleet.EnvGateway+"=https://"+f.Gateway)
	}
}

// The programs say how they are as the others do.
func TestGateway_TellsHowItIs(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Gateway: true})
	get := func(path string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+f.GatewayHealth+path, http.NoBody)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode, res.Status
	}
	code, _ := get("/livez")
	require.Equal(t, http.StatusOK, code)
	code, why := get("/readyz")
	require.Equal(t, http.StatusOK, code, why)
	f.Worker.Kill()
	code, _ = get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code, "nobody can come in")
	code, _ = get("/livez")
	require.Equal(t, http.StatusOK, code)
	require.NoError(t, f.StartWorker())
	said := f.Crawlfleet(t, "", "gateway", "--gateway-listen", f.Gateway, "--gateway-http", "", "-o", "json")
	require.NotZero(t, said.Exit)
	var e fleet.Error
	lines := strings.Split(strings.TrimSpace(said.Errors), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &e), said.Errors)
	require.Equal(t, fleet.CodeBusy, e.Code)
	require.Contains(t, e.Hint+e.Message+e.Want, "--gateway-listen")
}
