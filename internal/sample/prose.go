package sample

import "html/template"

// shopProse writes the pages of the shop that are not for sale, and those that robots.txt is about.
func (b *builder) shopProse() error {
	return b.plainPages(shop, []plainPage{
		{"/about", "About us", "a small shop", []plainLink{
			{place{journal, "/"}, "Our journal"},
			{place{shop, "/drafts/press-kit"}, "Press kit"},
			{place{shop, "/drafts/spring-catalogue"}, "Spring catalogue (draft)"},
		}},
		{"/contact", "Contact", "the post", []plainLink{
			// Only a web page can be crawled; these cannot, and are nobody's broken links.
			{place{elsewhere, "mailto:hello@northlight.example"}, "Write to us"},
			{place{elsewhere, "tel:+4712345678"}, "Ring us"},
		}},
		{"/shipping", "Shipping", "parcels", nil},
		{"/cart", "Your cart", "an empty cart", nil},
		{"/drafts/press-kit", "Press kit", "the press", nil},
		{"/drafts/spring-catalogue", "Spring catalogue", "spring", nil},
		{"/clearance/", "Clearance", "last pieces", []plainLink{
			{place{shop, "/clearance/scratched-lanterns"}, "Scratched lanterns"},
			{place{shop, "/clearance/odd-mittens"}, "Odd mittens"},
		}},
		{"/clearance/scratched-lanterns", "Scratched lanterns", "scratched lanterns", nil},
		{"/clearance/odd-mittens", "Odd mittens", "odd mittens", nil},
	})
}

// letters is a page with a <base>, against which its relative links are meant.
func (b *builder) letters() error {
	d := b.site.draft(place{shop, "/letters/a-to-z"})
	var l listing
	for _, p := range b.stock.products[:perListing] {
		l.Cards = append(l.Cards, card{Price: p.price, Link: d.link(p.at, p.name, belowProducts)})
	}
	return d.finishListing(view{Heading: "A to Z, the beginning", Base: "/products/"}, l)
}

// spellings is a page that links to one product in every way there is.
func (b *builder) spellings() error {
	d := b.site.draft(place{shop, "/spellings"})
	p := b.stock.products[0]
	maker := makerPlace(b.stock.makers[0])
	naive := b.stock.guides[3] // the one with a letter outside ASCII
	links := []template.HTML{
		d.link(p.at, "a path", plainly),
		d.link(p.at, "a relative path", relatively),
		d.link(p.at, "the whole URL", inFull),
		d.link(p.at, "with a fragment", withFragment),
		d.link(p.at, "with dot segments", withDots),
		d.link(p.at, "with an empty query", withEmptyQuery),
		d.link(p.at, "with an escape that is not needed", escaped),
		d.link(p.at, "without a scheme", withoutScheme),
		d.link(p.at, "with the default port, where it is the default", withPort),
		d.link(p.at, "with white space around", withSpaces),
		d.link(maker, "a tilde", plainly),
		d.link(maker, "an escaped tilde", escaped),
		d.link(naive.at, "a letter outside ASCII", unescaped),
		d.link(naive.at, "the same, escaped", plainly),
		d.link(place{journal, "/"}, "another host in capitals", inCapitals),
		d.link(place{shop, "/"}, "this host in capitals", inCapitals),
		d.link(d.page.at, "this page", selfReference),
	}
	return d.finishProse(view{Heading: "One page, many spellings"}, prose{
		Links: links,
		Paragraphs: []string{"All these links lead to six pages. A crawler that fetches one of " +
			"them twice has mistaken a spelling for a page."},
	})
}
