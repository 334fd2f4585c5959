package activities

import (
	"context"
	"errors"
)

// Round looks at every row and every provider once. What fails is left to the next round and
// joined to the error; it keeps no other row from its cure.
func (r *Reaper) Round(ctx context.Context) error {
	_, rows := r.rows(ctx)
	_, places := r.places(ctx)
	return errors.Join(rows, places)
}
