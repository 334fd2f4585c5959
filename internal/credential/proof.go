package credential

import (
	"crypto/hmac"
	"strconv"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// proofLasts is how old a proof may be: a Hello may wait for a control worker that is
	// being restarted.
	proofLasts = 15 * time.Minute
	// proofAhead is how far the clocks of the control side's machines may be apart.
	proofAhead = 2 * time.Minute
)

// Prove signs that a crawler was seen to come from an address.
func (m Maker) Prove(g fleet.GUID, address string, now time.Time) string {
	at := strconv.FormatInt(now.Unix(), 10)
	return at + "." + m.sign(proofText(g, address, at))
}

// Proven refuses with forbidden, and the field "address", a Hello whose address the
// control side has not seen.
func (m Maker) Proven(g fleet.GUID, h fleet.Hello, now time.Time) error {
	at, signature, _ := strings.Cut(h.Proof, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	seen := time.Unix(seconds, 0)
	if err == nil && hmac.Equal([]byte(signature), []byte(m.sign(proofText(g, h.Address, at)))) &&
		now.Sub(seen) < proofLasts && seen.Sub(now) < proofAhead {
		return nil
	}
	return &fleet.Error{
		Code: fleet.CodeForbidden, Field: "address",
		Message: "the crawler names an address that it was not seen to come from",
		Want:    "the echo's address with its proof",
	}
}

func proofText(g fleet.GUID, address, at string) string {
	return strings.Join([]string{"proof", string(g), address, at}, "\x00")
}
