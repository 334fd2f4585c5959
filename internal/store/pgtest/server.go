package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// readyWithin bounds a start: it takes half a second, and a machine may be much slower.
	readyWithin = time.Minute
	superuser   = "postgres"
	// owner owns the databases of the tests. It is no superuser: what needs one must not work.
	owner    = "fleet"
	password = "of no use elsewhere"
)

// Server is a cluster. It is safe for concurrent use but for Restart and Stop.
type Server struct {
	bin, dir string
	names    atomic.Int64

	mu   sync.Mutex // guards what follows
	cmd  *exec.Cmd
	line io.WriteCloser // the server ends with it
}

// Start makes a cluster and starts it.
func Start(ctx context.Context) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "crawlfleet-pg-") // short: a socket's path has at most 107 bytes
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	_, err = s.psql(ctx, "postgres", fmt.Sprintf(
		"CREATE ROLE %s LOGIN CREATEROLE NOSUPERUSER NOCREATEDB PASSWORD '%s'", owner, password))
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// binaries finds the directory of initdb and postgres: on PATH, else where Debian has
// them, which is not on PATH, the newest first.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(real), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL on this machine, and its part of the store cannot be " +
			"tested without: apt-get install postgresql-15 (or a newer one)")
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return filepath.Dir(found[0]), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 for one that is none
	return n
}

// create makes the cluster's files. Its order of text is that of a language, so that a
// column that does not ask for the order of bytes is found out.
func (s *Server) create(ctx context.Context) error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if err := giveAway(s.dir, secret); err != nil {
		return err
	}
	cmd := s.command(ctx, "initdb", "-D", s.data(), "-U", superuser, "--pwfile", secret,
		"-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--locale-provider", "icu",
		"--icu-locale", "en", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = asUser()
	return cmd
}

// keeper starts the server and ends it at once when its own standard input ends: with
// Stop, and with the test binary, whatever ends that. The files go with it, unless it is
// told to keep them.
const keeper = `dir=$1; shift; "$@" & pid=$!; read -r word; kill -QUIT $pid 2>/dev/null; wait $pid
[ "$word" = keep ] || rm -rf "$dir"`

func (s *Server) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the server has its own
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", "-c", keeper, "sh", s.dir,
		filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, "-p", port,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200",
		"-c", "shared_buffers=32MB")
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = s.dir, asUser(), log, log
	line, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.mu.Lock()
	s.cmd, s.line = cmd, line
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		if s.command(ctx, "pg_isready", "-q", "-h", s.dir, "-p", port).Run() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: %w: %s", ctx.Err(), s.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// port is part of the socket's name only: nothing listens on a network.
const port = "5432"

// Restart kills the server as a crash would, with every connection, and starts it again.
// While it is away, between is called; nil for nothing.
func (s *Server) Restart(ctx context.Context, between func()) error {
	if err := s.kill("keep"); err != nil {
		return err
	}
	if between != nil {
		between()
	}
	return s.start(ctx)
}

func (s *Server) kill(word string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil
	}
	_, _ = io.WriteString(s.line, word) // with the end of the line, the keeper ends the server
	_ = s.line.Close()
	err := s.cmd.Wait()
	s.cmd = nil
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // killed is not a clean exit, and is meant
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// Stop ends the server and removes its files.
func (s *Server) Stop() error { return errors.Join(s.kill(""), os.RemoveAll(s.dir)) }

// Log is everything that the server has logged; LogStatements has it log what it is asked.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Database makes an empty database and gives its URL.
func (s *Server) Database(ctx context.Context) (fleet.Secret, error) {
	name := fmt.Sprintf("d%d", s.names.Add(1))
	_, err := s.psql(ctx, "postgres", fmt.Sprintf("CREATE DATABASE %s OWNER %s", name, owner))
	return s.URL(owner, password, name), err
}

// URL is a database as a user.
func (s *Server) URL(user string, password fleet.Secret, database string) fleet.Secret {
	return url(user, password.Reveal(), s.dir, database)
}

// psql runs statements as the superuser and gives what they answer, a row a line.
func (s *Server) psql(ctx context.Context, database, statements string) (string, error) {
	cmd := s.command(ctx, "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", s.dir, "-p", port,
		"-U", superuser, "-d", database, "-c", statements)
	cmd.Env = []string{"PGPASSWORD=" + password, "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return string(out), nil
}

// LogStatements has the server log every statement from now on.
func (s *Server) LogStatements(ctx context.Context) error {
	_, err := s.psql(ctx, "postgres", "ALTER SYSTEM SET log_statement = 'all'")
	if err == nil {
		_, err = s.psql(ctx, "postgres", "SELECT pg_reload_conf()")
	}
	return err
}
