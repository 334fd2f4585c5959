package main

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
)

const keyword = enumspb.INDEXED_VALUE_TYPE_KEYWORD

// columnsOf lists what the visibility file of s has an index for.
func columnsOf(t *testing.T, s *store) (columns []string) {
	t.Helper()
	require.NoError(t, withDB(t.Context(), s.visibility, func(ctx context.Context, db *sql.DB) error {
		list, err := visibilityIndexes(ctx, db)
		for _, index := range list {
			columns = append(columns, index.column)
		}
		return err
	}))
	slices.Sort(columns)
	return columns
}

func testStore(t *testing.T) *store {
	t.Helper()
	dir, err := openDirectory(t.Context(), t.TempDir(), 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	return newStore(dir)
}

func TestStore_KeepsOnlyTheIndexesOfListsAndSearchAttributes(t *testing.T) {
	t.Parallel()
	whole, err := schemaIndexes(t.Context())
	require.NoError(t, err)
	require.Len(t, whole, 58, "Temporal's own schema")

	s := testStore(t)
	cfg := Config{Namespace: "default", Retention: time.Hour, SearchAttributes: attributes{
		"CrawlTenant": keyword, "CrawlSession": keyword, "CrawlOffering": keyword,
	}}
	want := []string{
		"", "Keyword01", "Keyword02", "Keyword03", "status", "workflow_id", "workflow_type_name",
	}
	for range 2 { // the second time nothing is to do
		require.NoError(t, s.prepare(t.Context(), cfg))
		require.Equal(t, want, columnsOf(t, s))
	}
}

func TestStore_IndexesAnAttributeThatIsAddedLater(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	cfg := Config{Namespace: "default", Retention: time.Hour, SearchAttributes: attributes{"A": keyword}}
	require.NoError(t, s.prepare(t.Context(), cfg))
	require.NotContains(t, columnsOf(t, s), "Keyword02")

	cfg.SearchAttributes = attributes{"A": keyword, "B": keyword, "Pages": enumspb.INDEXED_VALUE_TYPE_INT}
	require.NoError(t, s.prepare(t.Context(), cfg))
	require.Subset(t, columnsOf(t, s), []string{"Keyword01", "Keyword02", "Int01"})
}

func TestStore_KeepsTheIndexesOfOtherNamespaces(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	one := Config{Namespace: "one", Retention: time.Hour, SearchAttributes: attributes{
		"A": keyword, "B": keyword,
	}}
	require.NoError(t, s.prepare(t.Context(), one))
	two := Config{Namespace: "two", Retention: time.Hour, SearchAttributes: attributes{"A": keyword}}
	require.NoError(t, s.prepare(t.Context(), two))
	require.Subset(t, columnsOf(t, s), []string{"Keyword01", "Keyword02"})
}

func TestStore_RefusesAnAttributeOfAnotherType(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	cfg := Config{Namespace: "default", Retention: time.Hour, SearchAttributes: attributes{"A": keyword}}
	require.NoError(t, s.prepare(t.Context(), cfg))
	cfg.SearchAttributes = attributes{"A": enumspb.INDEXED_VALUE_TYPE_INT}
	var f *Failure
	require.ErrorAs(t, s.prepare(t.Context(), cfg), &f)
	require.Equal(t, "--search-attribute", f.Flag)
	require.Contains(t, f.Message, "A is a Keyword")
}

func TestStore_RefusesMoreAttributesThanColumns(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	cfg := Config{Namespace: "default", Retention: time.Hour, SearchAttributes: attributes{}}
	for name := 'A'; name <= 'D'; name++ { // there are three columns for Int
		cfg.SearchAttributes[string(name)] = enumspb.INDEXED_VALUE_TYPE_INT
	}
	var f *Failure
	require.ErrorAs(t, s.prepare(t.Context(), cfg), &f)
	require.Equal(t, "--search-attribute", f.Flag)
	require.Contains(t, f.Message, "D:")
}

func TestStore_PathMayHoldCharactersOfAURI(t *testing.T) {
	t.Parallel()
	dir, err := openDirectory(t.Context(), t.TempDir()+"/a b%20c?d#e", 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	s := newStore(dir)
	require.NoError(t, s.prepare(t.Context(), Config{Namespace: "default", Retention: time.Hour}))
	require.FileExists(t, dir.file(mainFile))
	require.FileExists(t, dir.file(visibilityFile))
}
