package controldb

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

const keyColumns = `SELECT tenant, name, digest, created_at, expires_at, revoked_at FROM keys `

func scanKey(r scanner, k *fleet.KeyRow) error {
	var created, expires, revoked int64
	err := r.Scan(&k.Tenant, &k.Name, &k.Digest, &created, &expires, &revoked)
	k.CreatedAt, k.ExpiresAt, k.RevokedAt = store.Moment(created), store.Moment(expires), store.Moment(revoked)
	return err
}

// digestShown is how much of a digest readers see: enough to tell keys apart.
const digestShown = 12

func shown(k fleet.KeyRow) fleet.KeyRow {
	k.Digest = k.Digest[:min(digestShown, len(k.Digest))]
	return k
}

// AddKey implements fleet.Control. A digest that is known elsewhere is a conflict, too.
func (s *Store) AddKey(
	ctx context.Context, t fleet.TenantID, r fleet.KeyRequest,
) (out fleet.KeyRow, err error) {
	if err := r.Validate(); err != nil {
		return out, err
	}
	err = s.write(ctx, "add key", func(w *work) error {
		if _, err := w.tenant(t); err != nil {
			return err
		}
		known, err := w.sameKey(t, r)
		if err != nil {
			return err
		}
		if known != nil {
			out = shown(*known)
			return nil
		}
		k := fleet.KeyRow{
			Tenant: t, Name: r.Name, Digest: r.Digest, CreatedAt: w.now, ExpiresAt: r.ExpiresAt.UTC(),
		}
		if r.ExpiresAt.IsZero() {
			k.ExpiresAt = r.ExpiresAt
		}
		out = shown(k)
		if _, err := w.Exec(`INSERT INTO keys (digest, tenant, name, created_at, expires_at)
			VALUES (?, ?, ?, ?, ?)`,
			k.Digest, t, k.Name, store.Micros(k.CreatedAt), store.Micros(k.ExpiresAt)); err != nil {
			return err
		}
		return w.audited(t, r.By, "key create", r.Name)
	})
	return out, err
}

// sameKey finds the key that a request has made before, and refuses one that is in the
// way of it; nil where the key is new.
func (w *work) sameKey(t fleet.TenantID, r fleet.KeyRequest) (*fleet.KeyRow, error) {
	known, err := list(w, keyColumns+`WHERE digest = ? OR tenant = ? AND name = ?`,
		[]any{r.Digest, t, r.Name}, scanKey)
	if err != nil {
		return nil, err
	}
	for i, k := range known {
		switch same := k.Digest == r.Digest; {
		case same && k.Tenant == t && k.Name == r.Name:
			return &known[i], nil
		case same:
			return nil, &fleet.Error{Code: fleet.CodeConflict, Field: "digest", Message: "is that of another key"}
		case k.Valid(w.now):
			return nil, &fleet.Error{
				Code: fleet.CodeConflict, Field: "name",
				Message: fmt.Sprintf("key %q of tenant %s exists", r.Name, t),
				Want:    "another name, or the end of that key",
			}
		}
	}
	return nil, nil //nolint:nilnil // a new key is no error
}

// RevokeKey implements fleet.Control. Of several keys that had the name it ends the one
// that came last.
func (s *Store) RevokeKey(
	ctx context.Context, t fleet.TenantID, r fleet.RevokeRequest,
) (out fleet.KeyRow, err error) {
	if err := r.Validate(); err != nil {
		return out, err
	}
	err = s.write(ctx, "revoke key", func(w *work) error {
		known, err := list(w, keyColumns+`WHERE tenant = ? AND name = ?
			ORDER BY created_at DESC, digest LIMIT 1`, []any{t, r.Name}, scanKey)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			return notFound("name", fmt.Sprintf("key %q of tenant %q", r.Name, t))
		}
		k := known[0]
		if k.RevokedAt.IsZero() {
			k.RevokedAt = w.now
			if _, err := w.Exec(`UPDATE keys SET revoked_at = ? WHERE digest = ?`,
				store.Micros(w.now), k.Digest); err != nil {
				return err
			}
			if err := w.audited(t, r.By, "key revoke", r.Name); err != nil {
				return err
			}
		}
		out = shown(k)
		return nil
	})
	return out, err
}

// Keys implements fleet.Reader.
func (s *Store) Keys(ctx context.Context, t fleet.TenantID) (out []fleet.KeyRow, err error) {
	err = s.read(ctx, "list keys", func(w *work) error {
		out, err = list(w, keyColumns+`WHERE tenant = ? ORDER BY created_at DESC, digest`,
			[]any{t}, scanKey)
		for i := range out {
			out[i] = shown(out[i])
		}
		return err
	})
	return out, err
}

// KeyOf implements fleet.Reader.
func (s *Store) KeyOf(ctx context.Context, digest string) (out fleet.KeyRow, err error) {
	err = s.read(ctx, "find key", func(w *work) error {
		known, err := list(w, keyColumns+`WHERE digest = ?`, []any{digest}, scanKey)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			return notFound("key", "the key")
		}
		out = shown(known[0])
		return nil
	})
	return out, err
}
