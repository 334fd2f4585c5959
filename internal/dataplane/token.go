package dataplane

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

// tokenPrefix names the form of a token, so that another form can come beside it.
const tokenPrefix = "cf1"

// minSecret is the least length of a fleet's secret: shorter ones can be guessed.
const minSecret = 16

// Token is a crawler's credential at the data plane: its identity, signed with the
// fleet's secret. The same key gives the same token, so that a repeated launch needs no
// memory. Providers put it into the crawler's environment.
func Token(secret fleet.Secret, k fleet.Key) fleet.Secret {
	return fleet.Secret(strings.Join([]string{
		tokenPrefix, string(k.Tenant), string(k.GUID), signature(secret, k),
	}, "."))
}

func signature(secret fleet.Secret, k fleet.Key) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	// Neither a tenant nor a GUID can contain the separator, so no two keys are one text.
	mac.Write([]byte(string(k.Fleet) + "|" + string(k.Tenant) + "|" + string(k.GUID)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Tokens verifies the credentials of one fleet's crawlers.
type Tokens struct {
	Fleet  fleet.FleetID
	Secret fleet.Secret // at least 16 bytes
}

// Verify answers whose token it is, or refuses with forbidden.
func (t Tokens) Verify(token fleet.Secret) (fleet.Key, error) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) == 4 && parts[0] == tokenPrefix {
		k := fleet.Key{Fleet: t.Fleet, Tenant: fleet.TenantID(parts[1]), GUID: fleet.GUID(parts[2])}
		valid := k.Tenant.Validate() == nil && k.GUID.Validate() == nil
		if hmac.Equal([]byte(parts[3]), []byte(signature(t.Secret, k))) && valid {
			return k, nil
		}
	}
	return fleet.Key{}, fleet.Errorf(fleet.CodeForbidden, "the credential is not one of this fleet").
		WithHint("a crawler gets its credential in " + fleet.EnvToken)
}

func (t Tokens) maker() credential.Maker { return credential.Maker{Fleet: t.Fleet, Secret: t.Secret} }

// caller answers who calls. The gateway says from where; a crawler is where its
// connection comes from.
func (t Tokens) caller(r *http.Request) (caller, error) {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token := fleet.Secret(text)
	if !credential.IsGateway(token) {
		key, err := t.Verify(token)
		if err != nil {
			return caller{}, err
		}
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		return caller{Key: key, address: from.Addr().Unmap().String()}, err
	}
	ref, err := t.maker().FromGateway(token)
	if err != nil {
		return caller{}, err
	}
	from, err := netip.ParseAddr(r.Header.Get(fleet.HeaderPeer))
	if err != nil {
		return caller{}, fleet.Invalid(fleet.HeaderPeer, err.Error(), "the crawler's address")
	}
	return caller{
		Key:     fleet.Key{Fleet: t.Fleet, Tenant: ref.Tenant, GUID: ref.GUID},
		address: from.Unmap().String(), gateway: true,
	}, nil
}
