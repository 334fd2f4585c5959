package extract_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/extract"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

const shop = `<!DOCTYPE html><html><head><title>Lamp</title>
<meta property="og:title" content="A lamp"><meta property="og:image" content="/1.png"><meta property="og:image" content="/2.png">
<meta name=Description content=" Bright  light ">
<script type="application/ld+json">{"@context":"https://schema.org","@graph":[
 {"@type":["Product","Thing"],"name":"Lamp","offers":[{"@type":"Offer","price":12.50,"priceCurrency":"EUR"},{"@type":"Offer","price":"9"}]},
 {"@type":"WebPage","mainEntity":{"@type":"Person","name":"Ann"}}]}</script>
<script type="application/ld+json">{ broken </script>
<script type="application/ld+json">//<![CDATA[
{"@type":"Event","name":"a
b"}
//]]></script>
</head><body><h1>The <b>Lamp</b></h1>
<p class=price>EUR 1.234,50</p><p class=stock>yes</p><time>2 January 2026</time><p id=no>none</p>
<ul class=v><li data-id=1><b>Red</b><i>3</i><a href="red?x=1#y">r</a></li><li data-id=2><b>Blue</b><a href=/blue>b</a></li></ul>
<div itemscope itemtype="https://schema.org/Recipe"><span itemprop=name>Soup</span><img itemprop=image src=s.png>
<div itemprop=author itemscope itemtype="https://schema.org/Person"><span itemprop=name>Bob</span></div>
<meta itemprop=yield content=4><time itemprop=cook datetime=PT1H>1 h</time></div>
<script>var config = {sku: "A-17"}</script></body></html>`

// extracted gives the fields of a page as JSON has them.
func extracted(t testing.TB, body string, wanted map[string]fleet.Field) (map[string]any, []string) {
	t.Helper()
	require.NoError(t, fleet.CheckFields(wanted))
	f, err := extract.NewFields(wanted)
	require.NoError(t, err)
	at, err := urlkey.Parse("http://shop.test/p/lamp")
	require.NoError(t, err)
	page := extract.Read(extract.Source{Body: []byte(body), ContentType: "text/html", URL: at, Fields: f})
	b, err := json.Marshal(page.Fields)
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, json.Unmarshal(b, &values))
	return values, page.Missing
}

