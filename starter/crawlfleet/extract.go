package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/crawler/extract"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// maxTried is how many redirects lead to the page that rules are tried on.
const maxTried = 10

// trial is what rules found on one page.
type trial struct {
	URL         string         `json:"url"` // where redirects led
	Status      int            `json:"status"`
	ContentType string         `json:"contentType"`
	Charset     string         `json:"charset,omitempty"`
	Title       string         `json:"title,omitempty"`
	Truncated   bool           `json:"truncated,omitempty"`
	Fields      map[string]any `json:"fields"`
	Missing     []string       `json:"missing,omitempty"` // required, and not there
	Mistyped    []string       `json:"mistyped,omitempty"`
}

func newExtractCommand(app *App) *cobra.Command {
	var url, rules string
	c := command("extract", "try rules on one page and show what matches",
		`Fetches one page as a crawler does, with the same guard against private addresses, and
shows what each field of the rules finds on it. The rules are a ticket's "extract", as JSON or
YAML, or a whole ticket. Nothing is stored.`,
		`  crawlfleet extract --url https://example.com/p/1 --rules fields.yaml
  crawlfleet extract --url https://example.com/p/1 --rules ticket.yaml -o json`, 0, 0,
		func(ctx context.Context, _ []string) error { return app.tryRules(ctx, url, rules) })
	c.Flags().StringVar(&url, "url", "", "the page")
	c.Flags().StringVar(&rules, "rules", "", "file with the fields, JSON or YAML, or - for standard input")
	app.settingFlags(c.Flags(), "allowPrivate", "allowPorts", "contact")
	return c
}

func (a *App) tryRules(ctx context.Context, url, rules string) error {
	switch {
	case url == "":
		return fleet.Invalid("url", "is missing", "the address of a page, with --url")
	case rules == "":
		return fleet.Invalid("rules", "is missing", "a file with fields, with --rules")
	}
	wanted, err := a.readRules(rules)
	if err != nil {
		return err
	}
	fields, err := extract.NewFields(wanted)
	if err != nil {
		return err
	}
	at, resp, err := a.fetchOne(ctx, url)
	if err != nil {
		return err
	}
	t := trial{
		URL: at.URL, Status: resp.Status, ContentType: resp.ContentType, Truncated: resp.Cut != fetch.CutNone,
		Fields: map[string]any{},
	}
	if extract.IsHTML(resp.ContentType, resp.Body) {
		page := extract.Read(extract.Source{Body: resp.Body, ContentType: resp.ContentType, URL: at, Fields: fields})
		t.Charset, t.Title, t.Fields = page.Charset, page.Title, page.Fields
		t.Missing, t.Mistyped = page.Missing, page.Mistyped
	}
	return printOne(a, t, func(w io.Writer) { a.printTrial(w, t) })
}

// readRules reads the fields of a file, or those of the ticket that it holds.
func (a *App) readRules(name string) (map[string]fleet.Field, error) {
	docs, err := a.readDocuments([]string{name})
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, fleet.Invalid("rules", fmt.Sprintf("holds %d documents", len(docs)), "one")
	}
	if docs[0].err != nil {
		return nil, docs[0].err
	}
	var ticket struct {
		Extract json.RawMessage `json:"extract"`
	}
	text := docs[0].json
	if json.Unmarshal(text, &ticket) == nil && ticket.Extract != nil {
		text = ticket.Extract
	}
	return fleet.ParseFields(text)
}

// fetchOne gets a page over its redirects, each of which the guard looks at.
func (a *App) fetchOne(ctx context.Context, raw string) (urlkey.URL, fetch.Response, error) {
	at, err := urlkey.Parse(raw)
	if err != nil {
		return at, fetch.Response{}, fleet.Invalid("url", err.Error(), "an absolute http or https URL")
	}
	l, err := a.config()
	if err != nil {
		return at, fetch.Response{}, err
	}
	client := fetch.NewClient(fetch.Options{
		UserAgent: crawler.UserAgent(thisBuild().Version, l.Contact), Reach: reach(l.Config),
	})
	defer client.Close()
	visitor := client.NewVisitor(nil)
	for range maxTried + 1 {
		resp, err := visitor.Get(ctx, fetch.Request{URL: at.URL, Timeout: fleet.DefaultTimeout, MaxBody: fleet.DefaultMaxBody})
		if err != nil {
			if ctx.Err() != nil {
				return at, resp, ctx.Err()
			}
			reason, _ := fetch.Reason(err)
			return at, resp, fleet.Errorf(fleet.CodeUnreachable, at.URL+": "+reason)
		}
		if resp.Status < 300 || resp.Status > 399 || resp.Location == "" {
			return at, resp, nil
		}
		if at, err = urlkey.NewBase(at).Resolve(resp.Location); err != nil {
			return at, resp, fleet.Errorf(fleet.CodeUnreachable, "a redirect leads to no page: "+err.Error())
		}
	}
	return at, fetch.Response{}, fleet.Errorf(fleet.CodeUnreachable, "more than 10 redirects")
}

func (a *App) printTrial(w io.Writer, t trial) {
	fmt.Fprintf(w, "%s  %d  %s\n", t.URL, t.Status, t.ContentType)
	if t.Title != "" {
		fmt.Fprintf(w, "%s\n", t.Title)
	}
	if t.Charset == "" {
		fmt.Fprintln(w, a.paint(w, yellow, "This is no HTML: fields are read of pages only."))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		v := t.Fields[name]
		switch {
		case v == nil && slices.Contains(t.Missing, name):
			fmt.Fprintf(w, "  %s  %s\n", name, a.paint(w, red, noMatch(t, name)+", and it is required"))
		case v == nil:
			fmt.Fprintf(w, "  %s  %s\n", name, a.paint(w, yellow, noMatch(t, name)))
		default:
			fmt.Fprintf(w, "  %s  %s\n", name, asJSON(v))
		}
	}
	if len(t.Missing) > 0 {
		fmt.Fprintf(w, "missing: %v\n", t.Missing)
	}
	if len(t.Mistyped) > 0 {
		fmt.Fprintf(w, "of another type: %v\n", t.Mistyped)
	}
}

func noMatch(t trial, name string) string {
	if slices.Contains(t.Mistyped, name) {
		return "no match of its type"
	}
	return "no match"
}

// asJSON is a value as JSON, with its characters as they are.
func asJSON(v any) string {
	b, err := json.MarshalIndent(v, "  ", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
