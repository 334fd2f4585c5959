package crawler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestScope(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope fleet.Scope
		want  []string
	}{
		"own host":      {fleet.Scope{}, []string{"/", "/a/1", "/a/2", "/b/1"}},
		"include":       {fleet.Scope{Include: []string{`/a/`}}, []string{"/", "/a/1", "/a/2"}},
		"exclude":       {fleet.Scope{Exclude: []string{`/a/2$`, `/b/`}}, []string{"/", "/a/1"}},
		"both":          {fleet.Scope{Include: []string{`/a/`, `/b/`}, Exclude: []string{`1$`}}, []string{"/", "/a/2"}},
		"another host":  {fleet.Scope{Hosts: []string{"elsewhere.example"}, Exclude: []string{"."}}, []string{"/"}},
		"canonical URL": {fleet.Scope{Include: []string{`/%62/`}}, []string{"/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.page("/", "/a/1", "/a/2", "/%62/1", "https://elsewhere.example/")
			for _, path := range []string{"/a/1", "/a/2", "/b/1"} {
				s.page(path)
			}
			in := s.ticket("/")
			in.Scope = c.scope
			p := newPlane(in)
			crawl(t, p)
			got := p.urls(fleet.PageFetched, s.URL)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], "%62", "b")
			}
			require.ElementsMatch(t, c.want, got)
		})
	}
}

func TestScope_DepthAndPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 10 {
		s.page(fmt.Sprintf("/%d", i), fmt.Sprintf("/%d", i+1))
	}
	in := s.ticket("/0")
	two := 2
	in.Scope.MaxDepth = &two
	p := newPlane(in)
	require.Equal(t, fleet.OutcomeDone, crawl(t, p).Outcome)
	require.Equal(t, []string{"/0", "/1", "/2"}, p.urls(fleet.PageFetched, s.URL))

	in = s.ticket("/0")
	in.Scope.MaxPages = 4
	p = newPlane(in)
	require.Equal(t, fleet.OutcomeLimited, crawl(t, p).Outcome)
	require.Len(t, p.urls(fleet.PageFetched, s.URL), 4)
}

func TestScope_BadTicketsNameTheField(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for field, change := range map[string]func(*fleet.TicketInput){
		"extract.price.css": func(in *fleet.TicketInput) { in.Extract = map[string]fleet.Field{"price": {CSS: "p["}} },
		"urls[0]":           func(in *fleet.TicketInput) { in.URLs = []string{"http://1.2.3.4.5/"} },
	} {
		in := s.ticket("/")
		change(&in)
		_, err := newEngine(t, newPlane(in)).Crawl(t.Context(), tenant, "t1", guid, 1, nil)
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
		var e *fleet.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, field, e.Field)
	}
}

// Every page links to every other in four spellings; each is fetched once.
func TestScope_EachPageOnceUnderConcurrency(t *testing.T) {
	t.Parallel()
	const pages = 150
	s := newSite(t)
	var links []string
	for i := range pages {
		links = append(links, fmt.Sprintf("/p%d", i), fmt.Sprintf("/%%70%d", i), fmt.Sprintf("/x/../p%d#y", i),
			fmt.Sprintf("/p%d?", i))
	}
	for i := range pages {
		s.page(fmt.Sprintf("/p%d", i), links...)
	}
	in := s.ticket("/p0")
	in.Fetch.Concurrency = 32
	p := newPlane(in)
	crawl(t, p)
	require.Len(t, p.urls(fleet.PageFetched, s.URL), pages)
	require.Len(t, s.hits(""), pages)
	sent := 0
	for _, r := range p.requests {
		for _, page := range r.Pages {
			sent += len(page.Links)
		}
	}
	require.Less(t, sent, 2*pages, "links that the frontier has are not sent again")
}

func TestExtract_FieldsOfATicket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<title> A
 shop </title><p class=price> 12 € </p><ul><li>a<li>b</ul><img src=x.png><a href=/next>n</a>`))
	})
	s.page("/next")
	in := s.ticket("/")
	in.Extract = map[string]fleet.Field{
		"price": {CSS: ".price"}, "items": {CSS: "li", Many: true}, "image": {CSS: "img", Attr: "src"},
		"none": {CSS: ".none"},
	}
	p := newPlane(in)
	crawl(t, p)
	page := p.page(s.URL + "/")
	require.Equal(t, "A shop", page.Title)
	require.Equal(t, fleet.Values{
		"price": "12 €", "items": []string{"a", "b"}, "image": "x.png", "none": nil,
	}, page.Fields)
	require.Equal(t, fleet.PageFetched, p.page(s.URL+"/next").Outcome)
}

func TestExtract_OtherTypesAreStoredUnread(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/f.pdf", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = w.Write([]byte("%PDF <a href=/x>x</a>"))
	})
	p := newPlane(s.ticket("/f.pdf"))
	crawl(t, p)
	page := p.page(s.URL + "/f.pdf")
	require.Equal(t, fleet.PageFetched, page.Outcome)
	require.Equal(t, "application/pdf", page.ContentType)
	require.EqualValues(t, 21, page.Bytes)
	require.Empty(t, page.Links)
}
