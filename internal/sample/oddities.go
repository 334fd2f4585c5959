package sample

import (
	"bytes"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"
)

// Paths of the shop that tests and the demo ask for by name.
const (
	// SlowPath answers after Options.SlowDelay.
	SlowPath = "/slow"
	// FlakyPath answers 500 to its first request and is well from then on.
	FlakyPath = "/flaky"
	// BigPath is a page of at least Options.BigSize bytes, its links first.
	BigPath = "/big"
	// NeverEndsPath is a body without an end. No page links to it.
	NeverEndsPath = "/never-ends"
	// MazePath is the entrance of a trap that robots.txt allows: every page of it links to one
	// that is deeper, so only a limit of depth or pages ends a crawl. No page links to it.
	MazePath = "/maze/1"
	// PrivateURL is an address of somebody's private network, to which one page links.
	PrivateURL = "http://10.0.0.1/"
)

// oddities writes everything that is not a well-behaved page, and the cabinet that links to it.
func (b *builder) oddities() error {
	return firstError(b.letters, b.spellings, b.redirects, b.broken, b.behaviours, b.cabinet)
}

func (b *builder) cabinet() error {
	d := b.site.draft(place{shop, "/oddities"})
	var l listing
	for _, c := range []plainLink{
		{place{shop, "/spellings"}, "One page, many spellings"},
		{place{shop, SlowPath}, "A slow page"},
		{place{shop, FlakyPath}, "A page that fails once"},
		{place{shop, BigPath}, "A big page"},
		{place{shop, "/moved/for-good"}, "Moved for good (301)"},
		{place{shop, "/moved/for-now"}, "Moved for now (302)"},
		{place{shop, "/moved/same-method"}, "Moved, same method (307)"},
		{place{shop, "/moved/chain/1"}, "A chain of three"},
		{place{shop, "/moved/loop/1"}, "A loop"},
		{place{shop, "/moved/to-the-journal"}, "To the other host"},
		{place{shop, "/moved/into-the-drafts"}, "To where robots may not go"},
		{place{shop, "/moved/nowhere"}, "To nothing"},
		{place{shop, "/lost/catalogue-1987"}, "Not there (404)"},
		{place{journal, "/lost/first-issue"}, "Not there either (404)"},
		{place{shop, "/gone/winter-sale"}, "Gone (410)"},
		{place{shop, "/trap/1"}, "A trap"},
		{place{elsewhere, PrivateURL}, "Somebody's private network"},
		{place{shop, "/files/emblem.png"}, "A picture"},
		{place{shop, "/files/sextant-plan.pdf"}, "A plan to print"},
		{place{shop, "/files/price-list.txt"}, "A price list"},
	} {
		l.Cards = append(l.Cards, card{Link: d.to(c.to, c.text)})
	}
	return d.finishListing(view{
		Heading: "Cabinet of oddities",
		Lead:    "Everything that goes wrong outside, in one drawer.",
	}, l)
}

// redirects adds one of each kind. Location is relative in some, as it is in the world.
func (b *builder) redirects() error {
	add := func(path string, status int, to place, as spelling) {
		from := place{shop, path}
		b.site.pages[from] = &page{
			at: from, kind: redirect, manner: promptly, status: status,
			to: to, href: as(b.site.origins, from, to),
		}
	}
	add("/moved/for-good", http.StatusMovedPermanently, place{shop, "/about"}, inFull)
	add("/moved/for-now", http.StatusFound, place{shop, "/shipping"}, plainly)
	add("/moved/same-method", http.StatusTemporaryRedirect, place{shop, "/contact"}, relatively)
	add("/moved/chain/1", http.StatusFound, place{shop, "/moved/chain/2"}, relatively)
	add("/moved/chain/2", http.StatusMovedPermanently, place{shop, "/moved/chain/3"}, plainly)
	add("/moved/chain/3", http.StatusPermanentRedirect, b.stock.guides[0].at, inFull)
	add("/moved/loop/1", http.StatusFound, place{shop, "/moved/loop/2"}, plainly)
	add("/moved/loop/2", http.StatusFound, place{shop, "/moved/loop/1"}, plainly)
	add("/moved/to-the-journal", http.StatusMovedPermanently, b.stories[0].at, inFull)
	add("/moved/into-the-drafts", http.StatusFound, place{shop, "/drafts/spring-catalogue"}, plainly)
	add("/moved/nowhere", http.StatusFound, place{shop, "/lost/and-not-found"}, plainly)
	return nil
}

// broken adds the one missing page that is more than not there; a 404 needs no definition.
func (b *builder) broken() error {
	at := place{shop, "/gone/winter-sale"}
	b.site.pages[at] = &page{
		at: at, kind: missing, manner: promptly, status: http.StatusGone,
		contentType: "text/plain; charset=utf-8", body: []byte("Gone, and not coming back.\n"),
	}
	return nil
}

func (b *builder) behaviours() error {
	for _, p := range []struct {
		path, heading string
		manner        manner
		padding       int
	}{
		{SlowPath, "A slow page", slowly, 0},
		{FlakyPath, "A page that fails once", flakily, 0},
		{BigPath, "A big page", promptly, b.site.options.BigSize},
		{NeverEndsPath, "A page that never ends", endlessly, 0},
	} {
		d := b.site.draft(place{shop, p.path})
		d.page.manner = p.manner
		text := prose{Paragraphs: b.words.paragraphs(2, "patience")}
		v := view{Heading: p.heading, Padding: padding(p.padding)}
		if err := d.finishProse(v, text); err != nil {
			return err
		}
	}
	return nil
}

// padding is a comment of at least size bytes.
func padding(size int) template.HTML {
	if size == 0 {
		return ""
	}
	line := "The tide comes in and the tide goes out, and nobody has read this far.\n"
	return template.HTML("\n<!--\n" + strings.Repeat(line, size/len(line)+1) + "-->")
}

// files adds what is not HTML.
func (b *builder) files() error {
	picture, err := emblem()
	if err != nil {
		return err
	}
	var prices strings.Builder
	for _, p := range b.stock.products {
		fmt.Fprintf(&prices, "%-28s %8s\n", p.name, p.price)
	}
	for path, f := range map[string]struct {
		contentType string
		body        []byte
	}{
		"/files/emblem.png": {"image/png", picture},
		// A type that says nothing, as careless servers send it.
		"/files/sextant-plan.pdf": {
			"application/octet-stream",
			[]byte("%PDF-1.4\n" + strings.Repeat("\x00\x01\x02 no links here ", 200) + "\n%%EOF\n"),
		},
		"/files/price-list.txt": {"text/plain; charset=utf-8", []byte(prices.String())},
	} {
		at := place{shop, path}
		b.site.pages[at] = &page{
			at: at, kind: file, manner: promptly, status: http.StatusOK,
			contentType: f.contentType, body: f.body,
		}
	}
	return nil
}

// emblem draws the sun of the shop.
func emblem() ([]byte, error) {
	const side = 96
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			dx, dy := x-side/2, y-side/2
			c := color.RGBA{15, 92, 92, 255}
			if dx*dx+dy*dy < 30*30 && dy < 12 {
				c = color.RGBA{244, 196, 102, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("draw emblem: %w", err)
	}
	return b.Bytes(), nil
}
