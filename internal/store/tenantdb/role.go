package tenantdb

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

const (
	// DefaultMaxRoles is how many tenants stay connected: each keeps a connection for
	// writing, and a server takes 100 unless it is told otherwise.
	DefaultMaxRoles = 40
	// maxTurns is how many transactions of all tenants run at one time in a process: with
	// the idle connections and the control store's it stays under those 100.
	maxTurns = 32
	// RoleConnections is the most that a tenant's role may have, in all processes: the
	// control worker's 3, and some people's commands.
	RoleConnections = 10
	// roleReaders read beside the writer of a tenant.
	roleReaders = 2
	// idleRole closes the connections of a tenant that is not served.
	idleRole = 30 * time.Second
	// maxName is PostgreSQL's longest name; it cuts longer ones off silently.
	maxName = 63
)

// schemas are tenants' databases in one of PostgreSQL: each is a schema of a role that
// has the same name, can log in, and can read nothing else.
type schemas struct {
	at       *store.Postgres
	owner    *store.DB // makes and drops schemas and roles
	fleet    fleet.FleetID
	secret   fleet.Secret
	readOnly bool
	turns    chan struct{}
}

func newSchemas(o Options) (*schemas, error) {
	if o.Fleet == "" || o.Secret == "" {
		return nil, fleet.Errorf(fleet.CodeInternal, "tenantdb: a fleet and its secret are required")
	}
	at, err := store.ParsePostgres(o.Postgres, "pg_catalog")
	if err != nil {
		return nil, err
	}
	return &schemas{
		at: at, fleet: o.Fleet, secret: o.Secret, readOnly: o.ReadOnly,
		owner: at.Open(store.PostgresPool{Unlocked: true, ReadOnly: o.ReadOnly, Idle: idleRole}),
		turns: make(chan struct{}, maxTurns),
	}, nil
}

// Role is the name of a tenant's role and of its schema. Roles belong to a whole server,
// so that the fleet is part of it.
func Role(f fleet.FleetID, t fleet.TenantID) (string, error) {
	name := fmt.Sprintf("crawlfleet_%s_%s", f, t)
	if len(name) > maxName {
		return "", fleet.Invalid("tenant", fmt.Sprintf("is too long: %q is the name of its role", name),
			fmt.Sprintf("at most %d characters", maxName-len(name)+len(t)))
	}
	return name, nil
}

// Password is a tenant's own, made from the fleet's secret: it is nowhere stored, and
// never sent to the server, which knows a digest.
func Password(secret fleet.Secret, role string) fleet.Secret {
	m := hmac.New(sha256.New, []byte(secret.Reveal()))
	_, _ = m.Write([]byte("PostgreSQL role " + role)) // never fails
	return fleet.Secret(base64.RawURLEncoding.EncodeToString(m.Sum(nil)))
}

// verifier is what a server keeps of a password (RFC 5803): what it logs of the statement
// that sets it lets nobody in.
func verifier(password fleet.Secret) (string, error) {
	const rounds = 4096 // the server's own default; the password is not one to be guessed
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password.Reveal(), salt, rounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("digest a password: %w", err)
	}
	sign := func(text string) []byte {
		m := hmac.New(sha256.New, salted)
		_, _ = m.Write([]byte(text)) // never fails
		return m.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s",
		rounds, b64(salt), b64(stored[:]), b64(sign("Server Key"))), nil
}

func (s *schemas) create(ctx context.Context, t fleet.TenantID) error {
	role, err := Role(s.fleet, t)
	if err != nil {
		return err
	}
	return s.owner.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(role); err != nil {
			return err
		}
		if err := s.login(tx, role); err != nil {
			return err
		}
		found, err := exists(tx, `SELECT count(*) FROM pg_namespace WHERE nspname = ?`, role)
		if err != nil || found {
			return err
		}
		_, err = tx.Exec(`CREATE SCHEMA ` + store.Quoted(role) + ` AUTHORIZATION ` + store.Quoted(role))
		return err
	})
}

