//go:build postgres

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	sqlstore "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema"
	v12 "go.temporal.io/server/schema/postgresql/v12"
)

// EnvPostgres holds the URLs of two empty PostgreSQL databases, for histories and for
// visibility, separated by a space. It is read by a build with the tag postgres only, with
// which the benchmark puts PostgreSQL beside the embedded files; nothing else is different.
const EnvPostgres = "CRAWLFLEET_SERVER_POSTGRES"

// maxPostgresConns is Temporal's own advice for a small server (config/development-postgres12).
const maxPostgresConns = 20

func openStore(*directory) (*store, func(context.Context, Config) error, error) {
	urls := strings.Fields(os.Getenv(EnvPostgres))
	if len(urls) != 2 {
		return nil, nil, fmt.Errorf("%s: want the URLs of two databases, got %d", EnvPostgres, len(urls))
	}
	var s store
	var err error
	if s.main, err = postgresConfig(urls[0]); err != nil {
		return nil, nil, err
	}
	s.visibility, err = postgresConfig(urls[1])
	return &s, s.preparePostgres, err
}

func postgresConfig(text string) (*config.SQL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvPostgres, err)
	}
	attributes := map[string]string{"sslmode": "disable"}
	for name, values := range u.Query() {
		attributes[name] = values[0] // the directory of the socket, as host
	}
	password, _ := u.User.Password()
	attributes["password"] = password
	address := u.Host
	if address == "" {
		address = "localhost:5432" // of no use beside a socket, but Temporal wants one
	}
	return &config.SQL{
		PluginName: postgresql.PluginNamePGX, User: u.User.Username(), ConnectAddr: address,
		DatabaseName: strings.TrimPrefix(u.Path, "/"), ConnectAttributes: attributes,
		MaxConns: maxPostgresConns, MaxIdleConns: maxPostgresConns,
	}, nil
}

func (s *store) preparePostgres(ctx context.Context, cfg Config) error {
	for _, d := range []struct {
		sql             *config.SQL
		folder, version string
	}{{s.main, "temporal", v12.Version}, {s.visibility, "visibility", v12.VisibilityVersion}} {
		if err := createPostgres(d.sql, d.folder, d.version); err != nil {
			return fmt.Errorf("create the tables of %s: %w", d.folder, err)
		}
	}
	_, err := ensureNamespace(ctx, s.main, cfg)
	return err
}

func createPostgres(c *config.SQL, folder, version string) (err error) {
	db, err := sqlstore.NewSQLAdminDB(sqlplugin.DbKindUnknown, c, resolver.NewNoopResolver(),
		log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // every statement is committed by then
	text, err := fs.ReadFile(schema.Assets(), "postgresql/v12/"+folder+"/schema.sql")
	if err != nil {
		return err
	}
	statements, err := persistence.LoadAndSplitQueryFromReaders([]io.Reader{bytes.NewReader(text)})
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if err := db.Exec(statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	if err := db.CreateSchemaVersionTables(); err != nil {
		return err
	}
	return db.UpdateSchemaVersion(c.DatabaseName, version, version)
}
