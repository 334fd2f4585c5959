package web

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// frame is what every page has around its body.
type frame struct {
	Title string
	// Status is the visitor's tenant; nil on pages for everybody.
	Status *fleet.TenantStatus
	Here   string // which of the tenant's pages this is, for the navigation
	Token  string // of its forms
	Notice string // what the form before has done
	Live   bool   // something on it changes by itself
	Assets assets
	Body   any
}

// of fills in what a visitor's page has.
func (s *site) of(v *visit, f frame) frame {
	f.Status, f.Token = &v.status, s.sealer.token(v.session)
	return f
}

// show renders a page whole before anything of it is sent.
func (s *site) show(w http.ResponseWriter, r *http.Request, status int, name string, f frame) {
	f.Assets = s.assets
	var b bytes.Buffer
	if err := s.forms[name].ExecuteTemplate(&b, "layout", f); err != nil {
		s.Log.Error("a page cannot be rendered", zap.String("page", name), zap.Error(err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the asker may have gone
	}
}

// wrong is what the page of an error shows.
type wrong struct {
	Error *fleet.Error
	Text  string
	Back  string
}

// refuse answers an error, and does nothing without one. Whatever does not exist, or is
// not the visitor's, has one and the same answer.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errNoKey):
		s.askForKey(w, r)
	case fleet.CodeOf(err) == fleet.CodeNotFound:
		s.notFound(w, r)
	default:
		if errors.Is(err, errBadKey) {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		shown := s.worded(r, err)
		retryAfter(w, shown)
		s.show(w, r, statusOf(err), "error", frame{
			Title: "That did not work", Body: wrong{Error: shown, Text: sentence(shown), Back: back(r)},
		})
	}
}

// askForKey leads to the login and back.
func (s *site) askForKey(w http.ResponseWriter, r *http.Request) {
	to := "/login"
	if r.Method == http.MethodGet {
		to += "?to=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusNotFound, "missing", frame{Title: "Not found"})
}

// back is the page that a form was on.
func back(r *http.Request) string {
	if t, id := r.PathValue("tenant"), r.PathValue("ticket"); id != "" {
		return "/t/" + url.PathEscape(t) + "/tickets/" + url.PathEscape(id)
	} else if t != "" {
		return "/t/" + url.PathEscape(t)
	}
	return "/"
}

// worded is what a visitor is told of an error: a coded one as it is, any other only
// that it was ours. That one is logged.
func (s *site) worded(r *http.Request, err error) *fleet.Error {
	var e *fleet.Error
	if errors.As(err, &e) && e.Code != fleet.CodeInternal {
		return e
	}
	if r.Context().Err() == nil {
		s.Log.Error("a page failed", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Error(err))
	}
	return fleet.Errorf(fleet.CodeInternal, "something went wrong on our side").
		WithHint("try again; the operator finds the reason in the log")
}

// sentence is an error for people. Its hint is left out: hints are for who has the
// command line.
func sentence(e *fleet.Error) string {
	text := strings.TrimSuffix(e.Message, ".")
	if e.Want != "" {
		text += "; it has to be " + e.Want
	}
	if e.RetryAfter > 0 {
		text += "; try again in " + span(e.RetryAfter.Std())
	}
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text + "."
}

func retryAfter(w http.ResponseWriter, e *fleet.Error) {
	if d := e.RetryAfter.Std(); d > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((d+time.Second-1)/time.Second)))
	}
}

// statuses maps every code to the status of its answer.
func statuses() map[fleet.Code]int {
	return map[fleet.Code]int{
		fleet.CodeInvalid: http.StatusUnprocessableEntity, fleet.CodeUnknownField: http.StatusUnprocessableEntity,
		fleet.CodeNotFound: http.StatusNotFound,
		fleet.CodeConflict: http.StatusConflict, fleet.CodeQuota: http.StatusTooManyRequests,
		fleet.CodeTenantNotReady: http.StatusConflict, fleet.CodeForbidden: http.StatusForbidden,
		fleet.CodeFenced: http.StatusConflict, fleet.CodeContract: http.StatusConflict,
		fleet.CodeCapacity: http.StatusServiceUnavailable, fleet.CodeCrawlerLost: http.StatusConflict,
		fleet.CodeDraining: http.StatusConflict, fleet.CodeSessionLost: http.StatusConflict,
		fleet.CodeUnreachable: http.StatusUnprocessableEntity, fleet.CodeVersion: http.StatusServiceUnavailable,
		fleet.CodeBlocked: http.StatusUnprocessableEntity,
		fleet.CodeBusy:    http.StatusServiceUnavailable, fleet.CodeUnavailable: http.StatusServiceUnavailable,
		fleet.CodeTimeout: http.StatusGatewayTimeout, fleet.CodeInternal: http.StatusInternalServerError,
	}
}

func statusOf(err error) int {
	if errors.Is(err, errBadKey) {
		return http.StatusUnauthorized
	}
	return statuses()[fleet.CodeOf(err)]
}
