package fleet

import "fmt"

// Sources say where URLs come from besides the links of pages.
type Sources struct {
	// Sitemaps reads the sitemaps that a site's robots.txt names, and those that are
	// linked; their entries are seeds, as far as the scope has them.
	Sitemaps bool `json:"sitemaps,omitempty"`
	// Feeds reads the RSS and Atom feeds that pages name.
	Feeds bool `json:"feeds,omitempty"`
	// Files are addresses of lists with one URL a line, of sitemaps, sitemap indexes or
	// feeds. What they and the sitemaps of an index name are seeds, whatever the scope says.
	Files []string `json:"files,omitempty"`
	// Resources follows what pages of the ticket's scope are made of as well: images,
	// scripts, styles and what these import or show, media, as far as the scope has them.
	Resources bool `json:"resources,omitempty"`
}

// ListKind says why a URL is read as a list of URLs; "" for what is a page.
type ListKind string

// The kinds of lists.
const (
	// ListAnnounced is named by a robots.txt, or by a sitemap index that no ticket names.
	ListAnnounced ListKind = "announced"
	// ListNamed is one of Sources.Files, or named by one of them that is a sitemap index.
	ListNamed ListKind = "named"
)

// maxFiles bounds the lists of one ticket: each may have 50,000 entries.
const maxFiles = 100

func (in TicketInput) checkSources() error {
	if n := len(in.Sources.Files); n > maxFiles {
		return Invalid("sources.files", fmt.Sprintf("has %d entries", n), fmt.Sprintf("at most %d", maxFiles))
	}
	for i, u := range in.Sources.Files {
		if _, err := parseSeed(u); err != nil {
			return Invalid(fmt.Sprintf("sources.files[%d]", i), err.Error(), "an absolute http or https URL")
		}
	}
	return nil
}