func TestFields_EverySourceAndType(t *testing.T) {
	t.Parallel()
	many := []any{"Red", "Blue"}
	for name, c := range map[string]struct {
		field fleet.Field
		want  any
	}{
		"css":               {fleet.Field{CSS: "h1"}, "The Lamp"},
		"css many":          {fleet.Field{CSS: "li b", Many: true}, many},
		"css html":          {fleet.Field{CSS: "h1", Type: "html"}, "The <b>Lamp</b>"},
		"css markdown":      {fleet.Field{CSS: "h1", Type: "markdown"}, "# The **Lamp**"},
		"css regex":         {fleet.Field{CSS: ".price", Regex: `[A-Z]{3}`}, "EUR"},
		"css number":        {fleet.Field{CSS: ".price", Type: "number"}, 1234.5},
		"css int":           {fleet.Field{CSS: "li", Attr: "data-id", Type: "int", Many: true}, []any{1.0, 2.0}},
		"not an int":        {fleet.Field{CSS: ".price", Type: "int"}, nil},
		"the first that is": {fleet.Field{CSS: "p", Type: "bool"}, true},
		"css date":          {fleet.Field{CSS: "time", Type: "date"}, "2026-01-02"},
		"css url":           {fleet.Field{CSS: "li a", Attr: "href", Type: "url"}, "http://shop.test/p/red?x=1"},
		"xpath":             {fleet.Field{XPath: "//li[@data-id='2']/b"}, "Blue"},
		"xpath attribute":   {fleet.Field{XPath: "//li/@data-id", Many: true}, []any{"1", "2"}},
		"xpath text":        {fleet.Field{XPath: "//li/b/text()", Many: true}, many},
		"xpath string":      {fleet.Field{XPath: "string(//h1)"}, "The Lamp"},
		"xpath count":       {fleet.Field{XPath: "count(//li)"}, 2.0},
		"xpath none":        {fleet.Field{XPath: "//nothing"}, nil},
		"meta":              {fleet.Field{Meta: "description"}, "Bright light"},
		"meta og":           {fleet.Field{Meta: "og:image", Many: true}, []any{"/1.png", "/2.png"}},
		"meta url":          {fleet.Field{Meta: "og:image", Type: "url"}, "http://shop.test/1.png"},
		"OpenGraph":         {fleet.Field{Meta: "og:*"}, map[string]any{"og:title": "A lamp", "og:image": []any{"/1.png", "/2.png"}}},
		"jsonLd":            {fleet.Field{JSONLD: "Product.name"}, "Lamp"},
		"jsonLd list":       {fleet.Field{JSONLD: "Product.offers.price", Many: true, Type: "number"}, []any{12.5, 9.0}},
		"jsonLd as it is":   {fleet.Field{JSONLD: "Product.offers.price"}, 12.5},
		"jsonLd object":     {fleet.Field{JSONLD: "Person"}, map[string]any{"@type": "Person", "name": "Ann"}},
		"jsonLd inside":     {fleet.Field{JSONLD: "WebPage.mainEntity.name"}, "Ann"},
		"jsonLd untidy":     {fleet.Field{JSONLD: "Event.name"}, "a b"},
		"jsonLd none":       {fleet.Field{JSONLD: "Product.sku"}, nil},
		"microdata":         {fleet.Field{Microdata: "Recipe.name"}, "Soup"},
		"microdata image":   {fleet.Field{Microdata: "Recipe.image"}, "http://shop.test/p/s.png"},
		"microdata inside":  {fleet.Field{Microdata: "Recipe.author.name"}, "Bob"},
		"microdata meta":    {fleet.Field{Microdata: "Recipe.yield", Type: "int"}, 4.0},
		"microdata time":    {fleet.Field{Microdata: "Recipe.cook"}, "PT1H"},
		"microdata object":  {fleet.Field{Microdata: "Person"}, map[string]any{"@type": "https://schema.org/Person", "name": "Bob"}},
		"source":            {fleet.Field{Regex: `sku: "([^"]+)"`}, "A-17"},
		"nested": {fleet.Field{CSS: "ul.v li", Many: true, Fields: map[string]fleet.Field{
			"name": {CSS: "b"}, "id": {Attr: "data-id", Type: "int"}, "left": {XPath: "i", Type: "int"}, "to": {CSS: "a", Attr: "href", Type: "url"},
		}}, []any{
			map[string]any{"name": "Red", "id": 1.0, "left": 3.0, "to": "http://shop.test/p/red?x=1"},
			map[string]any{"name": "Blue", "id": 2.0, "left": nil, "to": "http://shop.test/blue"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := extracted(t, shop, map[string]fleet.Field{"x": c.field})
			require.Equal(t, c.want, got["x"])
		})
	}
}

func TestFields_MissingOnesAreNamed(t *testing.T) {
	t.Parallel()
	_, missing := extracted(t, shop, map[string]fleet.Field{
		"name": {CSS: "h1", Required: true}, "sku": {CSS: ".sku", Required: true}, "other": {CSS: ".other"},
		"size": {CSS: ".price", Type: "int", Required: true},
		"items": {CSS: "ul.v li", Many: true, Fields: map[string]fleet.Field{
			"left": {CSS: "i", Required: true}, "name": {CSS: "b", Required: true},
		}},
	})
	require.Equal(t, []string{"items.left", "size", "sku"}, missing)
}

// What is there in another type than the ticket asks is told from what is not there.
func TestFields_MistypedOnesAreNamed(t *testing.T) {
	t.Parallel()
	f, err := extract.NewFields(map[string]fleet.Field{
		"none": {CSS: ".sku", Type: "int"}, "empty": {CSS: "li", Attr: "class", Type: "int"}, "ok": {CSS: "p", Type: "bool"},
		"size": {CSS: ".price", Type: "int"}, "day": {CSS: "li b", Type: "date", Many: true},
		"some": {CSS: "p", Type: "number", Many: true},
		"items": {CSS: "ul.v li", Many: true, Fields: map[string]fleet.Field{
			"left": {CSS: "i", Type: "int"}, "name": {CSS: "b", Type: "number"},
		}},
	})
	require.NoError(t, err)
	page := extract.Read(extract.Source{Body: []byte(shop), ContentType: "text/html", Fields: f})
	require.Equal(t, []string{"day", "items.name", "size"}, page.Mistyped)
	require.Empty(t, page.Missing)
}

// Identifiers have more digits than a float.
func TestFields_IntegersAreExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"12345678901234567": int64(12345678901234567), "9.223.372.036.854.775.807": int64(9223372036854775807),
		"-9223372036854775808": int64(-9223372036854775808), "9223372036854775808": nil, "12,00": int64(12), "12.50": nil,
		"1e3": int64(1), "−7": int64(-7), "+7": int64(7), "x": nil,
	} {
		f, err := extract.NewFields(map[string]fleet.Field{"n": {CSS: "p", Type: "int"}})
		require.NoError(t, err)
		page := extract.Read(extract.Source{Body: []byte("<p>" + text), ContentType: "text/html", Fields: f})
		require.Equal(t, want, page.Fields["n"], text)
	}
}

