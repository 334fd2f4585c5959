package challenge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/challenge"
)

// Each service has what it answers instead of a page and, beside it, an honest answer of a
// site that it protects.
func TestDetect(t *testing.T) {
	t.Parallel()
	const (
		wall    = `<html><head><title>Just a moment</title></head><body>`
		article = `<html><body><main><article>` + "A long story. " + `</article></main>`
	)
	for name, c := range map[string]struct {
		status int
		header string // "Name: value", several with |
		body   string
		want   string
	}{
		"cloudflare: challenge":          {403, "cf-mitigated: challenge|server: cloudflare", wall, "Cloudflare"},
		"cloudflare: challenge with 200": {200, "Cf-Mitigated: Challenge", wall, "Cloudflare"},
		"cloudflare: error 1020":         {403, "server: cloudflare", `<div id="cf-error-details">`, "Cloudflare"},
		"cloudflare: honest page":        {200, "server: cloudflare|cf-ray: 1-FRA", article + `<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js">`, ""},
		"cloudflare: origin's 403":       {403, "server: cloudflare|cf-ray: 1-FRA", `<h1>Members only</h1>`, ""},
		"cloudflare: origin is down":     {503, "server: cloudflare", `<h1>Maintenance</h1>`, ""},

		"aws: challenge with 202": {202, "x-amzn-waf-action: challenge", "", "AWS WAF"},
		"aws: captcha with 405":   {405, "x-amzn-waf-action: captcha", wall, "AWS WAF"},
		"aws: honest 202":         {202, "server: awselb/2.0", `{"accepted":true}`, ""},
		"aws: honest 405":         {405, "allow: POST", "", ""},

		"vercel: challenge":   {429, "x-vercel-mitigated: challenge|server: Vercel", wall, "Vercel"},
		"vercel: deny":        {403, "x-vercel-mitigated: deny", "", "Vercel"},
		"vercel: honest page": {200, "server: Vercel|x-vercel-cache: HIT", article, ""},

		"datadome: soft":           {403, "x-dd-b: 1", "", "DataDome"},
		"datadome: captcha":        {403, "x-datadome: protected", `<script>var dd={'host':'geo.captcha-delivery.com'}</script>`, "DataDome"},
		"datadome: page only":      {403, "", `<iframe src="https://geo.captcha-delivery.com/captcha/?x">`, "DataDome"},
		"datadome: honest page":    {200, "x-datadome: protected", article, ""},
		"datadome: honest missing": {404, "x-datadome: protected", article, ""},

		"perimeterx: captcha":     {403, "", `<script>window._pxAppId = 'PX1';</script><div id="px-captcha"></div>`, "HUMAN (PerimeterX)"},
		"perimeterx: rate":        {429, "", `<script src="https://captcha.px-cdn.net/PX1/captcha.js">`, "HUMAN (PerimeterX)"},
		"perimeterx: honest page": {200, "set-cookie: _pxhd=1", article + `<script>window._pxAppId = 'PX1';</script>`, ""},

		"kasada: first request": {429, "x-kpsdk-ct: 1", `<script>window.KPSDK={};</script>`, "Kasada"},
		"kasada: script only":   {429, "", `<script>window.KPSDK={now:1};</script>`, "Kasada"},
		"kasada: honest page":   {200, "x-kpsdk-ct: 1", article, ""},
		"kasada: honest 429":    {429, "retry-after: 10", "Too many requests", ""},

		"akamai: denied":      {403, "server: AkamaiGHost", `<H1>Access Denied</H1>Reference #18.1`, "Akamai"},
		"akamai: reference":   {403, "", `Reference #18.1 https://errors.edgesuite.net/18.1`, "Akamai"},
		"akamai: challenge":   {428, "", `{"sec-cp-challenge": "true"}`, "Akamai"},
		"akamai: missing":     {404, "server: AkamaiGHost", "", ""},
		"akamai: honest page": {200, "server: AkamaiGHost|set-cookie: _abck=1", article, ""},
		"akamai: honest 428":  {428, "", `{"error":"If-Match is required"}`, ""},

		"imperva: frame with 200":   {200, "x-cdn: Imperva", `<iframe id="main-iframe" src="/_Incapsula_Resource?SWUDNSAI=31">`, "Imperva (Incapsula)"},
		"imperva: incident":         {403, "", `Request unsuccessful. Incapsula incident ID: 1-2`, "Imperva (Incapsula)"},
		"imperva: honest page":      {200, "x-cdn: Imperva|x-iinfo: 1", article + `<script src="/_Incapsula_Resource?SWJIYLWA=7">`, ""},
		"imperva: an article on it": {200, "", article + strings.Repeat("text ", 10_000) + "Incapsula incident ID", ""},

		"sucuri: denied":           {403, "server: Sucuri/Cloudproxy", `<title>Sucuri WebSite Firewall - Access Denied</title>`, "Sucuri"},
		"sucuri: script with 200":  {200, "", `<script>sucuri_cloudproxy_js='';</script>`, "Sucuri"},
		"sucuri: honest page":      {200, "server: Sucuri/Cloudproxy|x-sucuri-id: 1", article, ""},
		"sucuri: origin's own 403": {403, "server: Sucuri/Cloudproxy|x-sucuri-id: 1", `Members only`, ""},

		"f5: rejected with 200": {200, "", `The requested URL was rejected. Please consult with your administrator.<br>Your support ID is: 1`, "F5"},
		"f5: script":            {200, "", `<script>window["bobcmn"] = "1";</script><script src="/TSPD/0812">`, "F5"},
		"f5: honest page":       {200, "set-cookie: TS01=1", article + `<script src="/TSPD/0812">`, ""},
		"f5: honest rejection":  {403, "", `The requested URL was rejected.`, ""},

		"ddos-guard: check":       {403, "server: ddos-guard", `<title>DDoS-Guard</title>`, "DDoS-Guard"},
		"ddos-guard: honest page": {200, "server: ddos-guard", article, ""},

		"recaptcha: refusal":         {429, "", `<div class="g-recaptcha" data-sitekey="x"></div>`, "reCAPTCHA"},
		"recaptcha: page with 200":   {200, "", wall + `<form><div class="g-recaptcha"></div></form>`, "reCAPTCHA"},
		"recaptcha: a contact form":  {200, "", `<form><input type="email"><textarea></textarea><div class="g-recaptcha"></div>`, ""},
		"recaptcha: in an article":   {200, "", article + `<div class="g-recaptcha"></div>`, ""},
		"recaptcha: on a missing":    {404, "", `<div class="g-recaptcha"></div>`, ""},
		"hcaptcha: refusal":          {403, "", `<script src="https://js.hcaptcha.com/1/api.js">`, "hCaptcha"},
		"hcaptcha: page with 200":    {200, "", wall + `<div class="h-captcha"></div>`, "hCaptcha"},
		"hcaptcha: a login":          {200, "", `<form><input type="password"><div class="h-captcha"></div>`, ""},
		"turnstile: refusal":         {503, "", `<div class="cf-turnstile"></div>`, "Turnstile"},
		"turnstile: page with links": {200, "", strings.Repeat("<a href=x>x</a>", 9) + `<div class="cf-turnstile"></div>`, ""},

		"nothing":      {200, "", "", ""},
		"plain 403":    {403, "server: nginx", "<h1>403 Forbidden</h1>", ""},
		"plain 503":    {503, "server: nginx|retry-after: 5", "", ""},
		"large binary": {200, "content-type: image/png", strings.Repeat("\x89PNG", 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for line := range strings.SplitSeq(c.header, "|") {
				if key, value, ok := strings.Cut(line, ": "); ok {
					h.Add(key, value)
				}
			}
			require.Equal(t, c.want, challenge.Detect(c.status, h, []byte(c.body)))
		})
	}
}

func BenchmarkDetect(b *testing.B) {
	page := []byte("<html><body>" + strings.Repeat("<p>words and <b>more</b> words</p>", 420))
	h := http.Header{"Server": {"nginx"}, "Content-Type": {"text/html"}}
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		challenge.Detect(200, h, page)
	}
}
