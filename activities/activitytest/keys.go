package activitytest

import (
	"context"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// AddKey stores a digest.
func (s *Store) AddKey(
	_ context.Context, t fleet.TenantID, r fleet.KeyRequest,
) (fleet.KeyRow, error) {
	if _, err := s.tenant("AddKey", t); err != nil {
		return fleet.KeyRow{}, err
	}
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.Tenant == t && k.Name == r.Name && k.Valid(s.Now()) {
			if k.Digest == r.Digest {
				return k, nil
			}
			return fleet.KeyRow{}, &fleet.Error{Code: fleet.CodeConflict, Field: "name", Message: "the key exists"}
		}
	}
	k := fleet.KeyRow{Tenant: t, Name: r.Name, Digest: r.Digest, CreatedAt: s.Now(), ExpiresAt: r.ExpiresAt}
	s.keys = append(s.keys, k)
	return k, nil
}

// RevokeKey ends a key.
func (s *Store) RevokeKey(
	_ context.Context, t fleet.TenantID, r fleet.RevokeRequest,
) (fleet.KeyRow, error) {
	if err := s.enter("RevokeKey"); err != nil {
		return fleet.KeyRow{}, err
	}
	defer s.mu.Unlock()
	for i := len(s.keys) - 1; i >= 0; i-- {
		if k := &s.keys[i]; k.Tenant == t && k.Name == r.Name {
			if k.RevokedAt.IsZero() {
				k.RevokedAt = s.Now()
			}
			return *k, nil
		}
	}
	return fleet.KeyRow{}, fleet.Errorf(fleet.CodeNotFound, "there is no key "+r.Name)
}

// Audit keeps a record.
func (s *Store) Audit(_ context.Context, r fleet.AuditRecord) error {
	if err := s.enter("Audit"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	r.Seq, r.At = int64(len(s.audit)+1), s.Now()
	s.audit = append(s.audit, r)
	return nil
}

// Audited lists what Audit kept.
func (s *Store) Audited() []fleet.AuditRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.audit)
}
