package devserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// serverModule is the folder of the server's module inside a checkout.
	serverModule = "internal/devserver/server"

	// buildLockPoll is how often a build that waits for another one looks again.
	buildLockPoll = 200 * time.Millisecond

	// toldLines of the compiler's output go into an error: the first ones name the cause.
	toldLines = 20
)

// buildFlags are the flags of the server's build. The tag leaves a Kubernetes client out that
// nothing here uses (320 packages), and -s -w the symbols (50 MB).
func buildFlags() []string { return []string{"-trimpath", "-tags", "release", "-ldflags", "-s -w"} }

// Build makes out, the program crawlfleet-server, from the checkout at root, unless out is up to
// date: it takes about four minutes on two processors once, and seconds after that. report, which
// may be nil, hears of the progress from one goroutine. Builds of the same out wait for each
// other, also across processes.
func Build(ctx context.Context, root, out string, report func(Progress)) error {
	if report == nil {
		report = func(Progress) {}
	}
	b := &build{dir: filepath.Join(root, serverModule), report: report}
	if _, err := os.Stat(filepath.Join(b.dir, "go.mod")); err != nil {
		return fleet.Errorf(fleet.CodeNotFound, root+" is not a checkout of crawlfleet").
			WithHint("the server is built from " + serverModule).Because(err)
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fleet.Errorf(fleet.CodeNotFound, "the go command is not on the PATH").
			WithHint("install Go, or set " + ServerProgram.EnvVar() + " to a crawlfleet-server").
			Because(err)
	}
	b.goTool = goTool
	if b.out, err = filepath.Abs(out); err != nil {
		return fmt.Errorf("resolve %s: %w", out, err)
	}
	if err := os.MkdirAll(filepath.Dir(b.out), 0o755); err != nil {
		return fmt.Errorf("make the program's directory: %w", err)
	}
	unlock, err := lockBuild(ctx, b.out+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	return b.run(ctx)
}

// build is one run of Build.
type build struct {
	goTool, dir, out string
	report           func(Progress)
}

func (b *build) run(ctx context.Context) error {
	stamp, err := b.stamp(ctx)
	if err != nil {
		return err
	}
	stampFile := b.out + ".stamp"
	if old, err := os.ReadFile(stampFile); err == nil && string(old) == stamp && executable(b.out) {
		return nil
	}
	b.report(Progress{})
	packages, err := b.packages(ctx)
	if err != nil {
		return err
	}
	// Whoever runs the old program keeps it: the new one takes its name at the end.
	tmp := b.out + ".tmp"
	if err := b.compile(ctx, tmp, newTally(packages, time.Now())); err != nil {
		return err
	}
	if err := os.Rename(tmp, b.out); err != nil {
		return fmt.Errorf("put the program in place: %w", err)
	}
	if err := os.WriteFile(stampFile, []byte(stamp), 0o644); err != nil {
		return fmt.Errorf("write the build's stamp: %w", err)
	}
	return nil
}

// stamp identifies what the program is made from: the module's sources and the Go version.
func (b *build) stamp(ctx context.Context) (string, error) {
	version, err := b.goCommand(ctx, "env", "GOVERSION", "GOOS", "GOARCH").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the Go version: %w", err)
	}
	sources, err := filepath.Glob(filepath.Join(b.dir, "*.go"))
	if err != nil {
		return "", fmt.Errorf("list the server's sources: %w", err)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %q\n", version, buildFlags())
	sources = append(sources, filepath.Join(b.dir, "go.mod"), filepath.Join(b.dir, "go.sum"))
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("read the server's sources: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(path), len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil)) + "\n", nil
}

// packages lists what is to be compiled; true where the build cache does not have it yet.
func (b *build) packages(ctx context.Context) (map[string]bool, error) {
	args := append([]string{"list", "-deps", "-f", "{{.ImportPath}} {{.Stale}}"}, buildFlags()...)
	var downloaded int
	list, err := b.lines(ctx, b.goCommand(ctx, append(args, ".")...), func(line string) {
		if strings.HasPrefix(line, "go: downloading ") {
			downloaded++
			b.report(Progress{Downloaded: downloaded})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list the server's packages: %w", err)
	}
	packages := map[string]bool{}
	for line := range strings.Lines(list) {
		if path, stale, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			packages[path] = stale == "true"
		}
	}
	return packages, nil
}

func (b *build) compile(ctx context.Context, out string, t *tally) error {
	args := append([]string{"build", "-v", "-o", out}, buildFlags()...)
	b.report(t.progress)
	_, err := b.lines(ctx, b.goCommand(ctx, append(args, ".")...), func(line string) {
		if t.compiling(line, time.Now()) {
			b.report(t.progress)
		}
	})
	if err != nil {
		return fmt.Errorf("build %s: %w", ServerProgram, err)
	}
	return nil
}

// lines runs cmd, hands each line of its standard error to heard, and returns its output. The
// error holds what the go command said.
func (b *build) lines(
	ctx context.Context, cmd *exec.Cmd, heard func(string),
) (string, error) {
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	said := listen(stderr, heard)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("%w\n%s", err, strings.Join(said, "\n"))
	}
	return out.String(), nil
}

// listen reads lines until the end. It returns those that look like a complaint: not the package
// names of -v, which are single words.
func listen(r io.Reader, heard func(string)) (said []string) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		line := scanner.Text()
		heard(line)
		if strings.Contains(line, " ") && !strings.HasPrefix(line, "go: downloading ") &&
			len(said) < toldLines {
			said = append(said, line)
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long for the scanner must not block the command
	return said
}

// goCommand runs in the server's module, with cgo off: the program is pure Go.
func (b *build) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.goTool, args...)
	cmd.Dir = b.dir
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	// An interrupt lets the go command remove its work directory and end its compilers.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = pipeDelay
	return cmd
}

// lockBuild waits until no other build writes the same program.
func lockBuild(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the build's lock: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(buildLockPoll):
		}
	}
}
