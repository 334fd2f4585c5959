package credential

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// SealCookies closes cookies for one session of a tenant, so that a ticket can bring them:
// tickets are in histories and rows, where a login has no place.
func (m Maker) SealCookies(
	t fleet.TenantID, s fleet.SessionKey, state fleet.SessionState,
) (fleet.SealedCookies, error) {
	plain, err := json.Marshal(state)
	if err != nil {
		return "", fmt.Errorf("write cookies: %w", err)
	}
	aead := m.cookies(t, s)
	out := make([]byte, aead.NonceSize())
	_, _ = rand.Read(out) // never fails
	out = aead.Seal(out, out, plain, nil)
	return fleet.SealedCookies(fleet.SealedPrefix + base64.RawURLEncoding.EncodeToString(out)), nil
}

// OpenCookies gives the cookies back that were sealed for a session; those of another
// session, tenant or fleet it refuses with forbidden.
func (m Maker) OpenCookies(
	t fleet.TenantID, s fleet.SessionKey, sealed fleet.SealedCookies,
) (*fleet.SessionState, error) {
	refused := &fleet.Error{
		Code: fleet.CodeForbidden, Field: "session.cookies", Message: "were not sealed for this session",
		Want: "what crawlfleet tenant seal-cookies prints", Hint: "seal them for the tenant and the session's key",
	}
	text, ok := strings.CutPrefix(string(sealed), fleet.SealedPrefix)
	b, err := base64.RawURLEncoding.DecodeString(text)
	aead := m.cookies(t, s)
	if !ok || err != nil || len(b) < aead.NonceSize() {
		return nil, refused
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], nil)
	if err != nil {
		return nil, refused
	}
	state := new(fleet.SessionState)
	if err := json.Unmarshal(plain, state); err != nil {
		return nil, refused
	}
	return state, nil
}

// cookies is a session's own cipher.
func (m Maker) cookies(t fleet.TenantID, s fleet.SessionKey) cipher.AEAD {
	return cipherOf(m.mac("cookies\x00" + string(t) + "\x00" + string(s)))
}