func TestFields_Numbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"1,234.50": 1234.5, "1.234,50": 1234.5, "1 234,50 €": 1234.5, "1'234.50": 1234.5, "12,5": 12.5,
		"1,234": 1234.0, "1.234": 1.234, "1.234.567": 1234567.0, "1,234,567": 1234567.0, "-3": -3.0, "−3,5": -3.5,
		"about 7 of 9": 7.0, "$0.99": 0.99, "none": nil, "": nil, "1\u00a0000": 1000.0,
	} {
		got, _ := extracted(t, "<p>"+text+"</p>", map[string]fleet.Field{"x": {CSS: "p", Type: "number"}})
		require.Equal(t, want, got["x"], text)
	}
}

func TestFields_Dates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"2026-11-21": "2026-11-21", "2026-11-21T08:30:00+01:00": "2026-11-21T08:30:00+01:00",
		"21 November 2026": "2026-11-21", "November 21, 2026": "2026-11-21", "21.11.2026": "2026-11-21",
		"Sat, 21 Nov 2026 08:30:00 GMT": "2026-11-21T08:30:00Z", "11/12/2026": nil, "soon": nil,
	} {
		got, _ := extracted(t, "<p>"+text+"</p>", map[string]fleet.Field{"x": {CSS: "p", Type: "date"}})
		require.Equal(t, want, got["x"], text)
	}
}

func TestFields_MainContent(t *testing.T) {
	t.Parallel()
	story := strings.Repeat("The crawler walks from page to page, and it remembers where it has been. ", 12)
	body := `<html><head><title>Story</title></head><body><nav><a href=/>Home</a><a href=/x>Contact us</a></nav>
<article><h1>Story</h1><p>` + story + `</p><p>` + story + `<a href="/more">more</a></p></article><footer>Imprint</footer></body></html>`
	got, _ := extracted(t, body, map[string]fleet.Field{"text": {Content: "text"}, "md": {Content: "markdown"}})
	require.Contains(t, got["text"], "The crawler walks")
	require.NotContains(t, got["text"], "Contact us")
	require.NotContains(t, got["text"], "Imprint")
	require.Contains(t, got["md"], "[more](http://shop.test/more)")
}

