package sample

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
)

const sitemapPath = "/sitemap.xml"

// urlset is a sitemap as sitemaps.org has it.
type urlset struct {
	XMLName xml.Name `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	URLs    []struct {
		Loc string `xml:"loc"`
	} `xml:"url"`
}

// sitemaps adds a sitemap for each host. It lists the pages that every crawler may fetch and finds
// anyway, so that a full crawl is the same with it and without it.
func (b *builder) sitemaps() error {
	s := b.site
	truth, err := s.Truth(Scope{})
	if err != nil {
		return fmt.Errorf("sitemap: %w", err)
	}
	for host := range s.origins {
		var set urlset
		for _, url := range truth.Pages {
			at := s.placeOf(url)
			if at.host == host && !s.robots[host].blocks(anyAgent, at.path) {
				set.URLs = append(set.URLs, struct {
					Loc string `xml:"loc"`
				}{url})
			}
		}
		body := bytes.NewBufferString(xml.Header)
		if err := xml.NewEncoder(body).Encode(set); err != nil {
			return fmt.Errorf("sitemap: %w", err)
		}
		at := place{host, sitemapPath}
		s.pages[at] = &page{
			at: at, kind: file, manner: promptly, status: http.StatusOK,
			contentType: "application/xml", body: body.Bytes(),
		}
	}
	return nil
}
