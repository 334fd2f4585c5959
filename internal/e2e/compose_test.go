package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/image"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// composition is docker-compose.yml as it is in the tree, with names, images and networks
// of a test's own.
type composition struct {
	engine  *client.Client
	command []string
	env     []string
	root    string
	name    string
	host    netip.Addr // this machine's address in the crawlers' network
}

// composeWithin is for a whole fleet's first start on a busy machine.
const composeWithin = 3 * time.Minute

func compose(t *testing.T) *composition {
	t.Helper()
	engine, err := client.New(client.FromEnv)
	require.NoError(t, err)
	_, err = engine.Ping(t.Context(), client.PingOptions{})
	require.NoError(t, err, "this test needs a Docker engine that this user may reach: start dockerd (.ci/run does)")
	c := &composition{engine: engine, root: the.programs.Root}
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.CommandContext(t.Context(), command[0], append(command[1:], "version")...).Run() == nil {
			c.command = command
			break
		}
	}
	require.NotEmpty(t, c.command, "this test needs docker compose: apt-get install docker-compose")
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	c.name = fmt.Sprintf("crawlfleet-%x", b)
	c.images(t, c.name)
	t.Cleanup(func() { c.down(t) })
	for try := range 5 { // until one pair of networks is nobody's
		control := fmt.Sprintf("10.%d.%d", 220+try, b[0]&^1)
		crawlers := fmt.Sprintf("10.%d.%d", 220+try, b[0]|1)
		c.host = netip.MustParseAddr(crawlers + ".1")
		c.env = append(os.Environ(), "COMPOSE_PROJECT_NAME="+c.name, "CRAWLFLEET_NAME="+c.name,
			"CRAWLFLEET_CONTROL_NET="+control, "CRAWLFLEET_CRAWLERS_NET="+crawlers,
			"CRAWLFLEET_IMAGE="+image.Control+":"+c.name, "CRAWLFLEET_SERVER_IMAGE="+image.Server+":"+c.name,
			"CRAWLFLEET_CRAWLER_IMAGE="+image.Crawler+":"+c.name,
			"CRAWLFLEET_ALLOW_PRIVATE="+c.host.String()+"/32", "DOCKER_GID="+socketGroup(t))
		out, err := c.compose(t.Context(), "up", "-d")
		if err == nil {
			return c
		}
		require.Contains(t, strings.ToLower(out), "overlap", out)
	}
	require.Fail(t, "no network is free")
	return nil
}

// images gives the engine our three, of the programs that the tests are run with.
func (c *composition) images(t *testing.T, tag string) {
	t.Helper()
	for _, i := range image.Ours("", tag) {
		switch {
		case strings.HasPrefix(i.Ref, image.Crawler+":"):
			i.Program = the.programs.Crawler
		case strings.HasPrefix(i.Ref, image.Server+":"):
			i.Program = the.programs.Server
		default:
			i.Program = the.programs.Crawlfleet
		}
		_, err := i.Load(t.Context(), c.engine)
		require.NoError(t, err)
		t.Cleanup(func() {
			_, err := c.engine.ImageRemove(context.WithoutCancel(t.Context()), i.Ref, client.ImageRemoveOptions{Force: true})
			require.NoError(t, err)
		})
	}
}

func socketGroup(t *testing.T) string {
	t.Helper()
	info, err := os.Stat("/var/run/docker.sock")
	require.NoError(t, err)
	owner, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	return strconv.Itoa(int(owner.Gid))
}

func (c *composition) compose(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.command[0], append(c.command[1:], args...)...)
	cmd.Dir, cmd.Env = c.root, c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *composition) down(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), composeWithin)
	defer cancel()
	if t.Failed() {
		out, _ := c.compose(ctx, "logs", "--tail", "30")
		t.Log(out)
	}
	// The control worker first: it would start others.
	_, _ = c.compose(ctx, "stop", "control")
	crawlers, err := c.engine.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", "crawlfleet.network="+c.name+"-crawlers"),
	})
	require.NoError(t, err)
	for _, one := range crawlers.Items {
		_, err := c.engine.ContainerRemove(ctx, one.ID, client.ContainerRemoveOptions{Force: true})
		require.NoError(t, err)
	}
	out, err := c.compose(ctx, "down", "-v")
	require.NoError(t, err, out)
	require.NoError(t, c.engine.Close())
}

// run runs the command line in the control worker's container.
func (c *composition) run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", append([]string{"exec", c.name + "-control", "/crawlfleet"}, args...)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), "%s: %s%s", args, out.String(), said.String())
	return out.Bytes()
}

// served is how often a service has said that it serves, over all its starts. The engine may
// note a start after the program has spoken, so that its clock does not tell whose line is whose.
func (c *composition) served(t *testing.T, service string) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", "logs", c.name+"-"+service).CombinedOutput()
	if err != nil {
		t.Logf("logs of %s: %v: %s", service, err, out)
	}
	return bytes.Count(out, []byte(`"ready":true`))
}

