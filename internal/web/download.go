package web

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/flat"
)

const (
	// batch is how many pages are read at once: all that is in memory of a download.
	batch = 500
	// batchWithin is how long a reader may take for one batch. The whole may take longer
	// than any other answer.
	batchWithin = 2 * time.Minute
)

// form is a form of a ticket's results.
type form struct {
	name, kind string
	// open makes the writer of a ticket's pages.
	open func(w io.Writer, in fleet.TicketInput) sheet
}

// Name is what the form is called in paths and links.
func (f form) Name() string { return f.name }

func forms() []form {
	return []form{
		{"json", "application/json", newList},
		{"jsonl", "application/jsonl", newLines},
		{"csv", "text/csv; charset=utf-8; header=present", newTable},
	}
}

// sheet writes pages one by one.
type sheet interface {
	add(p fleet.PageRow) error
	end() error
}

// lines is one JSON value on a line.
type lines struct{ out *json.Encoder }

func newLines(w io.Writer, _ fleet.TicketInput) sheet {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // URLs stay readable
	return lines{enc}
}

func (l lines) add(p fleet.PageRow) error { return l.out.Encode(p) }
func (l lines) end() error                { return nil }

// list is one JSON list.
type list struct {
	lines sheet
	w     io.Writer
	open  bool
}

func newList(w io.Writer, in fleet.TicketInput) sheet { return &list{lines: newLines(w, in), w: w} }

func (l *list) add(p fleet.PageRow) error {
	sign := ","
	if !l.open {
		sign, l.open = "[\n", true
	}
	if _, err := io.WriteString(l.w, sign); err != nil {
		return err
	}
	return l.lines.add(p)
}

func (l *list) end() error {
	text := "]\n"
	if !l.open {
		text = "[]\n"
	}
	_, err := io.WriteString(l.w, text)
	return err
}

// table is CSV, with a column for each value that the ticket extracts.
type table struct{ *flat.Writer[fleet.PageRow] }

func newTable(w io.Writer, in fleet.TicketInput) sheet {
	return table{flat.NewWriter[fleet.PageRow](w, flat.Keys{
		Column: "fields", Keys: slices.Sorted(maps.Keys(in.Extract)),
	})}
}

func (t table) add(p fleet.PageRow) error { return t.Write(p) }
func (t table) end() error                { return t.Flush() }

// download streams a ticket's pages as they are stored now, from the cursor of the
// tenant's database.
func (s *site) download(f form) page {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		row, err := s.row(r, v)
		if err != nil {
			return err
		}
		first, err := s.Data.Pages(r.Context(), v.tenant(), row.Input.ID, 0, batch)
		if err != nil && fleet.CodeOf(err) != fleet.CodeNotFound {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{
			"filename": strings.ReplaceAll(string(row.Input.ID), ":", "_") + "." + f.name,
		}))
		h.Set("Vary", "Accept-Encoding")
		if r.Method == http.MethodHead {
			return nil
		}
		if err := s.stream(w, r, f, row, first); err != nil {
			if r.Context().Err() == nil {
				s.Log.Error("a download broke off", zap.String("ticket", string(row.Input.ID)), zap.Error(err))
			}
			panic(http.ErrAbortHandler) // so that half of it does not look like all of it
		}
		return nil
	}
}

func (s *site) stream(
	w http.ResponseWriter, r *http.Request, f form, row fleet.TicketRow, pages []fleet.PageRow,
) error {
	out, end := compressed(w, r)
	sheet := f.open(out, row.Input)
	control := http.NewResponseController(w)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(batchWithin)) // a test's recorder has none
		for _, p := range pages {
			if err := sheet.add(p); err != nil {
				return err
			}
		}
		if len(pages) < batch {
			break
		}
		var err error
		pages, err = s.Data.Pages(r.Context(), row.Input.Tenant, row.Input.ID, pages[len(pages)-1].Seq, batch)
		if err != nil {
			return err
		}
	}
	if err := sheet.end(); err != nil {
		return err
	}
	return end()
}

// compressed writes gzip where it is taken: there is no secret in a download.
func compressed(w http.ResponseWriter, r *http.Request) (io.Writer, func() error) {
	if !takesGzip(r) {
		b := bufio.NewWriter(w)
		return b, b.Flush
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	return z, z.Close
}
