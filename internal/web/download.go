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
	what, name, kind string
	// open makes the writer of a ticket's pages.
	open func(w io.Writer, in fleet.TicketInput) sheet
}

// The two things that a ticket's results are read as.
const (
	asPages = "pages" // everything that is stored of each
	asItems = "items" // what the ticket extracts, and nothing else
)

// Name is what the form is called in links.
func (f form) Name() string { return f.name }

// ending is what a ticket's id is followed by in the name of the file.
func (f form) ending() string {
	if f.what == asItems {
		return "-items." + f.name
	}
	return "." + f.name
}

// File is what it is called in paths.
func (f form) File() string { return f.what + "." + f.name }

func forms() []form {
	const list, line, table = "application/json", "application/jsonl", "text/csv; charset=utf-8; header=present"
	return []form{
		{asPages, "json", list, func(w io.Writer, _ fleet.TicketInput) sheet { return pageSheet{newList(w)} }},
		{asPages, "jsonl", line, func(w io.Writer, _ fleet.TicketInput) sheet { return pageSheet{newLines(w)} }},
		{asPages, "csv", table, newTable},
		{asItems, "json", list, func(w io.Writer, in fleet.TicketInput) sheet { return newItems(newList(w), in) }},
		{asItems, "jsonl", line, func(w io.Writer, in fleet.TicketInput) sheet { return newItems(newLines(w), in) }},
		{asItems, "csv", table, func(w io.Writer, in fleet.TicketInput) sheet {
			return newItems(itemTable{flat.NewItems(w, in.Extract)}, in)
		}},
	}
}

// formsOf are the forms of one kind.
func formsOf(what string) []form {
	return slices.DeleteFunc(forms(), func(f form) bool { return f.what != what })
}

// sheet writes pages one by one.
type sheet interface {
	add(p fleet.PageRow) error
	end() error
}

// values writes values one by one.
type values interface {
	write(v any) error
	end() error
}

// pageSheet writes pages as they are stored.
type pageSheet struct{ values }

func (s pageSheet) add(p fleet.PageRow) error { return s.write(p) }

// itemSheet writes pages as items.
type itemSheet struct {
	values
	schema fleet.Items
}

func newItems(out values, in fleet.TicketInput) sheet {
	schema, _ := fleet.NewItems(in.Extract, "") // looked at before; without fields there are no items
	return itemSheet{out, schema}
}

func (s itemSheet) add(p fleet.PageRow) error {
	found, _ := s.schema.Of(p) // what is wrong with them is among the page's notes
	for _, f := range found {
		if err := s.write(f.Item); err != nil {
			return err
		}
	}
	return nil
}

// lines is one JSON value on a line.
type lines struct{ out *json.Encoder }

func newLines(w io.Writer) lines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // URLs stay readable
	return lines{enc}
}

func (l lines) write(v any) error { return l.out.Encode(v) }
func (l lines) end() error        { return nil }

// list is one JSON list.
type list struct {
	lines lines
	w     io.Writer
	open  bool
}

func newList(w io.Writer) *list { return &list{lines: newLines(w), w: w} }

func (l *list) write(v any) error {
	sign := ","
	if !l.open {
		sign, l.open = "[\n", true
	}
	if _, err := io.WriteString(l.w, sign); err != nil {
		return err
	}
	return l.lines.write(v)
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

// itemTable is CSV of items.
type itemTable struct{ *flat.Items }

func (t itemTable) write(v any) error {
	item, _ := v.(fleet.Item)
	return t.Write(item)
}

func (t itemTable) end() error { return t.Flush() }

// download streams a ticket's pages as they are stored now, from the cursor of the
// tenant's database.
func (s *site) download(f form) page {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		row, err := s.row(r, v)
		if err != nil {
			return err
		}
		if f.what == asItems {
			if _, err := fleet.NewItems(row.Input.Extract, ""); err != nil {
				return err
			}
		}
		first, err := s.Data.Pages(r.Context(), v.tenant(), row.Input.ID, 0, batch)
		if err != nil && fleet.CodeOf(err) != fleet.CodeNotFound {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{
			"filename": strings.ReplaceAll(string(row.Input.ID), ":", "_") + f.ending(),
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
		if len(pages) == 0 {
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
