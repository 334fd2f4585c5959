package controldb

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// decided writes a decision record; ticket and guid may be empty. Reasons are written
// as clauses and kept as sentences: read one after the other they are the ticket's story.
func (w *work) decided(
	t fleet.TenantID, id fleet.TicketID, g fleet.GUID, kind fleet.DecisionKind, reason string,
) error {
	_, err := w.Exec(`INSERT INTO decisions (at, tenant, ticket, guid, kind, reason)
		VALUES (?, ?, ?, ?, ?, ?)`,
		store.Micros(w.now), t, id, g, kind, sentence(reason))
	return err
}

func sentence(clause string) string {
	first, size := utf8.DecodeRuneInString(clause)
	if size == 0 {
		return ""
	}
	out := string(unicode.ToUpper(first)) + clause[size:]
	if strings.ContainsRune(".!?", rune(out[len(out)-1])) {
		return out
	}
	return out + "."
}

// Decisions implements fleet.Reader.
func (s *Store) Decisions(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID,
) (out []fleet.DecisionRecord, err error) {
	err = s.read(ctx, "read decisions", func(w *work) error {
		if _, err := w.ticket(t, id); err != nil {
			return err
		}
		// The crawlers' own thread has no ticket: how they came, served and went.
		out, err = list(w, `
			SELECT seq, at, tenant, ticket, guid, kind, reason FROM decisions
			WHERE tenant = ? AND ticket = ?
			UNION
			SELECT seq, at, tenant, ticket, guid, kind, reason FROM decisions
			WHERE ticket = '' AND guid <> '' AND guid IN (
				SELECT guid FROM crawlers WHERE tenant = ? AND ticket = ?
				UNION SELECT guid FROM decisions
				WHERE tenant = ? AND ticket = ? AND guid <> '')
			ORDER BY seq`,
			[]any{t, id, t, id, t, id}, scanDecision)
		return err
	})
	return out, err
}

func scanDecision(r scanner, d *fleet.DecisionRecord) error {
	var at int64
	err := r.Scan(&d.Seq, &at, &d.Tenant, &d.Ticket, &d.GUID, &d.Kind, &d.Reason)
	d.At = store.Moment(at)
	return err
}
