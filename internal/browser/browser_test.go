package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/browser"
)

const form = `<!doctype html><html lang=en><title>Form</title><h1>Ask</h1>
<form action=/answer><label for=q>Question</label> <input id=q name=q> <button>Send</button></form>
<script>document.title = "changed"</script>`

func TestPage_IsUsedByKeysAndTellsWhatIsRefused(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "script-src 'none'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/answer" {
			_, _ = w.Write([]byte("<p id=a>" + r.FormValue("q") + "</p>"))
			return
		}
		_, _ = w.Write([]byte(form))
	}))
	t.Cleanup(site.Close)
	b, err := browser.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Stop()) })
	p, err := b.Open(t.Context(), browser.View{NoScript: true})
	require.NoError(t, err)

	require.NoError(t, p.Go(site.URL))
	tree, err := p.Tree()
	require.NoError(t, err)
	require.Contains(t, tree, browser.Node{Role: "heading", Name: "Ask", Level: 1})
	require.Contains(t, tree, browser.Node{Role: "textbox", Name: "Question", Focusable: true})
	picture, err := p.Screenshot(false)
	require.NoError(t, err)
	require.Equal(t, "\x89PNG", string(picture[:4]))
	require.NoError(t, p.Press(browser.Tab))
	require.NoError(t, p.Type("why"))
	require.NoError(t, p.Press(browser.Enter))
	require.NoError(t, p.Wait(`document.getElementById("a")?.textContent === "why"`))

	other, err := b.Open(t.Context(), browser.View{})
	require.NoError(t, err)
	require.NoError(t, other.Go(site.URL))
	require.NoError(t, other.Wait(`document.title === "Form"`), "the policy refuses the script")
	require.Eventually(t, func() bool { return len(other.Problems()) > 0 }, browser.Patience, 25e6)
}
