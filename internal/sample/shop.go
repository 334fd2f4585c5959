package sample

import (
	"fmt"
	"html/template"
)

// perListing is how many products a part of a category shows: eighteen make three parts.
const perListing = 6

// product is one thing for sale.
type product struct {
	at       place
	name     string
	price    string
	maker    int
	category int
}

// guide is one how-to of the shop.
type guide struct {
	at   place
	name string
}

// stock is what the shop has, decided before any page is written so that pages can link ahead.
type stock struct {
	categories []category
	products   []product
	guides     []guide
	makers     []string
}

func newStock(w words) stock {
	st := stock{categories: categories(), makers: makers()}
	for c, cat := range st.categories {
		for _, thing := range cat.things {
			// Three of a shuffle, so that no two makes of one thing share a name.
			for _, i := range w.Perm(len(adjectives()))[:3] {
				name := adjectives()[i] + " " + thing
				st.products = append(st.products, product{
					at: place{shop, "/products/" + slug(name)}, name: name,
					price: w.price(), maker: w.IntN(len(st.makers)), category: c,
				})
			}
		}
	}
	for _, name := range guides() {
		st.guides = append(st.guides, guide{place{shop, escapePath("/guides/" + slug(name))}, name})
	}
	return st
}

func (st stock) of(category int) []product {
	per := len(st.products) / len(st.categories)
	return st.products[category*per : (category+1)*per]
}

func categoryPath(c category) string { return "/c/" + slug(c.name) }

// makerPlace has a tilde, the letter that is escaped most often without need.
func makerPlace(name string) place { return place{shop, "/~" + slug(name) + "/"} }

func (b *builder) shop() error {
	return firstError(b.shopFront, b.categoryIndex, b.categoryPages, b.productPages, b.guidePages,
		b.makerPages, b.shopProse)
}

func (b *builder) shopFront() error {
	d := b.site.draft(place{shop, "/"})
	var l listing
	for _, cat := range b.stock.categories {
		l.Cards = append(l.Cards, card{
			Art: b.words.art(), Note: cat.purpose,
			Link: d.to(place{shop, categoryPath(cat)}, cat.name),
		})
	}
	for _, story := range b.stories[:4] {
		l.Cards = append(l.Cards, card{
			Art: b.words.art(), Note: "from the journal",
			Link: d.to(story.at, story.title),
		})
	}
	l.Cards = append(l.Cards, card{
		Art: b.words.art(), Note: "what a crawler meets outside",
		Link: d.to(place{shop, "/oddities"}, "Cabinet of oddities"),
	})
	return d.finishListing(view{
		Heading: "Instruments for people who work outdoors",
		Lead:    "Compasses, lanterns and wool, made slowly and mended for ever.",
	}, l)
}

func (b *builder) categoryIndex() error {
	d := b.site.draft(place{shop, "/categories"})
	var l listing
	for _, cat := range b.stock.categories {
		l.Cards = append(l.Cards, card{
			Note: cat.purpose,
			Link: d.link(place{shop, categoryPath(cat)}, cat.name, relatively),
		})
	}
	l.Cards = append(l.Cards,
		card{Link: d.to(place{shop, "/clearance/"}, "Clearance"), Note: "last pieces"},
		card{Link: d.to(place{shop, "/letters/a-to-z"}, "All from A to Z"), Note: "by name"})
	return d.finishListing(view{Heading: "The shop"}, l)
}

