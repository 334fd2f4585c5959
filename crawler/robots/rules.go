package robots

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// MaxSize is how much of a robots.txt is read: the least that RFC 9309 section
// 2.5 asks for, and what the big search engines read.
const MaxSize = 500 << 10

// Rules are what one robots.txt says to one crawler. The zero value allows everything.
type Rules struct {
	patterns []pattern
	// Delay is the Crawl-delay, zero without one.
	Delay time.Duration
	// Sitemaps are the files that Sitemap lines name, in their order.
	Sitemaps []string
}

// Everything gives rules that disallow every page: what an unreachable
// robots.txt means (RFC 9309 section 2.3.1.4).
func Everything() Rules {
	return Rules{patterns: []pattern{newPattern("/", false)}}
}

// Parse reads the groups of a robots.txt that are for the product token, which is
// compared without regard to case, or else those for everybody ("*"). Groups for
// the same crawler are merged. What it cannot read it passes over.
func Parse(body []byte, product string) Rules {
	p := parser{product: product}
	body = withoutMark(within(body))
	for len(body) > 0 {
		end := bytes.IndexAny(body, "\r\n")
		if end < 0 {
			end = len(body)
		}
		p.line(string(body[:end]))
		body = body[min(end+1, len(body)):]
	}
	return p.rules()
}

// within is what is read of a file. A line that the cap cuts is dropped: half of
// "Disallow: /private" would be "Disallow: /".
func within(body []byte) []byte {
	if len(body) <= MaxSize {
		return body
	}
	body = body[:MaxSize]
	return body[:bytes.LastIndexAny(body, "\r\n")+1]
}

// withoutMark drops a byte order mark, also one of which only the beginning is there,
// as the search engines do.
func withoutMark(body []byte) []byte {
	for _, c := range []byte("\xef\xbb\xbf") {
		if len(body) == 0 || body[0] != c {
			break
		}
		body = body[1:]
	}
	return body
}

// Allowed reports whether a page may be fetched, given its path with query as it
// is sent. The longest matching pattern decides; of two that are equally long
// the one that allows. The robots.txt itself is always allowed.
func (r Rules) Allowed(pathQuery string) bool {
	if len(r.patterns) == 0 || pathQuery == "/robots.txt" {
		return true
	}
	path := normalisePath(pathQuery)
	best, allowed := -1, true
	for i := range r.patterns {
		p := &r.patterns[i]
		if p.length < best || p.length == best && (allowed || !p.allow) {
			continue
		}
		if p.matches(path) {
			best, allowed = p.length, p.allow
		}
	}
	return allowed
}

// group collects what applies to one kind of crawler.
type group struct {
	seen     bool
	patterns []pattern
	delay    time.Duration
}

type parser struct {
	product  string
	ours     group // for our product token
	all      group // for "*"
	inOurs   bool  // the group being read is for us
	inAll    bool
	rulesYet bool // a rule closes the list of agents that a group begins with
	sitemaps []string
}

func (p *parser) rules() Rules {
	g := p.all
	if p.ours.seen {
		g = p.ours
	}
	return Rules{patterns: g.patterns, Delay: g.delay, Sitemaps: p.sitemaps}
}

// line takes the names of rules as Google's parser does, frequent typing errors among them
// (github.com/google/robotstxt, robots.cc).
func (p *parser) line(line string) {
	key, value, ok := split(line)
	if !ok {
		return
	}
	switch strings.ToLower(key) {
	case "user-agent", "useragent", "user agent":
		p.agent(value)
	case "allow":
		p.rule(value, true)
	case "disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw":
		p.rule(value, false)
	case "crawl-delay", "crawldelay":
		// Not part of RFC 9309, so it must not close the list of agents.
		p.delay(value)
	case "sitemap", "site-map":
		p.sitemaps = append(p.sitemaps, value)
	}
}

// split cuts off the comment and divides a line at its colon, or at white space
// where somebody forgot the colon, as the search engines do.
func split(line string) (key, value string, ok bool) {
	line, _, _ = strings.Cut(line, "#")
	line = strings.TrimSpace(strings.ReplaceAll(line, "\x00", "")) // as C programs write it
	key, value, ok = strings.Cut(line, ":")
	if !ok {
		words := strings.Fields(line)
		if len(words) != 2 {
			return "", "", false
		}
		return words[0], words[1], true
	}
	return strings.TrimSpace(key), strings.TrimSpace(value), true
}

func (p *parser) agent(value string) {
	if p.rulesYet {
		p.inOurs, p.inAll, p.rulesYet = false, false, false
	}
	if value == "*" || strings.HasPrefix(value, "* ") {
		p.inAll, p.all.seen = true, true
		return
	}
	if strings.EqualFold(token(value), p.product) {
		p.inOurs, p.ours.seen = true, true
	}
}

// token is the product token that a User-Agent value begins with: "crawlfleet"
// of "crawlfleet/1.0".
func token(value string) string {
	end := strings.IndexFunc(value, func(r rune) bool {
		return r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		return value
	}
	return value[:end]
}

func (p *parser) rule(value string, allow bool) {
	p.rulesYet = true
	if value == "" { // "Disallow:" forbids nothing
		return
	}
	for _, g := range p.groups() {
		g.patterns = append(g.patterns, newPattern(value, allow))
	}
}

func (p *parser) delay(value string) {
	seconds, err := strconv.ParseFloat(value, 64)
	// More than a day is a mistake, and would overflow if it were big enough.
	if err != nil || !(seconds >= 0) || seconds > 86400 {
		return
	}
	for _, g := range p.groups() {
		g.delay = max(g.delay, time.Duration(seconds*float64(time.Second)))
	}
}

func (p *parser) groups() []*group {
	var in []*group
	if p.inOurs {
		in = append(in, &p.ours)
	}
	if p.inAll {
		in = append(in, &p.all)
	}
	return in
}
