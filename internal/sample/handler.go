package sample

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The endless page sends a piece of this size at this pace, about 6 MB/s: fast enough to reach a
// cap of 10 MiB in two seconds, slow enough not to take the machine.
const (
	endlessPiece = 64 << 10
	endlessPace  = 10 * time.Millisecond
)

// handler serves one host.
func (s *Site) handler(host int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := place{host, canonicalPath(r.URL)}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		switch at.path {
		case "/robots.txt":
			send(w, http.StatusOK, "text/plain; charset=utf-8",
				[]byte(s.robots[host].text(s.url(place{host, sitemapPath}))))
			return
		case sitemapPath:
			s.answer(w, s.pages[at])
			return
		}
		p, ok := s.find(at)
		if !ok {
			p = &page{
				at: at, kind: missing, manner: promptly, status: http.StatusNotFound,
				contentType: "text/plain; charset=utf-8", body: []byte("Not found.\n"),
			}
		}
		s.serve(w, r, p)
	})
}

// serve answers in the manner of the page.
func (s *Site) serve(w http.ResponseWriter, r *http.Request, p *page) {
	delay := time.Duration(s.pageDelay.Load())
	if p.manner == slowly {
		delay = s.options.SlowDelay
	}
	if !s.wait(r.Context(), delay) {
		// Cuts the connection: an answer after the end would be one that nobody waited for.
		panic(http.ErrAbortHandler)
	}
	switch p.manner {
	case flakily:
		if s.flaky.Add(1) == 1 {
			http.Error(w, "This once did not work. Try again.", http.StatusInternalServerError)
			return
		}
		s.answer(w, p)
	case endlessly:
		s.answerForEver(w, r, p)
	case promptly, slowly:
		s.answer(w, p)
	}
}

func (s *Site) answer(w http.ResponseWriter, p *page) {
	if p.kind == redirect {
		w.Header().Set("Location", p.href)
		w.WriteHeader(p.status)
		return
	}
	send(w, p.status, p.contentType, p.body)
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// An error means that the client left, which is its right; net/http drops it for HEAD.
	_, _ = w.Write(body)
}

// answerForEver sends the page and then blank lines until the client leaves or the site stops.
func (s *Site) answerForEver(w http.ResponseWriter, r *http.Request, p *page) {
	w.Header().Set("Content-Type", p.contentType)
	w.WriteHeader(p.status)
	if r.Method == http.MethodHead {
		return
	}
	flush := http.NewResponseController(w)
	piece := p.body
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
		if err := flush.Flush(); err != nil {
			return
		}
		if !s.wait(r.Context(), endlessPace) {
			panic(http.ErrAbortHandler) // returning would end the body properly
		}
		piece = []byte(strings.Repeat("\n", endlessPiece))
	}
}

// wait reports whether the time passed before the client left and before the site was stopped.
func (s *Site) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-s.stopped.Done():
		return false
	}
}
