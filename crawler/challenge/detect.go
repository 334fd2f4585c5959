package challenge

import (
	"bytes"
	"net/http"
	"strings"
)

const (
	// maxPage is the longest body that is read for markers of a page with status 200: what
	// stands in a page's place is short, and pages that mention one are long.
	maxPage = 16 << 10
	// maxError is how much of an error's body is read.
	maxError = 256 << 10
	// maxCaptchaLinks is how many links a page may have that is nothing but a captcha:
	// terms, privacy, help.
	maxCaptchaLinks = 4
)

// response is what a rule looks at.
type response struct {
	status int
	header http.Header
	body   []byte
}

// rule is one service and how its answer is known.
type rule struct {
	vendor string
	is     func(response) bool
}

// Detect names whose challenge or block page a response is, "" for an honest answer.
func Detect(status int, h http.Header, body []byte) string {
	r := response{status: status, header: h, body: body[:min(len(body), maxError)]}
	if r.ok() && len(body) > maxPage {
		r.body = nil // headers still count
	}
	for _, rule := range rules {
		if rule.is(r) {
			return rule.vendor
		}
	}
	return ""
}

// ok reports whether the status claims that the page is here.
func (r response) ok() bool { return r.status >= 200 && r.status < 300 }

// refused reports whether the status is one that protection services refuse with.
func (r response) refused() bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed,
		http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	default:
		return false
	}
}

// has reports whether a header begins with a value, whatever its case.
func (r response) has(name, value string) bool {
	got := r.header.Get(name)
	return len(got) >= len(value) && strings.EqualFold(got[:len(value)], value)
}

// set reports whether there is such a header.
func (r response) set(name string) bool { return r.header.Get(name) != "" }

// says reports whether the body has one of the markers.
func (r response) says(markers ...string) bool {
	for _, m := range markers {
		if bytes.Contains(r.body, []byte(m)) {
			return true
		}
	}
	return false
}

// bare reports whether a page is nothing but its captcha: hardly a link, and no form that
// a captcha would only protect.
func (r response) bare() bool {
	return bytes.Count(r.body, []byte("<a ")) <= maxCaptchaLinks &&
		!r.says("<textarea", `type="password"`, `type="email"`, `type="tel"`, "<article", "<main")
}