// ready waits until a service has said once more that it serves.
func (c *composition) ready(t *testing.T, service string, before int) {
	t.Helper()
	require.Eventually(t, func() bool { return c.served(t, service) > before }, composeWithin, 200*time.Millisecond,
		"%s does not serve", service)
}

// visit has a ticket crawl some pages of the site.
func (c *composition) visit(t *testing.T, s *sample.Site, id string) {
	t.Helper()
	c.run(t, "ticket", "submit", s.ShopURL("/"), "--tenant", "acme", "--id", id, "--max-pages", "12",
		"--delay", "1ms", "--wait")
	var pages []fleet.PageRow
	for d := json.NewDecoder(bytes.NewReader(c.run(t, "ticket", "results", id, "--tenant", "acme", "-o", "jsonl"))); d.More(); {
		var p fleet.PageRow
		require.NoError(t, d.Decode(&p))
		pages = append(pages, p)
	}
	fetched := 0
	within := netip.PrefixFrom(c.host, 24).Masked()
	for _, p := range pages {
		if p.Outcome != fleet.PageFetched {
			continue
		}
		fetched++
		require.True(t, within.Contains(netip.MustParseAddr(p.Address)), "%s is the crawler's own address", p.Address)
	}
	require.Equal(t, 12, fetched)
}

func TestCompose_RunsAFleetOnOneHost(t *testing.T) {
	t.Parallel()
	c := compose(t)
	for _, s := range []string{"control", "gateway"} {
		c.ready(t, s, 0)
	}
	site := sample.New(sample.Options{Hosts: []string{c.host.String() + ":0", c.host.String() + ":0"}})
	require.NoError(t, site.Start(t.Context()))
	defer func() { require.NoError(t, site.Stop(context.WithoutCancel(t.Context()))) }()

	c.run(t, "tenant", "create", "acme", "--idle-after", "1h", "--wait")
	c.visit(t, site, "first")
	c.holds(t)

	before := map[string]int{"control": c.served(t, "control"), "gateway": c.served(t, "gateway")}
	out, err := c.compose(t.Context(), "restart", "gateway", "control", "server")
	require.NoError(t, err, out)
	for s, n := range before {
		c.ready(t, s, n)
	}
	c.visit(t, site, "second")
}

// holds looks at every container as the engine has it.
func (c *composition) holds(t *testing.T) {
	t.Helper()
	list, err := c.engine.ContainerList(t.Context(), client.ContainerListOptions{})
	require.NoError(t, err)
	networks := map[string][]string{
		"server": {"control"}, "control": {"control", "outside"}, "gateway": {"control", "crawlers"},
		"crawler": {"crawlers"},
	}
	well := string(c.run(t, "doctor")) // nothing fails
	require.Contains(t, well, "workers poll crawlfleet, launch.docker")
	require.Contains(t, well, "this machine is "+c.host.String()+" there")
	seen := map[string]int{}
	for _, one := range list.Items {
		service, ours := strings.CutPrefix(one.Names[0], "/"+c.name+"-")
		if one.Labels["crawlfleet.network"] == c.name+"-crawlers" {
			service, ours = "crawler", true
			require.NotEmpty(t, c.run(t, "crawler", "logs", one.Labels["crawlfleet.guid"]))
		}
		if !ours {
			continue
		}
		seen[service]++
		c.holdsOne(t, one.ID, service, networks[service])
	}
	require.Equal(t, map[string]int{"server": 1, "control": 1, "gateway": 1, "crawler": 1}, seen)
	network, err := c.engine.NetworkInspect(t.Context(), c.name+"-control", client.NetworkInspectOptions{})
	require.NoError(t, err)
	require.True(t, network.Network.Internal)
}

func (c *composition) holdsOne(t *testing.T, id, service string, networks []string) {
	t.Helper()
	i, err := c.engine.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	require.NoError(t, err)
	h := i.Container.HostConfig
	require.True(t, h.ReadonlyRootfs, service)
	require.Equal(t, []string{"ALL"}, h.CapDrop, service)
	require.NotEmpty(t, h.SecurityOpt, service)
	require.Equal(t, "65532:65532", i.Container.Config.User, service)
	require.Empty(t, h.PortBindings, "nothing of it is reached from off this host")
	require.Len(t, i.Container.NetworkSettings.Networks, len(networks), service)
	for _, n := range networks {
		require.Contains(t, i.Container.NetworkSettings.Networks, c.name+"-"+n, service)
	}
	for _, m := range i.Container.Mounts {
		require.True(t, service == "control" || m.Destination != "/var/run/docker.sock",
			"the engine's socket is as good as root: %s has it", service)
		require.True(t, service != "gateway" || !m.RW, "the gateway writes nothing")
	}
}
