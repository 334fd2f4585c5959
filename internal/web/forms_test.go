package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestForms_OfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	v.login(demoKey)
	good := url.Values{"token": {v.token("/t/demo/tickets/runs")}}
	const path = "/t/demo/tickets/runs/cancel"
	send := func(form url.Values, headers ...string) int {
		r := v.request(http.MethodPost, path, form.Encode())
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return v.do(r).StatusCode
	}
	require.Equal(t, http.StatusForbidden, send(good, "Sec-Fetch-Site", "cross-site"))
	require.Equal(t, http.StatusForbidden, send(good, "Sec-Fetch-Site", "same-site"))
	require.Equal(t, http.StatusForbidden, send(good, "Origin", "https://evil.example"))
	require.Equal(t, http.StatusForbidden, send(url.Values{}, "Sec-Fetch-Site", "same-origin"))
	require.Equal(t, http.StatusForbidden, send(url.Values{"token": {"wrong"}}))
	v.login(demoKey) // a new session has other tokens
	require.Equal(t, http.StatusForbidden, send(good, "Sec-Fetch-Site", "same-origin"))
	require.Empty(t, w.cancelled)

	login := v.request(http.MethodPost, "/login", url.Values{"key": {demoKey.Reveal()}}.Encode())
	login.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, v.do(login).StatusCode)
	require.Equal(t, http.StatusNotFound, v.get(path).StatusCode)
}

func TestForms_SteerATicket(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	v.login(demoKey)
	act := func(id, name string) answer {
		return v.post("/t/demo/tickets/"+id+"/"+name, url.Values{"token": {v.token("/t/demo/submit")}})
	}
	a := act("runs", "cancel")
	require.Equal(t, http.StatusSeeOther, a.StatusCode)
	require.Equal(t, []string{"ticket/demo/runs"}, w.cancelled)
	require.Contains(t, v.get(a.Header.Get("Location")).text, "The ticket is being cancelled")

	require.Equal(t, http.StatusSeeOther, act("runs", "pause").StatusCode)
	require.Equal(t, http.StatusConflict, act("runs", "resume").StatusCode)
	for i := range w.tickets {
		if w.tickets[i].Input.ID == "waits" {
			w.tickets[i].Wait = &fleet.Wait{Code: fleet.WaitPaused, Message: "paused by ann"}
		}
	}
	require.Equal(t, http.StatusSeeOther, act("waits", "resume").StatusCode)
	require.Equal(t, http.StatusConflict, act("waits", "pause").StatusCode)
	require.Equal(t, []string{
		"pause ticket/demo/runs by web, key pages", "resume ticket/demo/waits by web, key pages",
	}, w.steered)

	require.Equal(t, http.StatusConflict, act("has-failed", "cancel").StatusCode)
	require.Equal(t, http.StatusSeeOther, act("has-failed", "retry").StatusCode)
	require.Equal(t, 2, w.started[0].Attempt)
	for id, name := range map[string]string{"was-done": "retry", "waits": "retry"} {
		require.Equal(t, http.StatusConflict, act(id, name).StatusCode, id)
	}
	require.Equal(t, http.StatusNotFound, act("unknown", "cancel").StatusCode)
	require.Equal(t, http.StatusNotFound, act("runs", "explode").StatusCode)
}

func TestForms_BearerSteersWithoutAToken(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	r := v.request(http.MethodPost, "/t/demo/tickets/waits/cancel", "")
	r.Header.Set("Authorization", "Bearer "+demoKey.Reveal())
	require.Equal(t, http.StatusSeeOther, v.do(r).StatusCode)
	require.Equal(t, []string{"ticket/demo/waits"}, w.cancelled)
}

func TestSubmit_StartsATicket(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.serve(t)
	v.login(demoKey)
	a := v.post("/t/demo/tickets", url.Values{
		"token": {v.token("/t/demo/submit")}, "urls": {" https://a.example/\r\nhttps://b.example/ "},
		"pages": {"12"}, "id": {"mine"},
	})
	require.Equal(t, "/t/demo/tickets/mine", a.Header.Get("Location"))
	in := w.started[0]
	require.Equal(t, fleet.TenantID("demo"), in.Tenant)
	require.Equal(t, []string{"https://a.example/", "https://b.example/"}, in.URLs)
	require.Equal(t, int64(12), in.Scope.MaxPages)
}

func TestSubmit_ErrorsAreAtTheirField(t *testing.T) {
	t.Parallel()
	quota := fleet.Errorf(fleet.CodeQuota, "10,000 tickets wait already")
	quota.RetryAfter = fleet.Duration(30e9)
	for name, c := range map[string]struct {
		urls, pages, id   string
		refusal, unaccept error
		status            int
		input, text       string
	}{
		"no url":        {status: 422, input: "urls", text: "http"},
		"not http":      {urls: "ftp://a.example/", status: 422, input: "urls", text: "http or https"},
		"no number":     {urls: "https://a.example/", pages: "many", status: 422, input: "pages", text: "whole number"},
		"too many":      {urls: "https://a.example/", pages: "99999999", status: 422, input: "pages", text: "out of range"},
		"bad id":        {urls: "https://a.example/", id: "?", status: 422, input: "id", text: "64 letters"},
		"conflict":      {urls: "https://a.example/", unaccept: &fleet.Error{Code: fleet.CodeConflict, Field: "id", Message: "is another ticket"}, status: 409, input: "id", text: "another ticket"},
		"over the plan": {urls: "https://a.example/", unaccept: quota, status: 429, text: "try again in 30s"},
		"away":          {urls: "https://a.example/", refusal: fleet.Errorf(fleet.CodeUnavailable, "Temporal does not answer"), status: 503, text: "does not answer"},
		"ours":          {urls: "https://a.example/", refusal: errors.New("secret detail"), status: 500, text: "on our side"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.refusal, w.unaccept = c.refusal, c.unaccept
			v := w.serve(t)
			v.login(demoKey)
			a := v.post("/t/demo/tickets", url.Values{
				"token": {v.token("/t/demo/submit")}, "urls": {c.urls}, "pages": {c.pages}, "id": {c.id},
			})
			require.Equal(t, c.status, a.StatusCode, a.text)
			require.Contains(t, a.text, c.text)
			require.NotContains(t, a.text, "secret detail")
			if c.input == "" {
				require.NotContains(t, a.text, "aria-invalid")
				return
			}
			_, rest, found := strings.Cut(a.text, `id="`+c.input+`-error" class="wrong">`)
			require.True(t, found, a.text)
			require.Contains(t, rest[:200], c.text)
			require.Contains(t, a.text, c.urls, "what was typed is still there")
		})
	}
}

func TestSubmit_LongFormsAreRefused(t *testing.T) {
	t.Parallel()
	v := newWorld().serve(t)
	v.login(demoKey)
	a := v.post("/t/demo/tickets", url.Values{
		"token": {v.token("/t/demo/submit")}, "urls": {strings.Repeat("x", 4<<20)},
	})
	require.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
}
