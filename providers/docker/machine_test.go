package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/docker"
)

// The tests run against the engine of this machine, or the one that DOCKER_HOST names:
// with an image of their own, in a network of their own, and with fleets of their own.

// noEngine says what is missing.
const noEngine = "these tests need a Docker engine that this user may reach: start dockerd (.ci/run does), or set DOCKER_HOST"

// machine is what all tests share.
type machine struct {
	engine  *client.Client
	image   string
	network string
	subnet  netip.Prefix
	home    net.Listener

	mu      sync.Mutex
	reports map[fleet.GUID][]report
	cases   int
}

// report is what a stand-in tells of itself; testdata/standin.
type report struct {
	GUID, Fleet, Tenant string
	UID                 int
	Args, Env           []string
	Status              map[string]string
	RootWrites          string
	Reaches             map[string]string
}

var (
	shared   *machine //nolint:gochecknoglobals // made once, by the first test
	sharing  error    //nolint:gochecknoglobals // why it could not be made
	makeOnce sync.Once
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		if err := shared.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// theMachine makes the shared parts, once.
func theMachine(t *testing.T) *machine {
	t.Helper()
	makeOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		shared, sharing = newMachine(ctx)
	})
	if sharing != nil {
		t.Fatal(sharing)
	}
	return shared
}

func newMachine(ctx context.Context) (*machine, error) {
	engine, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", noEngine, err)
	}
	if _, err := engine.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, fmt.Errorf("%s: %w", noEngine, err)
	}
	id := random()
	m := &machine{
		engine: engine, image: "crawlfleet-standin:" + id, network: "crawlfleet-test-" + id,
		reports: make(map[fleet.GUID][]report),
	}
	if err := m.load(ctx, engine); err != nil {
		return nil, errors.Join(err, m.close())
	}
	if err := m.connect(ctx); err != nil {
		return nil, errors.Join(err, m.close())
	}
	go m.listen()
	return m, nil
}

// standin compiles the program of the containers.
func standin(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "standin")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", program, "./testdata/standin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the stand-in: %w\n%s", err, out)
	}
	return program, nil
}

// load gives an engine the image: the program, and nothing else.
func (m *machine) load(ctx context.Context, engine *client.Client) error {
	dir, err := os.MkdirTemp("", "crawlfleet-standin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, err := standin(ctx, dir)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err = w.WriteHeader(&tar.Header{Name: "standin", Mode: 0o755, Size: int64(len(b))})
	if err == nil {
		_, err = w.Write(b)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	answer, err := engine.ImageImport(ctx, client.ImageImportSource{Source: &layer, SourceName: "-"},
		m.image, client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/standin"]`}})
	if err != nil {
		return fmt.Errorf("import the image: %w", err)
	}
	_, err = io.Copy(io.Discard, answer)
	return errors.Join(err, answer.Close())
}

// connect makes the network, in a subnet that nobody has, and listens there.
func (m *machine) connect(ctx context.Context) (err error) {
	for range 20 {
		b := make([]byte, 2)
		_, _ = rand.Read(b) // never fails
		m.subnet = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 100 + b[0]%100, b[1] &^ 15, 0}), 20)
		var p *docker.Provider
		if p, err = docker.New(m.options(nil)); err != nil {
			return err
		}
		var n docker.Network
		n, err = p.Network(ctx)
		err = errors.Join(err, p.Close())
		if fleet.ClassOf(err) == fleet.ClassFatal {
			continue // it is somebody's
		}
		if err != nil {
			return err
		}
		m.home, err = net.Listen("tcp", netip.AddrPortFrom(n.Gateway, 0).String())
		return err
	}
	return err
}

func (m *machine) options(places []fleet.Offering) docker.Options {
	return docker.Options{
		Host: os.Getenv("DOCKER_HOST"), CertDir: os.Getenv("DOCKER_CERT_PATH"),
		Image: m.image, Network: m.network, Subnet: m.subnet, Offerings: places,
		Limits: docker.Limits{Memory: 64 << 20, CPUs: 1, PIDs: 64},
	}
}

func (m *machine) listen() {
	for {
		c, err := m.home.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer c.Close()
			var r report
			if json.NewDecoder(c).Decode(&r) != nil {
				return
			}
			m.mu.Lock()
			m.reports[fleet.GUID(r.GUID)] = append(m.reports[fleet.GUID(r.GUID)], r)
			m.mu.Unlock()
			fmt.Fprintln(c, "heard")
		}()
	}
}

func (m *machine) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs error
	if m.home != nil {
		errs = m.home.Close()
	}
	if _, err := m.engine.NetworkRemove(ctx, m.network, client.NetworkRemoveOptions{}); err != nil && m.home != nil {
		errs = errors.Join(errs, err)
	}
	if _, err := m.engine.ImageRemove(ctx, m.image, client.ImageRemoveOptions{Force: true}); err != nil && m.home != nil {
		errs = errors.Join(errs, err)
	}
	return errors.Join(errs, m.engine.Close())
}

func random() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// word reads one of the lines "Name: value" of a stand-in's own status.
func (r report) word(name string) string { return strings.TrimSpace(r.Status[name]) }
