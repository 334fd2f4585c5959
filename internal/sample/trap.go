package sample

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// trapPage writes the page of a trap, if there is one at the place: a calendar whose next month is
// always a link, and paths that grow by a segment with each click (/trap/1/2/3). The calendar and
// /trap are behind robots.txt; /maze is the same as /trap and is not.
func (s *Site) trapPage(at place) (*page, bool) {
	if at.host != shop {
		return nil, false
	}
	if month, ok := strings.CutPrefix(at.path, "/calendar/"); ok {
		return s.calendarPage(at, month)
	}
	for _, root := range []string{"/trap", "/maze"} {
		if steps, ok := strings.CutPrefix(at.path, root+"/"); ok {
			return s.stepPage(at, steps)
		}
	}
	return nil, false
}

func (s *Site) calendarPage(at place, month string) (*page, bool) {
	const layout = "2006-01"
	t, err := time.Parse(layout, month)
	if err != nil {
		return nil, false
	}
	return s.bottomless(at, t.Format("January 2006"), plainLink{
		place{shop, "/calendar/" + t.AddDate(0, 1, 0).Format(layout)}, "Next month",
	})
}

// stepPage is the page after the steps 1/2/3: they count up from one, everything else is a 404.
func (s *Site) stepPage(at place, steps string) (*page, bool) {
	count := 0
	for step := range strings.SplitSeq(steps, "/") {
		count++
		if step != strconv.Itoa(count) {
			return nil, false
		}
	}
	return s.bottomless(at, fmt.Sprintf("Step %d", count), plainLink{
		place{shop, fmt.Sprintf("%s/%d", at.path, count+1)}, "One step further",
	})
}

// bottomless writes a page whose only way on is further down. It has no navigation, so that a
// crawl of a trap is of nothing else.
func (s *Site) bottomless(at place, heading string, next plainLink) (*page, bool) {
	d := s.draft(at)
	d.page.bottomless = true
	link := d.to(next.to, next.text)
	d.page.facts = Page{URL: s.url(at), Title: heading, Heading: heading}
	d.page.body = fmt.Appendf(nil, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>"+
		"<meta charset=\"utf-8\"><title>%s</title><link rel=\"icon\" href=\"data:,\"></head>\n"+
		"<body><h1>%s</h1><p>%s</p></body>\n</html>\n", heading, heading, link)
	return d.page, true
}