// login makes the role, or gives the one that exists its password and limit again.
func (s *schemas) login(tx *store.Tx, role string) error {
	digest, err := verifier(Password(s.secret, role))
	if err != nil {
		return err
	}
	verb, more := `CREATE ROLE `, ` ROLE CURRENT_USER` // who makes it may act for it: make its schema
	found, err := exists(tx, `SELECT count(*) FROM pg_roles WHERE rolname = ?`, role)
	if err != nil {
		return err
	}
	if found {
		verb, more = `ALTER ROLE `, ``
	}
	_, err = tx.Exec(fmt.Sprintf(`%s%s LOGIN PASSWORD '%s' CONNECTION LIMIT %d%s`,
		verb, store.Quoted(role), digest, RoleConnections, more))
	return err
}

func exists(tx *store.Tx, query, name string) (bool, error) {
	var n int
	err := tx.One(query, []any{name}, &n)
	return n > 0, err
}

func (s *schemas) open(ctx context.Context, t fleet.TenantID) (*store.DB, error) {
	role, err := Role(s.fleet, t)
	if err != nil {
		return nil, err
	}
	found := false
	err = s.owner.Read(ctx, func(tx *store.Tx) (err error) {
		found, err = exists(tx, `SELECT count(*) FROM pg_namespace WHERE nspname = ?`, role)
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("open database of %s: %w", t, err)
	case !found:
		return nil, noDatabase(t)
	case s.readOnly:
		return s.as(role), nil
	}
	db, err := migrate(ctx, s.as(role), t)
	if !store.Refused(err) {
		return db, err
	}
	// The role has another password: it was made under a secret that is lost.
	err = s.owner.Write(ctx, func(tx *store.Tx) error { return s.login(tx, role) })
	if err != nil {
		return nil, fmt.Errorf("open database of %s: %w", t, err)
	}
	return migrate(ctx, s.as(role), t)
}

// as is a tenant's database with the tenant's own rights.
func (s *schemas) as(role string) *store.DB {
	return s.at.As(role, Password(s.secret, role)).In(role).Open(store.PostgresPool{
		ReadOnly: s.readOnly, Readers: roleReaders, Idle: idleRole, Turns: s.turns,
	})
}

func (s *schemas) destroy(ctx context.Context, t fleet.TenantID) error {
	role, err := Role(s.fleet, t)
	if err != nil {
		return err
	}
	return s.owner.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Lock(role); err != nil {
			return err
		}
		found, err := exists(tx, `SELECT count(*) FROM pg_roles WHERE rolname = ?`, role)
		if err != nil || !found {
			return err
		}
		// People's commands may be reading: they hear that it is gone.
		for _, statement := range []string{
			`ALTER ROLE ` + store.Quoted(role) + ` NOLOGIN`,
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '` + role + `'`,
			`DROP SCHEMA IF EXISTS ` + store.Quoted(role) + ` CASCADE`,
			`DROP OWNED BY ` + store.Quoted(role),
			`DROP ROLE ` + store.Quoted(role),
		} {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *schemas) traces(ctx context.Context, t fleet.TenantID) (map[string]int64, error) {
	role, err := Role(s.fleet, t)
	if err != nil {
		return nil, err
	}
	found := map[string]int64{}
	err = s.owner.Read(ctx, func(tx *store.Tx) error {
		for kind, query := range map[string]string{
			"schemas": `SELECT count(*) FROM pg_namespace WHERE nspname = ?`,
			"roles":   `SELECT count(*) FROM pg_roles WHERE rolname = ?`,
		} {
			is, err := exists(tx, query, role)
			if err != nil {
				return err
			}
			if is {
				found[kind] = 1
			}
		}
		return nil
	})
	return found, err
}

func (s *schemas) close() error { return s.owner.Close() }
