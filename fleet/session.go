package fleet

import (
	"fmt"
	"log/slog"
	"maps"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// LossPolicy says what becomes of a session whose crawler or address is gone.
type LossPolicy string

// The loss policies.
const (
	// LossPreferred takes a new crawler and a new address.
	LossPreferred LossPolicy = "preferred"
	// LossRequired waits for the same egress address.
	LossRequired LossPolicy = "required"
	// LossFail ends the ticket with session_lost when the address cannot be had.
	LossFail LossPolicy = "fail"
)

// Session binds tickets of one key to one crawler: same cookies, same address, same way of
// introducing itself. Its cookies move to the next crawler with it.
type Session struct {
	Key    SessionKey `json:"key"`
	OnLoss LossPolicy `json:"onLoss,omitempty"` // default preferred
	// UserAgent is sent instead of ours. robots.txt is obeyed as crawlfleet all the same.
	UserAgent string `json:"userAgent,omitempty"`
	// Headers are sent with every page. One that is a secret's by its name, or by the form of
	// its value, is refused: a ticket stays in histories. There is no other place for one.
	Headers map[string]string `json:"headers,omitempty"`
	// Cookies are what the session begins with, sealed by "crawlfleet tenant seal-cookies" so
	// that no history shows them; what it has gathered since counts more.
	Cookies SealedCookies `json:"cookies,omitempty"`
	// Proxy is the tenant's own, http://host:port or socks5://host:port, without user and
	// password. Pages, robots.txt files and sitemaps all go over it. Targets are checked before
	// it is asked, by the addresses that we see.
	Proxy string `json:"proxy,omitempty"`
}

// Same reports whether two sessions introduce themselves in the same way.
func (s Session) Same(other Session) bool {
	return s.UserAgent == other.UserAgent && s.Proxy == other.Proxy && maps.Equal(s.Headers, other.Headers)
}

// SealedCookies are cookies that only the data plane opens.
type SealedCookies string

// SealedPrefix begins sealed cookies, and names their form.
const SealedPrefix = "cfs1."

const (
	maxSealed      = 256 << 10
	maxHeaders     = 32
	maxHeaderValue = 1024
)

// refusedHeaders are those that are the transport's, and those that are Fetch's and Recrawl's.
var refusedHeaders = []string{
	"Host", "Connection", "Content-Length",
	"Transfer-Encoding", "Accept-Encoding", "User-Agent", "If-None-Match", "If-Modified-Since",
	"Upgrade", "Te", "Trailer", "Keep-Alive", "Expect", "Range",
}

func (in TicketInput) checkSession() error {
	s := in.Session
	if s == nil {
		return nil
	}
	switch s.OnLoss {
	case "", LossPreferred, LossRequired, LossFail:
	default:
		return Invalid("session.onLoss", fmt.Sprintf("%q is not known", clip(string(s.OnLoss), 40)),
			"preferred, required or fail")
	}
	if err := s.checkHeaders(); err != nil {
		return err
	}
	if err := s.checkProxy(); err != nil {
		return err
	}
	if s.Cookies != "" && (!strings.HasPrefix(string(s.Cookies), SealedPrefix) || len(s.Cookies) > maxSealed) {
		return Invalid("session.cookies", "are not sealed, or too many", "what crawlfleet tenant seal-cookies prints")
	}
	return s.Key.Validate()
}

func (s Session) checkHeaders() error {
	if !plainValue(s.UserAgent) {
		return Invalid("session.userAgent", "is too long or not plain text", "up to 1024 printable characters")
	}
	if len(s.Headers) > maxHeaders {
		return Invalid("session.headers", fmt.Sprintf("has %d entries", len(s.Headers)), "at most 32")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		field := "session.headers." + clip(name, 40)
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case canonical == "" || strings.ContainsFunc(name, func(r rune) bool { return !headerRune(r) }):
			return Invalid(field, "is not a header's name", "letters, digits and -")
		case slices.Contains(refusedHeaders, canonical):
			return Invalid(field, "may not be set", "a header that is not the connection's")
		case !plainValue(s.Headers[name]):
			return Invalid(field, "is too long or not plain text", "up to 1024 printable characters")
		case namesSecret(name) || isCredential(s.Headers[name]):
			return Invalid(field, "looks like a secret's, which the ticket's history would show",
				"a header that is no secret").
				WithHint("who has to log in gives session.cookies, sealed by crawlfleet tenant seal-cookies")
		}
	}
	return nil
}

// secretWords are in the names of headers that carry secrets, such as X-Auth-Token, ApiKey and
// X-Amz-Signature; the shorter ones count as whole words only, because they are in others.
var (
	secretWords = []string{
		"auth", "bearer", "cookie", "credential", "hmac", "jwt", "passphrase", "passwd", "password", "secret",
		"session", "signature", "token", "csrf", "xsrf",
	}
	secretWholeWords = []string{"otp", "pass", "pin", "pwd", "sid", "sig"}
)

// namesSecret reports whether a header is a secret's by its name. It would rather take one
// for a secret that is none.
func namesSecret(header string) bool {
	header = strings.ToLower(header)
	if slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(header, w) }) {
		return true
	}
	words := strings.FieldsFunc(header, func(r rune) bool { return r == '-' || r == '_' })
	return slices.ContainsFunc(words, func(w string) bool {
		return strings.HasSuffix(w, "key") || slices.Contains(secretWholeWords, w)
	})
}

// credential is what values of Authorization look like, under whatever name (RFC 9110, 11.4;
// RFC 7519, 3).
var credential = regexp.MustCompile(`^(?i:basic|bearer|digest|negotiate) +\S|^eyJ[\w-]+\.[\w-]+\.`)

func isCredential(value string) bool { return credential.MatchString(strings.TrimSpace(value)) }

func headerRune(r rune) bool {
	return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z'
}

func plainValue(s string) bool {
	return len(s) <= maxHeaderValue && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (s Session) checkProxy() error {
	if s.Proxy == "" {
		return nil
	}
	u, err := url.Parse(s.Proxy)
	if err != nil || u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" ||
		!slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return Invalid("session.proxy", "is not a proxy", "http://host:port, https://host:port or socks5://host:port")
	}
	if u.User != nil {
		return Invalid("session.proxy", "carries a user or password", "a proxy that knows the crawler by its address")
	}
	return nil
}

// SessionState is what a session carries from one crawler to the next, under the fence of
// the crawl that hands it over.
type SessionState struct {
	// Version rises with each change; the highest counts.
	Version int64    `json:"version"`
	Cookies []Cookie `json:"cookies,omitempty"`
}

// Cookie is one cookie of a session.
type Cookie struct {
	URL      string      `json:"url"` // the origin that set it
	Name     string      `json:"name"`
	Value    CookieValue `json:"value"`
	Domain   string      `json:"domain,omitempty"` // of the attribute; empty for that host alone
	Path     string      `json:"path"`
	Expires  time.Time   `json:"expires,omitzero"`
	Secure   bool        `json:"secure,omitempty"`
	HTTPOnly bool        `json:"httpOnly,omitempty"`
}

// CookieValue is often as good as a password: it travels between crawler and data plane
// and is stored in the tenant's database, but it prints as "***".
type CookieValue string

// String hides the value.
func (v CookieValue) String() string { return Secret(v).String() }

// GoString hides the value from %#v.
func (v CookieValue) GoString() string { return v.String() }

// LogValue hides the value from structured logs.
func (v CookieValue) LogValue() slog.Value { return slog.StringValue(v.String()) }
