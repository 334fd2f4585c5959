package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	sqlstore "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// namespacePage bounds one read of the namespaces; an embedded server has a handful.
const namespacePage = 1000

// ensureNamespace creates cfg's namespace, or brings retention and search attributes of an
// existing one to what cfg says, and returns the columns behind the search attributes of all
// namespaces. It runs while no server does, so no cache needs to hear of it.
func ensureNamespace(
	ctx context.Context, store *config.SQL, cfg Config,
) (columns []string, err error) {
	db, err := sqlstore.NewSQLDB(sqlplugin.DbKindMain, store, resolver.NewNoopResolver(),
		log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return nil, fmt.Errorf("open the namespaces: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	fresh, err := sqliteschema.NewNamespaceConfig(clusterName, cfg.Namespace, false, nil)
	if err != nil {
		return nil, fmt.Errorf("describe namespace %s: %w", cfg.Namespace, err)
	}
	if err := sqliteschema.CreateNamespaces(store, fresh); err != nil {
		return nil, fmt.Errorf("create namespace %s: %w", cfg.Namespace, err)
	}
	page := namespacePage
	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{PageSize: &page})
	if err != nil {
		return nil, fmt.Errorf("read the namespaces: %w", err)
	}
	for _, row := range rows {
		aliases, err := ensureRow(ctx, db, row, cfg)
		if err != nil {
			return nil, fmt.Errorf("namespace %s: %w", row.Name, err)
		}
		columns = slices.AppendSeq(columns, maps.Keys(aliases))
	}
	slices.Sort(columns)
	return slices.Compact(columns), nil
}

// ensureRow returns the aliases of a namespace by column. It changes cfg's namespace only.
func ensureRow(
	ctx context.Context, db sqlplugin.DB, row sqlplugin.NamespaceRow, cfg Config,
) (map[string]string, error) {
	codec := serialization.NewSerializer()
	detail, err := codec.NamespaceDetailFromBlob(persistence.NewDataBlob(row.Data, row.DataEncoding))
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if row.Name != cfg.Namespace {
		return detail.GetConfig().GetCustomSearchAttributeAliases(), nil
	}
	before := proto.Clone(detail)
	detail.Config.Retention = durationpb.New(cfg.Retention)
	if err := addAliases(detail.Config, cfg.SearchAttributes); err != nil {
		return nil, err
	}
	if !proto.Equal(before, detail) {
		blob, err := codec.NamespaceDetailToBlob(detail)
		if err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
		row.Data, row.DataEncoding = blob.GetData(), blob.GetEncodingType().String()
		if _, err := db.UpdateNamespace(ctx, &row); err != nil {
			return nil, fmt.Errorf("update: %w", err)
		}
	}
	return detail.Config.CustomSearchAttributeAliases, nil
}

// addAliases gives each attribute that has none the first free column of its type. Attributes
// and columns are taken in order of their names, so that equal directories come out equal.
func addAliases(c *persistencespb.NamespaceConfig, wanted attributes) error {
	types := sadefs.GetDBIndexSearchAttributes(nil).CustomSearchAttributes
	if c.CustomSearchAttributeAliases == nil {
		c.CustomSearchAttributeAliases = make(map[string]string, len(wanted))
	}
	aliases := c.CustomSearchAttributeAliases
	columnOf := make(map[string]string, len(aliases))
	for column, name := range aliases {
		columnOf[name] = column
	}
	free := slices.Sorted(maps.Keys(types))
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		want := wanted[name]
		if column, ok := columnOf[name]; ok {
			if have := types[column]; have != want {
				return invalid("--search-attribute",
					"%s is a %s in this data directory, wanted is %s", name, have, want)
			}
			continue
		}
		i := slices.IndexFunc(free, func(column string) bool {
			_, taken := aliases[column]
			return !taken && types[column] == want
		})
		if i < 0 {
			return invalid("--search-attribute", "%s: no column of type %s is left", name, want)
		}
		aliases[free[i]] = name
	}
	return nil
}
