package web

import (
	"net/http"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// recent is how many crawlers are listed.
const recent = 100

// crawlersView is the crawlers of a tenant, the newest first.
type crawlersView struct {
	Live, Gone []fleet.CrawlerRow
	More       bool // there were more than are listed
}

func (s *site) crawlers(w http.ResponseWriter, r *http.Request, v *visit) error {
	live, err := s.Control.Crawlers(r.Context(), v.tenant())
	if err != nil {
		return err
	}
	// So many that enough are left without those that live.
	all, err := s.Control.AllCrawlers(r.Context(),
		fleet.CrawlerFilter{Tenant: v.tenant(), Limit: len(live) + recent + 1})
	if err != nil {
		return err
	}
	view := crawlersView{Live: live}
	for _, c := range all {
		switch {
		case c.State.Live():
		case len(view.Gone) < recent:
			view.Gone = append(view.Gone, c)
		default:
			view.More = true
		}
	}
	s.show(w, r, http.StatusOK, "crawlers", s.of(v, frame{
		Title: "Crawlers", Here: "crawlers", Live: len(view.Live) > 0, Body: view,
	}))
	return nil
}
