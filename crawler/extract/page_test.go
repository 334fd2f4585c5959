package extract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"github.com/crawlfleet/crawlfleet/crawler/extract"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func read(body []byte, contentType string, f *extract.Fields) extract.Page {
	return extract.Read(extract.Source{Body: body, ContentType: contentType, Fields: f})
}

func fields(t testing.TB, css string) *extract.Fields {
	t.Helper()
	f, err := extract.NewFields(map[string]fleet.Field{"x": {CSS: css, Many: true}})
	require.NoError(t, err)
	return f
}

func TestRead_BothWaysGiveTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, title, base string
		links             []string
	}{
		"empty": {"", "", "", nil},
		"plain": {`<title> A  b&amp;c
</title><a href=x>1</a><a href='y&amp;z'>2</a>`, "A b&c", "", []string{"x", "y&z"}},
		"every kind":     {`<link rel="x NEXT" href=n><map><area href=a></map><iframe src=i></iframe><a href=l>`, "", "", []string{"n", "a", "i", "l"}},
		"frames":         {`<html><frameset><frame src=f1><frame src=f2></frameset></html>`, "", "", []string{"f1", "f2"}},
		"not a link":     {`<link rel=stylesheet href=s><a name=x><img src=y><area><a>`, "", "", nil},
		"twice":          {`<a href=x><a href=x>`, "", "", []string{"x"}},
		"base":           {`<base href="/b/"><base href="/c/"><a href=x>`, "", "/b/", []string{"x"}},
		"empty href":     {`<a href="">x</a>`, "", "", []string{""}},
		"capitals":       {`<A HREF=X>x</A><TITLE>T</TITLE>`, "T", "", []string{"X"}},
		"comment":        {`<!-- <a href=no> --><a href=yes>`, "", "", []string{"yes"}},
		"script":         {`<script>document.write('<a href=no>')</script><a href=yes>`, "", "", []string{"yes"}},
		"style":          {`<style><a href=no></style><a href=yes>`, "", "", []string{"yes"}},
		"textarea":       {`<textarea><a href=no></textarea><a href=yes>`, "", "", []string{"yes"}},
		"noscript":       {`<body><noscript><a href=yes></noscript>`, "", "", []string{"yes"}},
		"svg title":      {`<body><svg><title>no</title></svg><title>yes</title>`, "yes", "", nil},
		"first title":    {`<title>1</title><title>2</title>`, "1", "", nil},
		"empty title":    {`<title></title><a href=x>`, "", "", []string{"x"}},
		"doubled":        {`<a href=1 href=2>`, "", "", []string{"1"}},
		"not closed":     {`<title>T</title><a href=x`, "T", "", nil},
		"title not shut": {`<title>T<a href=x>`, "T<a href=x>", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, f := range map[string]*extract.Fields{"tokens": nil, "tree": fields(t, "b")} {
				page := read([]byte(c.body), "text/html; charset=utf-8", f)
				require.Equal(t, c.title, page.Title, how)
				require.Equal(t, c.base, page.Base, how)
				require.Equal(t, c.links, page.Links, how)
			}
		})
	}
}

func TestRead_Charsets(t *testing.T) {
	t.Parallel()
	const word = "Straße"
	latin, err := charmap.Windows1252.NewEncoder().String(word)
	require.NoError(t, err)
	sjis, err := japanese.ShiftJIS.NewEncoder().String("日本")
	require.NoError(t, err)
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("<title>" + word + "</title>")
	require.NoError(t, err)
	late := strings.Repeat("<script>//padding</script>", 200)
	for name, c := range map[string]struct{ body, contentType, want string }{
		"header":                 {"<title>" + latin, "text/html; charset=ISO-8859-1", word},
		"header before meta":     {"<meta charset=utf-8><title>" + latin, "text/html; charset=windows-1252", word},
		"meta":                   {"<meta charset=shift_jis><title>" + sjis, "text/html", "日本"},
		"meta, old way":          {`<meta http-equiv=Content-Type content="text/html; charset=Shift_JIS"><title>` + sjis, "text/html", "日本"},
		"meta, late":             {late + "<meta charset=shift_jis><title>" + sjis, "text/html", "日本"},
		"meta says UTF-16":       {"<meta charset=utf-16><title>" + word, "text/html", word},
		"mark before header":     {"\xef\xbb\xbf<title>" + word, "text/html; charset=iso-8859-1", word},
		"UTF-16 with mark":       {utf16, "text/html", word},
		"valid UTF-8":            {"<title>" + word, "text/html", word},
		"nothing said":           {"<title>" + latin, "text/html", word},
		"unknown charset":        {"<title>" + word, "text/html; charset=klingon", word},
		"not what the header is": {"<title>a\xffb", "text/html; charset=utf-8", "a\uFFFDb"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, read([]byte(c.body), c.contentType, nil).Title)
		})
	}
}

func TestRead_BoundsTitles(t *testing.T) {
	t.Parallel()
	title := read([]byte("<title>"+strings.Repeat("ä", 5000)), "text/html", nil).Title
	require.LessOrEqual(t, len(title), 1024)
	require.Equal(t, strings.Repeat("ä", 512), title)
}

func TestIsHTML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		contentType, body string
		want              bool
	}{
		{"text/html", "", true},
		{"TEXT/HTML; charset=x", "", true},
		{"application/xhtml+xml", "", true},
		{"text/plain", "<html>", false},
		{"image/png", "", false},
		{"", " \n<!DOCTYPE html>", true},
		{"", "<HTML>", true},
		{"", "%PDF", false},
		{"", "", false},
	} {
		require.Equal(t, c.want, extract.IsHTML(c.contentType, []byte(c.body)), "%q %q", c.contentType, c.body)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	f, err := extract.NewFields(map[string]fleet.Field{
		"first": {CSS: "p"}, "all": {CSS: "p, h1", Many: true}, "attr": {CSS: "a", Attr: "HREF"},
		"attrs": {CSS: "a", Attr: "href", Many: true}, "missing": {CSS: "h6"}, "missings": {CSS: "h6", Many: true},
		"no attr": {CSS: "p", Attr: "id"},
	})
	require.NoError(t, err)
	page := read([]byte(`<h1>H</h1><p> one <b>two</b><script>no</script></p><p></p><a href=1></a><a></a><a href=2></a>`),
		"text/html", f)
	require.Equal(t, map[string]any{
		"first": "one two", "all": []string{"H", "one two", ""}, "attr": "1", "attrs": []string{"1", "2"},
		"missing": nil, "missings": nil, "no attr": nil,
	}, page.Fields)
}

func TestFields_BadSelectorNamesItself(t *testing.T) {
	t.Parallel()
	_, err := extract.NewFields(map[string]fleet.Field{"ok": {CSS: "p"}, "bad": {CSS: "p["}})
	var e *fleet.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, fleet.CodeInvalid, e.Code)
	require.Equal(t, "extract.bad.css", e.Field)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`<title>x</title><a href=y>`), "text/html; charset=gbk")
	selector := fields(f, "a b")
	f.Fuzz(func(_ *testing.T, body []byte, contentType string) {
		read(body, contentType, nil)
		read(body, contentType, selector)
		for _, f := range []*extract.Fields{nil, selector} {
			extract.Read(extract.Source{Body: body, ContentType: contentType, Fields: f, Resources: true})
		}
	})
}
