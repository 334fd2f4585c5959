package sample

import (
	"fmt"
	"html/template"
)

// perArchive is how many stories a part of the archive shows: sixty make six parts.
const perArchive = 10

// story is one article of the journal.
type story struct {
	at     place
	title  string
	author int
	topics [2]int
	date   string
}

// newStories makes one story of each form about each setting: sixty, in shuffled order.
func newStories(w words) []story {
	var titles []string
	for _, form := range storyForms() {
		for _, where := range settings() {
			titles = append(titles, fmt.Sprintf(form, where))
		}
	}
	w.Shuffle(len(titles), func(i, j int) { titles[i], titles[j] = titles[j], titles[i] })
	stories := make([]story, len(titles))
	for i, title := range titles {
		t := w.Perm(len(topics()))
		stories[i] = story{
			at: place{journal, "/stories/" + slug(title)}, title: title,
			author: w.IntN(len(authors())), topics: [2]int{t[0], t[1]}, date: w.date(),
		}
	}
	return stories
}

func authorPlace(name string) place { return place{journal, "/authors/" + slug(name)} }
func topicPlace(name string) place  { return place{journal, "/topics/" + slug(name)} }

func (b *builder) journal() error {
	return firstError(b.journalFront, b.archive, b.storyPages, b.authorPages, b.topicPages,
		b.journalProse)
}

func (b *builder) journalFront() error {
	d := b.site.draft(place{journal, "/"})
	var l listing
	for _, s := range b.stories[:6] {
		l.Cards = append(l.Cards, card{
			Art: b.words.art(), Note: "by " + authors()[s.author],
			Link: d.to(s.at, s.title),
		})
	}
	return d.finishListing(view{
		Heading: "Notes from outside",
		Lead:    "Written in log books, typed up in winter.",
	}, l)
}

func (b *builder) archive() error {
	parts := len(b.stories) / perArchive
	for n := range parts {
		d := b.site.draft(place{journal, partPath("/archive", n)})
		var l listing
		for _, s := range b.stories[n*perArchive : (n+1)*perArchive] {
			l.Cards = append(l.Cards, card{Link: d.link(s.at, s.title, relatively), Note: s.date})
		}
		l.Pager = d.pager("/archive", parts)
		heading := fmt.Sprintf("Archive, part %d of %d", n+1, parts)
		if err := d.finishListing(view{Heading: heading}, l); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) storyPages() error {
	for i, s := range b.stories {
		if err := b.storyPage(i, s); err != nil {
			return err
		}
		print := plainPage{
			"/print/" + slug(s.title), s.title + ", for print", s.title,
			[]plainLink{{s.at, "Read it on the screen"}},
		}
		if err := b.plainPages(journal, []plainPage{print}); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) storyPage(i int, s story) error {
	d := b.site.draft(s.at)
	d.page.facts.Author = authors()[s.author]
	next := b.stories[(i+1)%len(b.stories)]
	p := b.stock.products[b.words.IntN(len(b.stock.products))]
	tags := make([]template.HTML, 0, len(s.topics))
	for _, t := range s.topics {
		tags = append(tags, d.to(topicPlace(topics()[t]), topics()[t]))
	}
	content, err := d.content("article.html", map[string]any{
		"Author": d.page.facts.Author, "Date": s.date,
		"Byline":     d.to(authorPlace(d.page.facts.Author), "all by this author"),
		"Paragraphs": b.words.paragraphs(5, s.title), "Topics": tags,
		"Links": []template.HTML{
			d.link(next.at, "Next: "+next.title, withFragment),
			d.to(p.at, "In the shop: "+p.name),
			d.link(p.at, "Details of the "+p.name, withFragment),
			d.to(place{journal, "/print/" + slug(s.title)}, "Print"),
		},
	})
	if err != nil {
		return err
	}
	return d.finish(view{
		Heading: s.title, Content: content,
		Trail: []template.HTML{d.to(place{journal, "/archive"}, "Archive")},
	})
}

func (b *builder) authorPages() error {
	return b.grouped("/authors", "Authors", authors(), authorPlace,
		func(s story, author int) bool { return s.author == author })
}

func (b *builder) topicPages() error {
	return b.grouped("/topics", "Topics", topics(), topicPlace,
		func(s story, t int) bool { return s.topics[0] == t || s.topics[1] == t })
}

// grouped writes an index of names, and for each name a page of the stories that belong to it.
func (b *builder) grouped(path, heading string, names []string, at func(string) place,
	belongs func(story, int) bool,
) error {
	index := b.site.draft(place{journal, path})
	var all listing
	for n, name := range names {
		all.Cards = append(all.Cards, card{Link: index.to(at(name), name)})
		d := b.site.draft(at(name))
		var own listing
		for _, s := range b.stories {
			if belongs(s, n) {
				own.Cards = append(own.Cards, card{Link: d.link(s.at, s.title, relatively)})
			}
		}
		if err := d.finishListing(view{Heading: name}, own); err != nil {
			return err
		}
	}
	return index.finishListing(view{Heading: heading}, all)
}

func (b *builder) journalProse() error {
	return b.plainPages(journal, []plainPage{
		{"/colophon", "Colophon", "paper and ink", []plainLink{
			{place{shop, "/spellings"}, "One page, many spellings"},
		}},
		{"/editor/desk", "The editors' desk", "unfinished stories", nil},
	})
}