// The first three are of html.spec.whatwg.org, "Microdata": the elements are in the order of
// the document, an element counts once, and an item in itself is ERROR.
func TestFields_MicrodataElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, path, want string }{
		"itemref": {
			`<div itemscope itemtype=T id=amanda itemref="a b"></div><p id=a>Name: <span itemprop=name>Amanda</span></p>` +
				`<div id=b itemprop=band itemscope itemref=c></div><div id=c><p><span itemprop=name>Jazz</span><span itemprop=size>12</span></p></div>`,
			"T", `{"@type":"T","name":"Amanda","band":{"name":"Jazz","size":"12"}}`,
		},
		"order":       {`<i id=a itemprop=n>1</i><p itemscope itemtype=T itemref="b a"><i itemprop=n>2</i></p><i id=b itemprop=n>3</i>`, "T.n", `["1","2","3"]`},
		"once":        {`<p itemscope itemtype=T itemref="a a"><i id=a itemprop=n>1</i></p>`, "T.n", `["1"]`},
		"itself":      {`<p itemscope itemtype=T id=t itemprop=me itemref="t a"><i itemprop=n>1</i></p><b id=a itemprop=in itemscope itemref=a></b>`, "T", `{"@type":"T","n":"1","in":{}}`},
		"a circle":    {`<p itemscope itemtype=T itemref=a></p><b id=a itemprop=x itemscope itemref=b></b><b id=b itemprop=y itemscope itemref=a></b>`, "T", `{"@type":"T","x":{"y":{"x":"ERROR"}}}`},
		"not there":   {`<p itemscope itemtype=T itemref="no"><i itemprop=n>1</i></p>`, "T.n", `["1"]`},
		"first by id": {`<p itemscope itemtype=T itemref=a></p><i id=a itemprop=n>1</i><i id=a itemprop=n>2</i>`, "T.n", `["1"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := extracted(t, c.body, map[string]fleet.Field{"x": {Microdata: c.path, Many: c.path != "T"}})
			b, err := json.Marshal(got["x"])
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(b))
		})
	}
}

// Each item names the next two: 2^30 of them.
func TestFields_MicrodataIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`<p itemscope itemtype=T itemref="a0 b0"></p>`)
	for i := range 30 {
		for _, side := range "ab" {
			fmt.Fprintf(&b, `<i id=%c%d itemprop=%c itemscope itemref="a%d b%d"></i>`, side, i, side, i+1, i+1)
		}
	}
	began := time.Now()
	extracted(t, b.String(), map[string]fleet.Field{"x": {Microdata: "T"}})
	require.Less(t, time.Since(began), time.Minute)
}

// An expression that searches in what it searches in must not hold a crawler.
func TestFields_AnExpressionWithoutAnEndIsNoMatch(t *testing.T) {
	t.Parallel()
	rules := map[string]fleet.Field{
		"x": {XPath: "string(//p[count(//p[count(//b) > 1]) > 1])", Required: true}, "y": {CSS: "b"},
	}
	page := func(n int) string { return strings.Repeat("<p><b>x</b></p>", n) }
	got, _ := extracted(t, page(5), rules)
	require.Equal(t, "x", got["x"], "it is right, and only too much")
	began := time.Now()
	got, missing := extracted(t, page(5000), rules)
	require.Nil(t, got["x"])
	require.Equal(t, []string{"x"}, missing)
	require.Equal(t, "x", got["y"])
	require.Less(t, time.Since(began), time.Minute)
}

func TestFields_BadOnesAreNamed(t *testing.T) {
	t.Parallel()
	for field, wanted := range map[string]fleet.Field{
		"extract.x.css":             {},
		"extract.x.xpath":           {CSS: "p", XPath: "//p"},
		"extract.x.type":            {CSS: "p", Type: "float"},
		"extract.x.regex":           {CSS: "p", Regex: "("},
		"extract.x.content":         {Content: "pdf"},
		"extract.x.attr":            {Meta: "a", Attr: "b"},
		"extract.x.fields":          {Meta: "a", Fields: map[string]fleet.Field{"y": {}}},
		"extract.x.fields.y.jsonLd": {CSS: "p", Fields: map[string]fleet.Field{"y": {JSONLD: "a"}}},
		"extract.x.fields.y.type":   {CSS: "p", Fields: map[string]fleet.Field{"y": {Type: "x"}}},
	} {
		var e *fleet.Error
		require.ErrorAs(t, fleet.CheckFields(map[string]fleet.Field{"x": wanted}), &e, field)
		require.Equal(t, field, e.Field)
	}
	for field, wanted := range map[string]fleet.Field{
		"extract.x.css": {CSS: "p["}, "extract.x.xpath": {XPath: "//p["},
		"extract.x.fields.y.xpath": {CSS: "p", Fields: map[string]fleet.Field{"y": {XPath: "foo("}}},
	} {
		_, err := extract.NewFields(map[string]fleet.Field{"x": wanted})
		var e *fleet.Error
		require.ErrorAs(t, err, &e, field)
		require.Equal(t, field, e.Field)
	}
}

func TestRead_WhatAPageSaysOfItself(t *testing.T) {
	t.Parallel()
	body := `<link rel=canonical href=/c><link rel="alternate" hreflang=de href=/de><link rel=alternate hreflang=x-default href=/>
<link rel=alternate type="application/rss+xml" href=/feed><link rel=stylesheet href=s.css><meta name=robots content="NoIndex">
<meta http-equiv=Refresh content="5; URL='next.html'"><meta http-equiv=refresh content=30><img src=a.png srcset="b.png 1x, c.png 2x"><script src=j.js></script><map><area href=m></map>`
	for how, f := range map[string]*extract.Fields{"tokens": nil, "tree": fields(t, "b")} {
		page := extract.Read(extract.Source{Body: []byte(body), ContentType: "text/html", Fields: f, Resources: true})
		require.Equal(t, "/c", page.Canonical, how)
		require.Equal(t, []fleet.Translation{{Language: "de", URL: "/de"}, {Language: "x-default", URL: "/"}}, page.Languages, how)
		require.Equal(t, []string{"/feed"}, page.Feeds, how)
		require.Equal(t, []string{"next.html", "m"}, page.Links, how)
		require.Equal(t, []string{"s.css", "a.png", "b.png", "c.png", "j.js"}, page.Resources, how)
		page = extract.Read(extract.Source{Body: []byte(body), ContentType: "text/html", Fields: f})
		require.Empty(t, page.Resources, how)
	}
}

// The srcsets are those of html.spec.whatwg.org, "parse a srcset attribute".
func TestRead_WhatAPageIsMadeOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"srcset":            {`<img srcset="a 1x, b 2x">`, []string{"a", "b"}},
		"commas in it":      {`<img srcset="w_300,h_200/a.jpg 300w, b,c 2x,d">`, []string{"w_300,h_200/a.jpg", "b,c", "d"}},
		"without any space": {`<img srcset="a,b">`, []string{"a,b"}},
		"a comma behind":    {`<img srcset="a, b,, c">`, []string{"a", "b", "c"}},
		"commas before":     {`<img srcset=" , ,a 1x">`, []string{"a"}},
		"parentheses":       {`<img srcset="a (1x, b 2x), c">`, []string{"a", "c"}},
		"data":              {`<img srcset="data:image/png;base64,AA== 1x, b 2x">`, []string{"data:image/png;base64,AA==", "b"}},
		"nothing":           {`<img srcset="  ,, ">`, nil},
		"picture":           {`<picture><source srcset="a.webp"><img src=a.png></picture>`, []string{"a.webp", "a.png"}},
		"imagesrcset":       {`<link rel=preload as=image href=p imagesrcset="a 1x, b 2x">`, []string{"p", "a", "b"}},
		"style element":     {`<style>@import "a.css"; p{background:url(b.png)} /* url(no) */</style>`, []string{"a.css", "b.png"}},
		"empty style":       {`<style></style><img src=a>`, []string{"a"}},
		"entities in one":   {`<style>p{background:url(a?b&amp;c)}</style>`, []string{"a?b&amp;c"}},
		"style attribute":   {`<p style="background: url('a.png?x&amp;y')">x</p><foo style="mask:url(b)" src=no>`, []string{"a.png?x&y", "b"}},
		"of an image":       {`<img style="background:url(a)" src=b>`, []string{"a", "b"}},
		"in a noscript":     {`<body><noscript><img src=a><style>p{b:url(c)}</style></noscript>`, []string{"a", "c"}},
		"media":             {`<video src=a poster=b></video><audio src=c></audio><track src=d><embed src=e><object data=f></object>`, []string{"a", "b", "c", "d", "e", "f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, f := range map[string]*extract.Fields{"tokens": nil, "tree": fields(t, "b")} {
				s := extract.Source{Body: []byte(c.body), ContentType: "text/html", Fields: f, Resources: true}
				require.Equal(t, c.want, extract.Read(s).Resources, how)
				s.Resources = false
				require.Empty(t, extract.Read(s).Resources, how)
			}
		})
	}
}

// rel is a set of words in any case (html.spec.whatwg.org, "Link types").
func TestRead_LinksThatSayNoFollow(t *testing.T) {
	t.Parallel()
	body := `<a rel=nofollow href=a>x</a><a rel="noopener NoFollow" href=b>x</a><area rel=nofollow href=c><a rel=nofollowing href=d>x</a>
<a href=e rel=nofollow>x</a><a href=e>x</a><a href=f>x</a><a href=f rel=nofollow>x</a><a rel=nofollow href=a>x</a><link rel="next nofollow" href=n>`
	for how, f := range map[string]*extract.Fields{"tokens": nil, "tree": fields(t, "b")} {
		page := read([]byte(body), "text/html", f)
		require.Equal(t, []string{"a", "b", "c", "d", "e", "f", "n"}, page.Links, how)
		require.Equal(t, map[string]bool{"a": true, "b": true, "c": true}, page.NoFollow, how)
	}
}

// Whatever the rules and the page, there is an answer or an error that names a field.
func FuzzFields(f *testing.F) {
	f.Add("p", "//p", "a.b", "(x)", shop)
	f.Add("p:nth-child(2n+1)", "sum(//p)", "Product", "", "<p>")
	f.Add("*", "//*[position()=last()]", "@graph", ".", "<svg><p itemscope itemtype=x>")
	f.Fuzz(func(t *testing.T, css, xpath, path, regex, body string) {
		if len(css)+len(xpath)+len(body) > 4000 {
			return // quadratic expressions are bounded by the page's time, not here
		}
		for _, wanted := range []fleet.Field{
			{CSS: css, Many: true},
			{XPath: xpath, Many: true},
			{JSONLD: path},
			{Microdata: path, Many: true},
			{Regex: regex},
			{CSS: css, Type: "markdown"},
			{Content: "text"},
		} {
			rules := map[string]fleet.Field{"x": wanted}
			if fleet.CheckFields(rules) != nil {
				continue
			}
			if compiled, err := extract.NewFields(rules); err == nil {
				extract.Read(extract.Source{Body: []byte(body), ContentType: "text/html", Fields: compiled})
			}
		}
	})
}
