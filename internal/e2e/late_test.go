package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// token is the credential of a crawler, as the fleet makes it.
func (a *Tenant) token(g fleet.GUID) fleet.Secret {
	a.t.Helper()
	dir, err := config.ReadDir(a.DataDir(), config.Release{})
	require.NoError(a.t, err)
	secret, err := dir.Secret()
	require.NoError(a.t, err)
	return dataplane.Token(secret, fleet.Key{Fleet: dir.Stamp.Fleet, Tenant: a.ID, GUID: g})
}

// late starts a container by hand, with everything that it needs but a workflow.
func (a *Tenant) late(g fleet.GUID, budget string) *Process {
	a.t.Helper()
	dir, err := config.ReadDir(a.DataDir(), config.Release{})
	require.NoError(a.t, err)
	env := []string{
		"HOME=" + a.Dir, "TEMPORAL_ADDRESS=" + a.Temporal, "TEMPORAL_NAMESPACE=default",
		fleet.EnvFleet + "=" + string(dir.Stamp.Fleet), fleet.EnvTenant + "=" + string(a.ID),
		fleet.EnvGUID + "=" + string(g), fleet.EnvSlots + "=4", fleet.EnvDataPlane + "=http://" + a.Plane,
		fleet.EnvToken + "=" + a.token(g).Reveal(), fleet.EnvAllowPrivate + "=127.0.0.0/8",
		fleet.EnvLaunchBudget + "=" + budget,
	}
	p, err := start("a late crawler", filepath.Join(a.Dir, "logs", "late-"+string(g)+".log"), env,
		a.crawler(), "--guid", string(g))
	require.NoError(a.t, err)
	a.t.Cleanup(p.Kill)
	return p
}

func TestCrawler_LateOneEndsByItselfAndGetsNothing(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{IdleAfter: fleet.Duration(time.Second), MaxCrawlers: 2, SlotsPerCrawler: 1})
	a.Submit(page(s.ShopURL("/about"))).Done()
	a.AwaitNoCrawlers()
	over := a.Crawlers(true)[0].GUID

	for name, guid := range map[string]fleet.GUID{
		"whose workflow is over":      over,
		"of a GUID that nobody knows": fleet.GUID(uuid.NewString()),
	} {
		p := a.late(guid, "2s")
		held := a.Submit(hold(s)) // there is work, for those that were asked for
		lease := held.Leased()
		require.NotEqual(t, guid, lease.GUID)
		require.Equal(t, http.StatusConflict, a.claim(guid, held.Name, lease.Epoch), "%s: its claim", name)
		require.True(t, p.endsWithin(Patience), "a crawler %s ends by itself", name)
		require.Error(t, p.err, "and says that it did not do its work")
		require.Contains(t, p.tail(), "nobody said hello")
		held.Cancel()
		require.Equal(t, []fleet.GUID{lease.GUID}, held.End().Crawlers)
	}
	require.NotContains(t, s.Sources(), loopback, "no request came from one without an address")
	require.Equal(t, 1, s.Count("/about"))
}

// claim asks the data plane for a ticket as a crawler, and gives the answer's status.
func (a *Tenant) claim(g fleet.GUID, id fleet.TicketID, epoch int64) int {
	a.t.Helper()
	body := show(fleet.ClaimRequest{Tenant: a.ID, Ticket: id, GUID: g, Epoch: epoch, Want: 1})
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost,
		"http://"+a.Plane+fleet.PathClaim, bytes.NewBufferString(body))
	require.NoError(a.t, err)
	r.Header.Set("Authorization", "Bearer "+a.token(g).Reveal())
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(a.t, err)
	require.NoError(a.t, answer.Body.Close())
	return answer.StatusCode
}

func TestSecrets_AreInNoLogAndOnNoCommandLine(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{IdleAfter: fleet.Duration(time.Minute)})
	r := a.Submit(page(s.ShopURL("/about"))).Done()
	secret := strings.Split(a.token(r.Crawlers[0]).Reveal(), ".")[3]
	for _, p := range a.Processes() {
		require.NotContains(t, strings.Join(p.Args, " "), secret)
	}
	for _, pattern := range []string{"logs/*", "fleet/logs/*", "fleet/crawlers/*.log", "fleet/crawlers/*/*.json"} {
		files, err := filepath.Glob(filepath.Join(f.Dir, pattern))
		require.NoError(t, err)
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err == nil { // a record may have moved on
				require.NotContains(t, string(b), secret, file)
			}
		}
	}
}
