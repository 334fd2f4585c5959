package fleet

import "context"

// The gateway's own HTTP interface, beside the data plane's paths and Temporal's gRPC on
// the same listener: JSON over POST.
const (
	// PathBootstrap exchanges the bootstrap token for a credential: BootstrapRequest in,
	// with the token as the bearer; Credential out.
	PathBootstrap = "/v1/bootstrap"
	// PathRenew exchanges a credential for a younger one: nothing in, with the credential
	// as the bearer; Credential out.
	PathRenew = "/v1/renew"
	// PathAdmit is the data plane's, for the gateway alone: AdmitRequest in, Admission out.
	PathAdmit = "/v1/admit"
)

// HeaderPeer is where the gateway says to the data plane which address a crawler comes
// from. It is believed of the gateway's own credential only.
const HeaderPeer = "Crawlfleet-Peer"

// BootstrapRequest asks for a crawler's first credential.
type BootstrapRequest struct {
	// Nonce is of the crawler's own making, kept in its memory. The first that comes with
	// a token is the only one: a repeat after a lost answer is answered again, another's
	// is forbidden.
	Nonce string `json:"nonce"`
}

// Credential is what a crawler shows to the gateway: for a short time, and renewed.
type Credential struct {
	// Bearer is the credential itself, a secret.
	Bearer string `json:"bearer"`
	// Lasts is how long it is good for; half of it is a good time to renew it.
	Lasts Duration `json:"lasts"`
	// Echo spares the crawler the question for its address.
	Echo EchoAnswer `json:"echo"`
}

// AdmitRequest asks whether a crawler may have a credential; without a nonce, what has
// become of it.
type AdmitRequest struct {
	Tenant TenantID `json:"tenant"`
	GUID   GUID     `json:"guid"`
	Nonce  string   `json:"nonce,omitempty"`
}

// Admission is a crawler as the gateway has to know it.
type Admission struct {
	State CrawlerState `json:"state"`
	Echo  EchoAnswer   `json:"echo"`
}

// Gatekeeper is the control store as the gateway asks it through the data plane.
type Gatekeeper interface {
	// Admit answers a crawler's state; one that the tenant does not have is forbidden.
	// With a nonce it admits the crawler: the first nonce that comes is kept, and any other
	// is forbidden from then on, with the field "nonce". One that is retired or gone is
	// admitted no more.
	Admit(ctx context.Context, t TenantID, g GUID, nonce string) (CrawlerState, error)
}
