package challenge

import "net/http"

// rules are in order: what a service says in a header comes before what a page says.
// Each is what the service documents, or what its page has had for years; sites that a
// service protects carry its cookies and headers on honest pages too, so none of those is
// enough alone.
var rules = []rule{
	// "The cf-mitigated header … is present and set to challenge for all challenge page
	// responses": developers.cloudflare.com/cloudflare-challenges/challenge-types/
	// challenge-pages/detect-response. The second line is its block pages, error 1xxx:
	// developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors.
	{"Cloudflare", func(r response) bool {
		return r.has("Cf-Mitigated", "challenge") || r.refused() && r.has("Server", "cloudflare") &&
			r.says("cf-error-details", "/cdn-cgi/challenge-platform/", "error code: 10")
	}},
	// "HTTP status code 202 … x-amzn-waf-action: challenge", "405 … captcha":
	// docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html.
	{"AWS WAF", func(r response) bool {
		return r.has("X-Amzn-Waf-Action", "challenge") || r.has("X-Amzn-Waf-Action", "captcha")
	}},
	// vercel.com/docs/headers/response-headers: x-vercel-mitigated is challenge or deny.
	{"Vercel", func(r response) bool {
		return r.has("X-Vercel-Mitigated", "challenge") || r.has("X-Vercel-Mitigated", "deny")
	}},
	// x-dd-b is 1 for a soft and 2 for a hard challenge: docs.datadome.co/reference/
	// validate-request. Its page loads captcha-delivery.com; x-datadome is on every page.
	{"DataDome", func(r response) bool {
		return r.has("X-Dd-B", "1") || r.has("X-Dd-B", "2") ||
			r.refused() && (r.set("X-Datadome") || r.says("captcha-delivery.com/"))
	}},
	// The block page has window._pxAppId and a px-captcha element:
	// docs.humansecurity.com/applications-and-accounts/docs/customize-the-challenge-page.
	{"HUMAN (PerimeterX)", func(r response) bool {
		return r.refused() && r.says("_pxAppId", `id="px-captcha"`, "captcha.px-cdn.net", "captcha.px-cloud.net")
	}},
	// The first request is answered 429 with x-kpsdk-ct, or a page that loads its script
	// and calls KPSDK: docs.kasada.io; the header is on honest answers as well.
	{"Kasada", func(r response) bool {
		return r.status == http.StatusTooManyRequests && (r.set("X-Kpsdk-Ct") || r.says("KPSDK"))
	}},
	// Edge-made refusals are by AkamaiGHost, with a reference number; 428 is the
	// challenge: techdocs.akamai.com/bot-manager (crypto challenge),
	// techdocs.akamai.com/edge-diagnostics/docs/error-reference.
	{"Akamai", func(r response) bool {
		return r.has("Server", "AkamaiGHost") && (r.status == http.StatusForbidden || r.status == http.StatusTooManyRequests) ||
			r.status == http.StatusPreconditionRequired && r.says("sec-cp-challenge", "sec-cpt") ||
			r.status == http.StatusForbidden && r.says("errors.edgesuite.net/")
	}},
	// A frame of _Incapsula_Resource instead of the page, or an incident id, with any
	// status: docs.imperva.com (Cloud WAF error pages and codes). The same script is
	// injected into honest pages, without the frame.
	{"Imperva (Incapsula)", func(r response) bool {
		return r.says("Incapsula incident ID") || r.says("_Incapsula_Resource") && r.says(`id="main-iframe"`)
	}},
	// docs.sucuri.net/website-firewall/troubleshooting (block page); the script sets the
	// cookie sucuri_cloudproxy_uuid_… and loads the page again, with status 200.
	{"Sucuri", func(r response) bool {
		return r.refused() && r.says("Sucuri WebSite Firewall", "Sucuri Website Firewall") ||
			r.says("sucuri_cloudproxy_js=")
	}},
	// The default blocking page, sent with status 200, and the challenge of proactive bot
	// defence: my.f5.com K14195 and K7776 (default response page), techdocs.f5.com (ASM).
	{"F5", func(r response) bool {
		return r.says("The requested URL was rejected. Please consult with your administrator.") ||
			r.says("/TSPD/") && r.says("bobcmn")
	}},
	// ddos-guard.net's check of the browser, from its own server.
	{"DDoS-Guard", func(r response) bool {
		return r.refused() && r.has("Server", "ddos-guard") && r.says("ddos-guard", "DDoS-Guard", "DDOS-GUARD")
	}},
	// The widgets of developers.google.com/recaptcha/docs/display, docs.hcaptcha.com and
	// developers.cloudflare.com/turnstile: with a refusal, or on a page of nothing else.
	{"reCAPTCHA", captcha("g-recaptcha", "google.com/recaptcha/", "recaptcha.net/recaptcha/")},
	{"hCaptcha", captcha("h-captcha", "hcaptcha.com/1/api.js")},
	{"Turnstile", captcha("cf-turnstile", "challenges.cloudflare.com/turnstile/")},
}

func captcha(widget string, scripts ...string) func(response) bool {
	return func(r response) bool {
		if r.refused() {
			return r.says(widget) || r.says(scripts...)
		}
		return r.ok() && r.says(widget) && r.bare()
	}
}
