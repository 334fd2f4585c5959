package extract

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxLanguages bounds the translations of one page: there are some 7,000 languages, and
// no page is in more than a few hundred.
const maxLanguages = 500

// tag is an element that may refer to something, with the attributes that matter; nil is
// one that it does not have.
type tag struct {
	kind atom.Atom

	href, src, rel, lang, media, equiv, content, srcset, data, poster, style *string
}

// place is where an attribute is kept, nil for one that does not matter.
func (t *tag) place(key string) **string {
	switch key {
	case "href":
		return &t.href
	case "src":
		return &t.src
	case "rel":
		return &t.rel
	case "hreflang":
		return &t.lang
	case "type":
		return &t.media
	case "http-equiv":
		return &t.equiv
	case "content":
		return &t.content
	case "srcset", "imagesrcset": // no element has both
		return &t.srcset
	case "data":
		return &t.data
	case "poster":
		return &t.poster
	case "style":
		return &t.style
	default:
		return nil
	}
}

// tokenTag reads the attributes of a token; of doubled ones the first counts.
func tokenTag(z *html.Tokenizer, kind atom.Atom) tag {
	t := tag{kind: kind}
	for more := true; more; {
		var key, value []byte
		key, value, more = z.TagAttr()
		if v := t.place(string(key)); v != nil && *v == nil {
			s := string(value)
			*v = &s
		}
	}
	return t
}

// refers reports whether an element may refer to something that is wanted.
func (r *reader) refers(kind atom.Atom) bool {
	switch kind {
	case atom.A, atom.Area, atom.Base, atom.Link, atom.Frame, atom.Iframe, atom.Meta:
		return true
	default:
		return r.resources // any element may have a style
	}
}

// element takes one element that may refer to something.
func (r *reader) element(t tag) {
	r.styles(t.style)
	switch t.kind {
	case atom.Base:
		if t.href != nil && !r.hasBase {
			r.hasBase, r.page.Base = true, *t.href
		}
	case atom.A, atom.Area:
		r.anchor(t)
	case atom.Frame, atom.Iframe:
		r.add(&r.page.Links, t.src)
	case atom.Link:
		r.link(t)
	case atom.Meta:
		r.meta(t)
	case atom.Img, atom.Script, atom.Source, atom.Video, atom.Audio, atom.Embed, atom.Object, atom.Track, atom.Input:
		if !r.resources {
			return
		}
		for _, v := range []*string{t.src, t.data, t.poster} {
			r.add(&r.page.Resources, v)
		}
		r.sources(t.srcset)
	}
}

// anchor takes a link. It says nofollow where all links to the same address do.
func (r *reader) anchor(t tag) {
	if t.href == nil {
		return
	}
	_, known := r.seen[*t.href]
	r.add(&r.page.Links, t.href)
	switch {
	case t.rel == nil || !slices.Contains(strings.Fields(strings.ToLower(*t.rel)), "nofollow"):
		delete(r.page.NoFollow, *t.href)
	case !known:
		if r.page.NoFollow == nil {
			r.page.NoFollow = map[string]bool{}
		}
		r.page.NoFollow[*t.href] = true
	}
}

// styles takes what a style sheet or a style attribute refers to.
func (r *reader) styles(css *string) {
	if css == nil || !r.resources {
		return
	}
	for _, address := range Styles(*css) {
		r.add(&r.page.Resources, &address)
	}
}

// add takes a reference that is new.
func (r *reader) add(list *[]string, value *string) {
	if value == nil {
		return
	}
	if _, ok := r.seen[*value]; !ok {
		r.seen[*value] = struct{}{}
		*list = append(*list, *value)
	}
}

// link takes a link element by what it says it is.
func (r *reader) link(t tag) {
	if t.href == nil || t.rel == nil {
		return
	}
	for word := range strings.FieldsSeq(strings.ToLower(*t.rel)) {
		switch word {
		case "next":
			r.add(&r.page.Links, t.href)
		case "canonical":
			if r.page.Canonical == "" {
				r.page.Canonical = strings.TrimSpace(*t.href)
			}
		case "alternate":
			r.alternate(t)
		case "stylesheet", "icon", "apple-touch-icon", "manifest", "preload", "modulepreload":
			if r.resources {
				r.add(&r.page.Resources, t.href)
				r.sources(t.srcset)
			}
		}
	}
}

func (r *reader) alternate(t tag) {
	if t.lang != nil && *t.lang != "" && len(r.page.Languages) < maxLanguages {
		r.page.Languages = append(r.page.Languages, fleet.Translation{Language: clean(*t.lang), URL: *t.href})
	}
	if t.media == nil {
		return
	}
	switch strings.ToLower(strings.TrimSpace(*t.media)) {
	case "application/rss+xml", "application/atom+xml":
		r.add(&r.page.Feeds, t.href)
	}
}

// refresh is what a meta refresh says (html.spec.whatwg.org, "shared declarative refresh
// steps"): a time and, behind it, an address in or without quotes.
var refresh = regexp.MustCompile(`(?i)^\s*[0-9.]+\s*[;,\s]\s*(?:url\s*=\s*)?(?:"([^"]*)|'([^']*)|(.+))`)

func (r *reader) meta(t tag) {
	switch {
	case t.content == nil:
	case t.equiv != nil && strings.EqualFold(strings.TrimSpace(*t.equiv), "refresh"):
		if m := refresh.FindStringSubmatch(*t.content); m != nil {
			if to := strings.TrimSpace(m[1] + m[2] + m[3]); to != "" {
				r.add(&r.page.Links, &to)
			}
		}
	}
}

// sources takes the addresses of a srcset (html.spec.whatwg.org, "parse a srcset
// attribute"): each ends with white space, so that a comma may be part of it, and its width
// or density with a comma that is not in parentheses.
func (r *reader) sources(set *string) {
	if set == nil {
		return
	}
	for rest := *set; ; {
		rest = strings.TrimLeft(rest, " \t\r\n\f,")
		end := strings.IndexAny(rest, " \t\r\n\f")
		if end < 0 {
			end = len(rest)
		}
		address := strings.TrimRight(rest[:end], ",")
		if address == "" {
			return
		}
		r.add(&r.page.Resources, &address)
		described := len(address) == end
		if rest = rest[end:]; described {
			rest = afterDescriptors(rest)
		}
	}
}

func afterDescriptors(s string) string {
	deep := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			deep++
		case ')':
			deep = max(0, deep-1)
		case ',':
			if deep == 0 {
				return s[i:]
			}
		}
	}
	return ""
}
