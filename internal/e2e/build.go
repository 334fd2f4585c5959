package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// Programs are the paths of what a fleet is made of.
type Programs struct {
	Root       string // the checkout
	Crawlfleet string // the command line, beside the two others
	Crawler    string
	Server     string // with Temporal inside
	Temporal   string // the stock command line
}

// Build makes our programs in dir. The Temporal server is compiled into the checkout's
// bin folder, once, because that takes minutes; the stock command line has to be there.
func Build(ctx context.Context, dir string) (Programs, error) {
	root, err := checkout()
	if err != nil {
		return Programs{}, err
	}
	p := Programs{
		Root:       root,
		Crawlfleet: filepath.Join(dir, "crawlfleet"),
		Crawler:    filepath.Join(dir, string(devserver.CrawlerProgram)),
		Server:     filepath.Join(root, "bin", string(devserver.ServerProgram)),
		Temporal:   filepath.Join(root, "bin", "temporal"),
	}
	if err := noteSources(root); err != nil {
		return p, err
	}
	if _, err := os.Stat(p.Temporal); err != nil {
		return p, fmt.Errorf("the stock Temporal command line is not there: run `make temporal`: %w", err)
	}
	if err := devserver.Build(ctx, root, p.Server, nil); err != nil {
		return p, fmt.Errorf("build the Temporal server (make server): %w", err)
	}
	if err := p.compile(ctx, p.Crawlfleet, "./starter/crawlfleet", ""); err != nil {
		return p, err
	}
	return p, p.compile(ctx, p.Crawler, "./workers/crawlfleet-crawler", "")
}

// Crashing makes the two programs that can be killed at an exact place, beside the others.
func (p Programs) Crashing(ctx context.Context) (Programs, error) {
	c := p
	c.Crawlfleet, c.Crawler = p.Crawlfleet+"-crashpoints", p.Crawler+"-crashpoints"
	if err := p.compile(ctx, c.Crawlfleet, "./starter/crawlfleet", "", "-tags", "crashpoints"); err != nil {
		return c, err
	}
	return c, p.compile(ctx, c.Crawler, "./workers/crawlfleet-crawler", "", "-tags", "crashpoints")
}

// noteSources asks for every source file of ours. `go test` remembers what a test has looked at:
// without it, a change of a program that the tests only run would leave them "(cached)".
func noteSources(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("list the sources: %w", err)
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"), entry.Name() == "go.mod", strings.HasSuffix(path, ".sql"):
			_, _ = os.Stat(path) // looking is all
		}
		return nil
	})
}

// CrawlerOfContract makes a crawler that says it speaks another contract version.
func (p Programs) CrawlerOfContract(ctx context.Context, out string, version int) error {
	return p.compile(ctx, out, "./workers/crawlfleet-crawler", fmt.Sprintf("-X main.contract=%d", version))
}

func (p Programs) compile(ctx context.Context, out, pkg, flags string, more ...string) error {
	args := slices.Concat([]string{"build", "-trimpath", "-ldflags", "-s -w " + flags, "-o", out}, more, []string{pkg})
	build := exec.CommandContext(ctx, "go", args...)
	build.Dir = p.Root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, said)
	}
	return nil
}

// checkout is the folder above the working directory that holds go.mod.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the checkout: no go.mod above %s", dir)
		}
	}
}
