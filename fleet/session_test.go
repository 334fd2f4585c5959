package fleet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func withHeader(t *testing.T, name, value string) error {
	t.Helper()
	b, err := json.Marshal(fleet.TicketInput{
		Tenant: "demo", URLs: []string{"https://example.com/"},
		Session: &fleet.Session{Key: "a", Headers: map[string]string{name: value}},
	})
	require.NoError(t, err)
	_, err = fleet.ParseTicket(b)
	return err
}

// The names are those of the vendors' documentation: Amazon, Azure, Cloudflare, GitLab, Google,
// OpenAI, RapidAPI, Shopify, Vault, and of RFC 6265, 6750, 7617, 8941 and 9449.
func TestSession_TakesNoSecretInAHeader(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Authorization", "Proxy-Authorization", "authorization", "X-Authorization", "X-Auth", "X-Auth-Key",
		"Cookie", "Cookie2", "X-Cookie", "X-Api-Key", "x-api-key", "apikey", "ApiKey", "API_KEY", "Api-Key",
		"X-Goog-Api-Key", "Ocp-Apim-Subscription-Key", "X-RapidAPI-Key", "X-Functions-Key", "X-Auth-Token",
		"Private-Token", "Job-Token", "X-Vault-Token", "X-Shopify-Access-Token", "X-Amz-Security-Token",
		"X-Amz-Signature", "Signature", "Signature-Input", "X-Hub-Signature-256", "X-Client-Secret",
		"CF-Access-Client-Secret", "X-Password", "X-Passwd", "X-Pwd", "X-Session-Id", "X-SID", "X-CSRF-Token",
		"X-XSRF", "X-Jwt-Assertion", "X-HMAC", "X-OTP", "Bearer", "X-Credentials", "Sec-WebSocket-Key",
	} {
		err := withHeader(t, name, "1234")
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), name)
		require.ErrorContains(t, err, "session.headers."+name, "the field is named")
		require.ErrorContains(t, err, "seal-cookies", "%s: and what to do instead", name)
	}
	for _, value := range []string{
		"Bearer abc", "bearer  abc", "Basic YTpi", " Digest username=a", "Negotiate YII=", "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.",
	} {
		err := withHeader(t, "X-Team", value)
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), value)
		require.NotContains(t, err.Error(), value)
	}
}

func TestSession_TakesWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"Accept": "text/html", "accept-language": "de-DE,de;q=0.9", "Referer": "https://example.com/", "DNT": "1",
		"X-Team": "basic", "X-Keyword": "digest", "Sec-Fetch-Mode": "navigate", "Sec-CH-UA": `"Chromium";v="130"`,
		"X-Requested-With": "XMLHttpRequest", "X-Forwarded-For": "192.0.2.1", "From": "crawler@example.com",
		"X-Design": "a", "X-Passenger": "a", "X-Monkeys": "3", "Priority": "u=0, i", "Cache-Control": "no-cache",
		"Upgrade-Insecure-Requests": "1", "X-Text": "Bearer", "Save-Data": "on",
	} {
		require.NoError(t, withHeader(t, name, value), name)
	}
}

func TestSession_LeavesTheConnectionAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Host", "host", "Connection", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "User-Agent", "Te",
		"If-None-Match", "If-Modified-Since", "Upgrade", "Trailer", "Keep-Alive", "Expect", "Range", "Bad Name", "",
	} {
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(withHeader(t, name, "x")), name)
	}
}
