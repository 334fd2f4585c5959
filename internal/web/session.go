package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// sessionLife is a working day: after it the key is asked for again.
const sessionLife = 12 * time.Hour

// session is what a login leaves in the browser, sealed. It holds the digest of the key,
// which is looked up at each request: a revoked key ends its sessions at once.
type session struct {
	ID      string         `json:"i"` // random
	Tenant  fleet.TenantID `json:"t"`
	Digest  string         `json:"d"`
	Expires time.Time      `json:"e"`
}

func newSession(k fleet.TenantID, digest string, now time.Time) session {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return session{
		ID: hex.EncodeToString(id[:]), Tenant: k, Digest: digest,
		Expires: now.Add(sessionLife).UTC().Truncate(time.Second),
	}
}

// sealer signs sessions and the tokens of their forms, with a key of its own that is
// derived from the fleet's secret.
type sealer struct{ key []byte }

func newSealer(secret fleet.Secret) sealer {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	h.Write([]byte("web session"))
	return sealer{h.Sum(nil)}
}

func (s sealer) sum(kind, text string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(kind + "\n" + text))
	return h.Sum(nil)
}

// seal writes a session as a cookie's value.
func (s sealer) seal(of session) (string, error) {
	b, err := json.Marshal(of)
	if err != nil {
		return "", err
	}
	body := base64.RawURLEncoding.EncodeToString(b)
	return body + "." + base64.RawURLEncoding.EncodeToString(s.sum("session", body)), nil
}

// open reads a cookie's value that seal wrote and that has not expired.
func (s sealer) open(value string, now time.Time) (*session, bool) {
	body, sum, ok := strings.Cut(value, ".")
	given, err := base64.RawURLEncoding.DecodeString(sum)
	if !ok || err != nil || !hmac.Equal(given, s.sum("session", body)) {
		return nil, false
	}
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, false
	}
	var out session
	if json.Unmarshal(b, &out) != nil || !now.Before(out.Expires) {
		return nil, false
	}
	return &out, true
}

// token is what the forms of a session carry: other sites cannot read it.
func (s sealer) token(of *session) string {
	if of == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(s.sum("form", of.ID))
}

func (s sealer) isToken(of *session, given string) bool {
	return hmac.Equal([]byte(given), []byte(s.token(of)))
}
