package source_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/source"
)

var all = source.Wanted{Sitemaps: true, Feeds: true, Plain: true}

func zipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(s))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// wide is a text as UTF-16 without a mark.
func wide(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// What is not as XML wants it costs no entry: XML 1.0, 2.2 (characters), 2.8 and F.1 (encodings).
func TestRead_WhatIsNoXML(t *testing.T) {
	t.Parallel()
	const body = "<urlset><url><loc>http://a.test/1</loc></url><url><loc>http://a.test/2</loc></url></urlset>"
	const declared = "<?xml version='1.0' encoding='utf-16'?>" + body
	two := []string{"http://a.test/1", "http://a.test/2"}
	between := func(s string) string { return strings.Replace(body, "</url>", "</url>"+s, 1) }
	for name, doc := range map[string]string{
		"UTF-16, little":            "\xff\xfe" + wide(declared, binary.LittleEndian),
		"UTF-16, big":               "\xfe\xff" + wide(body, binary.BigEndian),
		"UTF-16, unmarked":          wide(declared, binary.LittleEndian),
		"UTF-16, big, unmarked":     wide(declared, binary.BigEndian),
		"UTF-16 in a list":          "\xff\xfe" + wide("http://a.test/1\r\nhttp://a.test/2\r\n", binary.LittleEndian),
		"UTF-16 that is none":       declared,
		"UTF-8 mark, other name":    "\xef\xbb\xbf<?xml version='1.0' encoding='koi8-r'?>" + body,
		"an encoding nobody knows":  "<?xml version='1.0' encoding='fancy'?>" + body,
		"a version nobody reads":    "<?xml version='1.1'?>" + body,
		"a wrong byte":              between("\xe4"),
		"a wrong byte, packed":      zipped(t, between("\xe4")),
		"a zero":                    between("\x00"),
		"a control character":       between("<x>\x0b</x>"),
		"a bracket in text":         between("<x>1 < 2 <3 <\"</x>"),
		"an old system's list":      "\xef\xbb\xbfhttp://a.test/1\rhttp://a.test/2\r",
		"a bracket where one stops": between(strings.Repeat("< ", 20_000)),
	} {
		l := source.Read(strings.NewReader(doc), all)
		require.Equal(t, two, l.URLs, name)
		require.False(t, l.Cut, name)
	}
	l := source.Read(strings.NewReader("<?xml version='1.0' encoding='koi8-r'?><urlset><url><loc>http://a.test/\xc1</loc></url></urlset>"), all)
	require.Equal(t, []string{"http://a.test/а"}, l.URLs)
}

func TestRead(t *testing.T) {
	t.Parallel()
	const plain = `<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>http://a.test/1</loc><lastmod>2026-01-01</lastmod></url>
<url><loc> http://a.test/2 </loc></url></urlset>`
	two := []string{"http://a.test/1", "http://a.test/2"}
	for name, c := range map[string]struct {
		body  string
		urls  []string
		index bool
		cut   bool
	}{
		"sitemap":          {body: plain, urls: two},
		"gzip":             {body: zipped(t, plain), urls: two},
		"mark and space":   {body: "\xef\xbb\xbf\n " + plain, urls: two},
		"no namespace":     {body: `<urlset><url><loc>http://a.test/1</loc></url></urlset>`, urls: two[:1]},
		"prefixes":         {body: `<s:urlset xmlns:s="x"><s:url><s:loc>http://a.test/1</s:loc></s:url></s:urlset>`, urls: two[:1]},
		"capitals":         {body: `<URLSET><URL><LOC>http://a.test/1</LOC></URL></URLSET>`, urls: two[:1]},
		"CDATA":            {body: `<urlset><url><loc><![CDATA[http://a.test/?a&b]]></loc></url></urlset>`, urls: []string{"http://a.test/?a&b"}},
		"entities":         {body: `<urlset><url><loc>http://a.test/?a&amp;b</loc></url></urlset>`, urls: []string{"http://a.test/?a&b"}},
		"bare ampersand":   {body: `<urlset><url><loc>http://a.test/?a=1&b=2</loc></url></urlset>`, urls: []string{"http://a.test/?a=1&b=2"}},
		"images":           {body: `<urlset><url><loc>http://a.test/1</loc><image:image><image:loc>http://a.test/i.png</image:loc></image:image></url></urlset>`, urls: two[:1]},
		"cut off":          {body: plain[:len(plain)-30], urls: two[:1], cut: true},
		"cut gzip":         {body: zipped(t, plain)[:100], cut: true, urls: nil},
		"not closed":       {body: `<urlset><url><loc>http://a.test/1</loc><url><loc>http://a.test/2</loc></urlset>`, urls: two, cut: true},
		"latin1":           {body: "<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>http://a.test/\xe4</loc></url></urlset>", urls: []string{"http://a.test/ä"}},
		"index":            {body: `<sitemapindex><sitemap><loc>http://a.test/1</loc></sitemap><sitemap><loc>http://a.test/2</loc></sitemap></sitemapindex>`, urls: two, index: true},
		"RSS":              {body: `<rss version="2.0"><channel><link>http://a.test/</link><atom:link href="http://a.test/feed" rel="self"/><item><title>x</title><link>http://a.test/1</link><guid>http://a.test/g</guid></item><item><link><![CDATA[ http://a.test/2 ]]></link></item></channel></rss>`, urls: two},
		"RDF":              {body: `<rdf:RDF><channel/><item><link>http://a.test/1</link></item></rdf:RDF>`, urls: two[:1]},
		"Atom":             {body: `<feed xmlns="http://www.w3.org/2005/Atom"><link href="/self"/><entry><link rel="alternate" href="http://a.test/1"/><link rel="edit" href="/e"/></entry><entry><link href="http://a.test/2"/></entry></feed>`, urls: two},
		"a page":           {body: `<!DOCTYPE html><html><body><loc>http://a.test/1</loc></body></html>`},
		"an image":         {body: `<svg><link>http://a.test/1</link></svg>`},
		"plain":            {body: "# ours\r\nhttp://a.test/1\r\n\r\nHTTP://a.test/2\nftp://no\n", urls: []string{"http://a.test/1", "HTTP://a.test/2"}},
		"plain, gzip":      {body: zipped(t, "http://a.test/1\n"), urls: two[:1]},
		"nothing":          {},
		"too deep":         {body: strings.Repeat("<urlset>", 100)},
		"too long a URL":   {body: `<urlset><url><loc>http://a.test/` + strings.Repeat("x", 9000) + `</loc></url></urlset>`},
		"undefined entity": {body: `<urlset><url><loc>http://a.test/&nbsp;&x;</loc></url></urlset>`, urls: []string{"http://a.test/\u00a0&x;"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := source.Read(strings.NewReader(c.body), all)
			require.Equal(t, c.urls, l.URLs)
			require.Equal(t, c.index, l.Index)
			require.Equal(t, c.cut, l.Cut)
		})
	}
}

func TestRead_OnlyWhatIsWanted(t *testing.T) {
	t.Parallel()
	sitemap, feed := `<urlset><url><loc>http://a.test/</loc></url></urlset>`, `<rss><channel><item><link>http://a.test/</link></item></channel></rss>`
	require.Empty(t, source.Read(strings.NewReader(sitemap), source.Wanted{Feeds: true, Plain: true}).URLs)
	require.Empty(t, source.Read(strings.NewReader(feed), source.Wanted{Sitemaps: true}).URLs)
	require.Empty(t, source.Read(strings.NewReader("http://a.test/"), source.Wanted{Sitemaps: true, Feeds: true}).URLs)
}

func TestRead_IsCutAtTheProtocolsLimits(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("<urlset>")
	for i := range source.MaxEntries + 1 {
		fmt.Fprintf(&b, "<url><loc>http://a.test/%d</loc></url>", i)
	}
	b.WriteString("</urlset>")
	l := source.Read(strings.NewReader(b.String()), all)
	require.Len(t, l.URLs, source.MaxEntries)
	require.True(t, l.Cut)
	bomb := source.Read(strings.NewReader(zipped(t, "<urlset><url><loc>http://a.test/</loc></url>"+strings.Repeat(" ", source.MaxBytes))), all)
	require.Equal(t, []string{"http://a.test/"}, bomb.URLs)
	require.True(t, bomb.Cut)
}

func FuzzRead_StaysWithinTheLimits(f *testing.F) {
	f.Add([]byte("<urlset><url><loc>http://a.test/</loc></url></urlset>"))
	f.Add([]byte(zipped(f, "<feed><entry><link href='x'/></entry></feed>")))
	f.Add([]byte("\xff\xfe<\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		l := source.Read(bytes.NewReader(body), all)
		require.LessOrEqual(t, len(l.URLs), source.MaxEntries)
		for _, u := range l.URLs {
			require.NotEmpty(t, u)
		}
	})
}
