package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// KeyPrefix begins every key, so that a leaked one is recognised.
const KeyPrefix = "cfk_"

var (
	digestPattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	keyNamePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)
)

// KeyDigest is what is stored of a key: its SHA-256 in hexadecimal. A key has 256
// random bits, so that a digest without salt is enough.
func KeyDigest(key Secret) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(key.Reveal())))
	return hex.EncodeToString(sum[:])
}

// KeyRequest gives a tenant a key, by its digest.
type KeyRequest struct {
	// Name is what the key is called, unique within the tenant while it is valid: 1 to
	// 32 lower case letters, digits, '.', '_' or '-'.
	Name string `json:"name"`
	// Digest is the SHA-256 of the key in hexadecimal (KeyDigest).
	Digest string `json:"digest"`
	// ExpiresAt ends it; zero for never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	By        string    `json:"by,omitempty"`
}

// Validate names the first field that is wrong.
func (r KeyRequest) Validate() error {
	if !keyNamePattern.MatchString(r.Name) {
		return Invalid("name", fmt.Sprintf("%q is not valid", clip(r.Name, 40)),
			"1 to 32 lower case letters, digits, '.', '_' or '-'")
	}
	if !digestPattern.MatchString(r.Digest) {
		return Invalid("digest", "is not a digest", "the key's SHA-256, 64 hexadecimal digits; never the key")
	}
	return nil
}

// RevokeRequest takes a key.
type RevokeRequest struct {
	Name string `json:"name"`
	By   string `json:"by,omitempty"`
}

// Validate names the first field that is wrong.
func (r RevokeRequest) Validate() error {
	if !keyNamePattern.MatchString(r.Name) {
		return Invalid("name", fmt.Sprintf("%q is not valid", clip(r.Name, 40)), "the name of a key")
	}
	return nil
}

// KeyRow is a key as readers know it: never the key, and of its digest the beginning.
type KeyRow struct {
	Tenant    TenantID  `json:"tenant"`
	Name      string    `json:"name"`
	Digest    string    `json:"digest"` // first 12 digits
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	RevokedAt time.Time `json:"revokedAt,omitzero"`
}

// Valid reports whether the key opens anything at a moment.
func (k KeyRow) Valid(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// KeyDesk gives and takes keys.
type KeyDesk interface {
	// AddKey stores a digest. A repeat is the same key; another digest under the name
	// of a valid key is a conflict.
	AddKey(ctx context.Context, t TenantID, r KeyRequest) (KeyRow, error)
	// RevokeKey ends a key at once; a repeat changes nothing. It refuses with not_found.
	RevokeKey(ctx context.Context, t TenantID, r RevokeRequest) (KeyRow, error)
}

// KeyReader is what doors know of keys.
type KeyReader interface {
	// Keys lists a tenant's keys, newest first, revoked ones included.
	Keys(ctx context.Context, t TenantID) ([]KeyRow, error)
	// KeyOf finds the key of a digest, not_found without one.
	KeyOf(ctx context.Context, digest string) (KeyRow, error)
}
