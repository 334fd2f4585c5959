package controldb

import "context"

// Spoil runs a statement of a test's own: it breaks what no transaction breaks.
func (s *Store) Spoil(ctx context.Context, query string, args ...any) error {
	return s.write(ctx, "spoil", func(w *work) error {
		_, err := w.Exec(query, args...)
		return err
	})
}
