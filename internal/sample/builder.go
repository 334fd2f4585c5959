package sample

import "html/template"

// builder writes all pages of a site. Everything that chance decides comes from words, in one
// fixed order, so that equal seeds give equal bytes.
type builder struct {
	site    *Site
	words   words
	stock   stock
	stories []story
}

func (s *Site) build() error {
	w := newWords(s.options.Seed)
	b := &builder{site: s, words: w, stock: newStock(w), stories: newStories(w)}
	return firstError(b.shop, b.journal, b.oddities, b.files, b.sitemaps)
}

// plainPages writes pages of a few paragraphs.
func (b *builder) plainPages(host int, pages []plainPage) error {
	for _, p := range pages {
		d := b.site.draft(place{host, p.path})
		var links []template.HTML
		for _, l := range p.links {
			links = append(links, d.to(l.to, l.text))
		}
		text := prose{Paragraphs: b.words.paragraphs(2, p.subject), Links: links}
		if err := d.finishProse(view{Heading: p.heading}, text); err != nil {
			return err
		}
	}
	return nil
}

// plainPage is a page of which only the links matter.
type plainPage struct {
	path, heading, subject string
	links                  []plainLink
}

type plainLink struct {
	to   place
	text string
}

// firstError runs the steps in order up to the first that fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