func (b *builder) categoryPages() error {
	for c, cat := range b.stock.categories {
		products := b.stock.of(c)
		parts := len(products) / perListing
		for n := range parts {
			d := b.site.draft(place{shop, partPath(categoryPath(cat), n)})
			l := listing{}
			for _, p := range products[n*perListing : (n+1)*perListing] {
				l.Cards = append(l.Cards, card{
					Art: b.words.art(), Price: p.price,
					Link: d.to(p.at, p.name), Note: b.stock.makers[p.maker],
				})
			}
			l.Pager = d.pager(categoryPath(cat), parts)
			v := view{
				Heading: fmt.Sprintf("%s, part %d of %d", cat.name, n+1, parts),
				Lead:    "Things " + cat.purpose + ".",
			}
			v.Trail = []template.HTML{d.to(place{shop, "/categories"}, "Shop")}
			if err := d.finishListing(v, l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) productPages() error {
	for i := range b.stock.products {
		if err := b.productPage(i); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) productPage(i int) error {
	p := b.stock.products[i]
	d := b.site.draft(p.at)
	d.page.facts.Price = p.price
	cat, maker := b.stock.categories[p.category], b.stock.makers[p.maker]
	siblings := b.stock.of(p.category)
	sibling := siblings[(i+1)%len(siblings)]
	other := b.stock.products[b.words.IntN(len(b.stock.products))]
	how, read := b.stock.guides[i%len(b.stock.guides)], b.stories[i%len(b.stories)]
	// The spellings take turns, so that each is met often and none is the rule.
	turns := []spelling{plainly, relatively, withFragment, withDots, escaped}
	content, err := d.content("product.html", map[string]any{
		"Art": b.words.art(), "Price": p.price, "SKU": fmt.Sprintf("NL-%04d", 1000+i*7),
		"Maker":      d.to(makerPlace(maker), maker),
		"Paragraphs": b.words.paragraphs(2, "the "+p.name),
		"Specs": [][2]string{
			{"Weight", fmt.Sprintf("%d g", 40+b.words.IntN(1800))},
			{"Warranty", fmt.Sprintf("%d years", 2+b.words.IntN(20))},
			{"In stock", fmt.Sprint(1 + b.words.IntN(60))},
		},
		"Related": []template.HTML{
			d.link(sibling.at, sibling.name, turns[i%len(turns)]),
			d.link(other.at, other.name, turns[(i+1)%len(turns)]),
		},
		"Reading": []template.HTML{d.to(how.at, how.name), d.to(read.at, read.title)},
	})
	if err != nil {
		return err
	}
	return d.finish(view{Heading: p.name, Content: content, Trail: []template.HTML{
		d.to(place{shop, "/categories"}, "Shop"), d.to(place{shop, categoryPath(cat)}, cat.name),
	}})
}

func (b *builder) guidePages() error {
	index := b.site.draft(place{shop, "/guides/"})
	var l listing
	for i, g := range b.stock.guides {
		l.Cards = append(l.Cards, card{Link: index.link(g.at, g.name, relatively)})
		if err := b.guidePage(i, g); err != nil {
			return err
		}
	}
	return index.finishListing(view{
		Heading: "Guides",
		Lead:    "How to use what you have, before you buy what you have not.",
	}, l)
}

func (b *builder) guidePage(i int, g guide) error {
	d := b.site.draft(g.at)
	d.page.facts.Author = b.words.pick(authors())
	next := b.stock.guides[(i+1)%len(b.stock.guides)]
	p := b.stock.products[b.words.IntN(len(b.stock.products))]
	content, err := d.content("article.html", map[string]any{
		"Author": d.page.facts.Author, "Date": b.words.date(), "Byline": "a guide in four paragraphs",
		"Paragraphs": b.words.paragraphs(4, g.name),
		"Topics":     []template.HTML{d.link(place{shop, "/guides/"}, "guides", relatively)},
		"Links": []template.HTML{
			d.link(next.at, next.name, unescaped),
			d.link(p.at, p.name, withFragment),
		},
	})
	if err != nil {
		return err
	}
	return d.finish(view{
		Heading: g.name, Content: content,
		Trail: []template.HTML{d.to(place{shop, "/guides/"}, "Guides")},
	})
}

func (b *builder) makerPages() error {
	index := b.site.draft(place{shop, "/makers"})
	var all listing
	for m, name := range b.stock.makers {
		all.Cards = append(all.Cards, card{
			Art:  b.words.art(),
			Link: index.link(makerPlace(name), name, escaped),
		})
		d := b.site.draft(makerPlace(name))
		var own listing
		for _, p := range b.stock.products {
			if p.maker == m {
				own.Cards = append(own.Cards, card{
					Link:  d.link(p.at, p.name, relatively),
					Price: p.price,
				})
			}
		}
		if err := d.finishListing(view{Heading: name}, own); err != nil {
			return err
		}
	}
	return index.finishListing(view{Heading: "The makers"}, all)
}
