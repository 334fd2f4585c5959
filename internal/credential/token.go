package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The forms of a token: what it is good for is part of what is signed, so that none can
// be shown in the place of another.
const (
	formBootstrap = "cfb1" // exchanged for a credential, once
	formShort     = "cfc1" // a credential, with its expiry
	formGateway   = "cfg1" // the gateway at the data plane, for one crawler
)

// MinSecret is the least length of a fleet's secret: shorter ones can be guessed.
const MinSecret = 16

// Maker makes and checks the tokens of one fleet. It is safe for concurrent use.
type Maker struct {
	Fleet  fleet.FleetID
	Secret fleet.Secret // at least MinSecret bytes
}

// Bootstrap is the token that a crawler is launched with. The same crawler has the same,
// so that a repeated launch needs no memory.
func (m Maker) Bootstrap(c fleet.CrawlerRef) fleet.Secret { return m.token(formBootstrap, c) }

// Bootstrapped answers whose bootstrap token it is, or refuses with forbidden.
func (m Maker) Bootstrapped(token fleet.Secret) (fleet.CrawlerRef, error) {
	return m.read(formBootstrap, token)
}

// Gateway is the gateway's token at the data plane, for one crawler.
func (m Maker) Gateway(c fleet.CrawlerRef) fleet.Secret { return m.token(formGateway, c) }

// FromGateway answers for which crawler the gateway calls, or refuses with forbidden.
func (m Maker) FromGateway(token fleet.Secret) (fleet.CrawlerRef, error) {
	return m.read(formGateway, token)
}

// IsGateway tells the gateway's token from a crawler's own, by its form.
func IsGateway(token fleet.Secret) bool {
	return strings.HasPrefix(token.Reveal(), formGateway+".")
}

// Short is a crawler's credential until a moment.
func (m Maker) Short(c fleet.CrawlerRef, until time.Time) fleet.Secret {
	return m.token(formShort, c, strconv.FormatInt(until.Unix(), 10))
}

// Shown answers whose credential it is and until when, or refuses with forbidden; one
// that has expired too, with the field "expired".
func (m Maker) Shown(token fleet.Secret, now time.Time) (fleet.CrawlerRef, time.Time, error) {
	head, rest, _ := strings.Cut(token.Reveal(), ".")
	expiry, _, _ := strings.Cut(rest, ".")
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if head != formShort || err != nil {
		return fleet.CrawlerRef{}, time.Time{}, refused()
	}
	c, err := m.read(formShort, token, expiry)
	until := time.Unix(seconds, 0)
	if err == nil && !now.Before(until) {
		return c, until, &fleet.Error{
			Code: fleet.CodeForbidden, Field: "expired", Message: "the credential has expired",
			Hint: "bootstrap again, with the same nonce",
		}
	}
	return c, until, err
}

// token is form, parts, tenant, GUID and their signature. None of them can contain the
// separator, so no two of them are one text.
func (m Maker) token(form string, c fleet.CrawlerRef, parts ...string) fleet.Secret {
	text := strings.Join(append(append([]string{form}, parts...), string(c.Tenant), string(c.GUID)), ".")
	return fleet.Secret(text + "." + m.sign(text))
}

// read checks a token of a form with these parts.
func (m Maker) read(form string, token fleet.Secret, parts ...string) (fleet.CrawlerRef, error) {
	all := strings.Split(token.Reveal(), ".")
	if len(all) != len(parts)+4 {
		return fleet.CrawlerRef{}, refused()
	}
	c := fleet.CrawlerRef{
		Tenant: fleet.TenantID(all[len(all)-3]), GUID: fleet.GUID(all[len(all)-2]),
	}
	if c.Tenant.Validate() != nil || c.GUID.Validate() != nil ||
		!hmac.Equal([]byte(token.Reveal()), []byte(m.token(form, c, parts...).Reveal())) {
		return fleet.CrawlerRef{}, refused()
	}
	return c, nil
}

func refused() error {
	return fleet.Errorf(fleet.CodeForbidden, "the credential is not one of this fleet").
		WithHint("a crawler gets its credential in " + fleet.EnvToken)
}

func (m Maker) sign(text string) string {
	return base64.RawURLEncoding.EncodeToString(m.mac(text))
}

// mac signs a text for this fleet; the zero byte is in no text.
func (m Maker) mac(text string) []byte {
	mac := hmac.New(sha256.New, []byte(m.Secret.Reveal()))
	mac.Write([]byte(string(m.Fleet) + "\x00" + text))
	return mac.Sum(nil)
}
