package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestResults_AreNeverWholeInMemory(t *testing.T) {
	t.Parallel()
	s := story()
	for i := range int64(1700) {
		s.pages = append(s.pages, fleet.PageRow{Seq: 2*i + 2, PageResult: fleet.PageResult{Outcome: fleet.PageFetched}})
	}
	got := runWith(t, program{stores: s}, "ticket", "results", "done-1", "-o", "jsonl")
	require.Equal(t, 1700, strings.Count(got.out, "\n"))
	require.LessOrEqual(t, s.maxBatch, pageBatch)
	got = runWith(t, program{stores: s}, "ticket", "results", "done-1", "-o", "json", "--limit", "1001", "--follow")
	var rows []fleet.PageRow
	require.NoError(t, json.Unmarshal([]byte(got.out), &rows))
	require.Len(t, rows, 1001)
}

// firstWrite notes how much had been read when the first byte of output came.
type firstWrite struct {
	stores *stores
	asked  int
}

func (w *firstWrite) Write(b []byte) (int, error) {
	if w.asked == 0 {
		w.asked = w.stores.asked
	}
	return len(b), nil
}

func TestResults_ComeBeforeAllIsRead(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-o json", "-o jsonl", "-o csv", "-o text", "--items -o json", "--items -o jsonl", "--items -o csv", "--items -o text",
	} {
		s := story()
		s.tickets[0].Input.Extract = map[string]fleet.Field{"price": {CSS: "b"}}
		for i := range int64(10 * pageBatch) {
			s.pages = append(s.pages, fleet.PageRow{Seq: i + 1, PageResult: fleet.PageResult{
				Outcome: fleet.PageFetched, Fields: fleet.Values{"price": "1"},
			}})
		}
		first := &firstWrite{stores: s}
		id := string(s.tickets[0].Input.ID)
		got := runWith(t, program{stores: s, out: first}, append([]string{"ticket", "results", id}, strings.Fields(args)...)...)
		require.Zero(t, got.code, got.err)
		require.Equal(t, 1, first.asked, "%s: what is read is written before more is read", args)
		require.Equal(t, 11, s.asked, args)
		require.GreaterOrEqual(t, strings.Count(got.out, "\n"), 10*pageBatch, args)
	}
}

func TestResults_ItemsAreOfATicketThatExtracts(t *testing.T) {
	t.Parallel()
	for args, field := range map[string]string{
		"--items": "items", "--items --each price": "each", "--each price": "items", "--complete": "items",
	} {
		s := story()
		if args == "--items --each price" {
			s.tickets[0].Input.Extract = map[string]fleet.Field{"price": {CSS: "b"}}
		}
		got := runWith(t, program{stores: s}, append([]string{"ticket", "results", string(s.tickets[0].Input.ID), "-o", "json"}, strings.Fields(args)...)...)
		require.Equal(t, exitError, got.code, got.err)
		var e fleet.Error
		require.NoError(t, json.Unmarshal([]byte(got.err), &e))
		require.Equal(t, field, e.Field, args)
		require.Empty(t, got.out)
	}
}
