package flat_test

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/flat"
)

type inner struct {
	Amount int64  `json:"amount"`
	Unit   string `json:"unit,omitempty"`
}

type embedded struct {
	Seq int64 `json:"seq"`
}

type row struct {
	embedded
	Embedded
	Name   string            `json:"name"`
	Hidden string            `json:"-"`
	At     time.Time         `json:"at,omitzero"`
	For    fleet.Duration    `json:"for,omitempty"`
	Cost   inner             `json:"cost"`
	Maybe  *inner            `json:"maybe,omitempty"`
	List   []string          `json:"list,omitempty"`
	Map    map[string]any    `json:"map,omitempty"`
	Secret fleet.Secret      `json:"secret"`
	Labels map[string]string `json:"labels"`
	Done   bool              `json:"done"`
	Exit   *int              `json:"exit,omitempty"`
}

// Embedded is exported, so that its fields are columns.
type Embedded struct {
	ID string `json:"id"`
}

func TestWriter_ColumnsFollowFromTheType(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := flat.NewWriter[row](&b)
	exit := 137
	require.NoError(t, w.Write(row{
		Embedded: Embedded{"a"}, Name: "say \"hi\",\nthen go", At: time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC),
		For: fleet.Duration(90 * time.Second), Cost: inner{7, "EUR"}, Maybe: &inner{Amount: 1},
		List: []string{"x", "y"}, Map: map[string]any{"k": 1.5}, Secret: "s3cret", Done: true, Exit: &exit,
	}))
	require.NoError(t, w.Write(row{Embedded: Embedded{"b"}}))
	require.NoError(t, w.Flush())
	got, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"id", "name", "at", "for", "cost.amount", "cost.unit", "maybe.amount", "maybe.unit", "list", "map", "secret", "labels", "done", "exit"},
		{"a", "say \"hi\",\nthen go", "2026-11-21T08:30:00Z", "1m30s", "7", "EUR", "1", "", `["x","y"]`, `{"k":1.5}`, "***", "", "true", "137"},
		{"b", "", "", "0s", "0", "", "", "", "", "", "", "", "false", ""},
	}, got)
}

func TestWriter_KnownKeysOfAMapAreColumns(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	type page struct {
		Fields map[string]any `json:"fields"`
	}
	p := flat.NewWriter[page](&b, flat.Keys{Column: "fields", Keys: []string{"price", "tags"}})
	require.NoError(t, p.Write(page{map[string]any{"price": "9 €", "tags": []any{"a"}, "else": 1}}))
	require.NoError(t, p.Write(page{}))
	require.NoError(t, p.Flush())
	require.Equal(t, "fields.price,fields.tags\n9 €,\"[\"\"a\"\"]\"\n,\n", b.String())
}

func TestWriter_AListWithoutRowsHasItsHeader(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	require.NoError(t, flat.NewWriter[Embedded](&b).Flush())
	require.Equal(t, "id\n", b.String())
}

func TestWriter_WritesEveryListOfTheCommandLine(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := flat.NewWriter[fleet.PageRow](&b)
	require.NoError(t, w.Write(fleet.PageRow{Seq: 1}))
	require.NoError(t, w.Flush())
	head, _, _ := strings.Cut(b.String(), "\n")
	require.Contains(t, strings.Split(head, ","), "url")
	require.NotContains(t, head, "PageResult")
}
