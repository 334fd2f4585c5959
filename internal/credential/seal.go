package credential

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// sealForm begins a sealed task token, so that another form can come beside it. Temporal's
// own are protobuf messages, and begin with other bytes.
const sealForm = 0xcf

// Seal closes a task token for one crawler until a moment: Temporal's own are plain
// protobuf, which anybody who knows a workflow's ids can write.
func (m Maker) Seal(c fleet.CrawlerRef, token []byte, until time.Time) []byte {
	aead := m.aead(c)
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+8+len(token)+aead.Overhead())
	out[0] = sealForm
	_, _ = rand.Read(out[1:]) // never fails
	plain := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	return aead.Seal(out, out[1:], append(plain, token...), out[:1])
}

// Open gives the task token back to the crawler that it was sealed for, in time; for any
// other it refuses with forbidden.
func (m Maker) Open(c fleet.CrawlerRef, sealed []byte, now time.Time) ([]byte, error) {
	aead := m.aead(c)
	if len(sealed) < 1+aead.NonceSize() || sealed[0] != sealForm {
		return nil, fleet.Errorf(fleet.CodeForbidden, "the task token is not one of the gateway's")
	}
	nonce, body := sealed[1:1+aead.NonceSize()], sealed[1+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, body, sealed[:1])
	if err != nil || len(plain) < 8 {
		return nil, fleet.Errorf(fleet.CodeForbidden, "the task token is not this crawler's")
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(plain)) {
		return nil, fleet.Errorf(fleet.CodeForbidden, "the task token has expired")
	}
	return plain[8:], nil
}

// aead is the crawler's own cipher: a key for each keeps the random nonces of all of them
// far from meeting.
func (m Maker) aead(c fleet.CrawlerRef) cipher.AEAD {
	return cipherOf(m.mac("seal\x00" + string(c.Tenant) + "\x00" + string(c.GUID)))
}

func cipherOf(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("credential: " + err.Error()) // a key of 32 bytes is always taken
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("credential: " + err.Error()) // AES has the block size that GCM wants
	}
	return aead
}
