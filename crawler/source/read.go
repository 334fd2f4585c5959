package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
)

const (
	// MaxEntries and MaxBytes are what the sitemap protocol allows in one file, which is
	// unpacked; what is longer is cut.
	MaxEntries = 50_000
	MaxBytes   = 50 << 20
	// maxDepth bounds the elements in elements that are remembered: a sitemap has three.
	maxDepth = 16
	// maxText bounds one entry: a longer one is no URL.
	maxText = 8 << 10
)

// Wanted says what is read; of what is not wanted nothing is.
type Wanted struct {
	Sitemaps, Feeds bool
	Plain           bool // a list with one URL a line
}

// List is what was read, the URLs as they are written.
type List struct {
	URLs  []string
	Index bool // they are sitemaps
	Cut   bool
}

// headSize is how much of a body tells what it is.
const headSize = 1024

// Read reads a body as it comes: of a file of 50 MiB nothing is held but its URLs.
func Read(body io.Reader, w Wanted) List {
	plain := unpacked(body)
	in := readable(plain)
	head, _ := in.Peek(headSize) // what there is
	isXML := bytes.HasPrefix(bytes.TrimLeft(head, " \t\n"), []byte("<"))
	var l List
	switch {
	case isXML && (w.Sitemaps || w.Feeds):
		l = readXML(in, w)
	case !isXML && w.Plain:
		l = readPlain(in)
	}
	l.Cut = l.Cut || plain.cut
	return l
}

// input is a body that ends where it breaks off, or where it is too long.
type input struct {
	source io.Reader
	left   int64
	cut    bool
}

// unpacked takes a body out of gzip where it begins as gzip does.
func unpacked(body io.Reader) *input {
	b := bufio.NewReader(body)
	if magic, _ := b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return &input{source: b, left: math.MaxInt64} // its length is the fetch's business
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return &input{source: strings.NewReader(""), cut: true}
	}
	return &input{source: z, left: MaxBytes}
}

// Read implements io.Reader. What came before an error counts: the end may be cut off, or
// padded.
func (in *input) Read(p []byte) (int, error) {
	if in.left == 0 {
		n, _ := in.source.Read(p[:min(len(p), 1)])
		in.cut = in.cut || n > 0
		return 0, io.EOF
	}
	n, err := in.source.Read(p[:min(int64(len(p)), in.left)])
	in.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		in.cut, err = true, io.EOF
	}
	return n, err
}

func readPlain(in *bufio.Reader) (l List) {
	for {
		line, more, err := in.ReadLine()
		if err != nil {
			return l
		}
		s := string(bytes.TrimSpace(line))
		long := more || len(s) > maxText
		for more && err == nil {
			_, more, err = in.ReadLine()
		}
		if long || !strings.HasPrefix(strings.ToLower(s), "http") {
			continue // a comment, a heading, a blank
		}
		if len(l.URLs) == MaxEntries {
			l.Cut = true
			return l
		}
		l.URLs = append(l.URLs, s)
	}
}

// document is an XML file while it is read.
type document struct {
	List
	wanted Wanted
	path   []string // names of the open elements, in lower case
	text   []byte
	taking bool // the text is a URL
}

func readXML(in io.Reader, w Wanted) List {
	d := &document{wanted: w}
	decoder := xml.NewDecoder(in)
	decoder.Strict = false
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8
	decoder.Entity = xml.HTMLEntity
	for {
		token, err := decoder.RawToken() // elements that do not match are not a reason to stop
		if err != nil {
			d.Cut = d.Cut || err != io.EOF || len(d.path) > 0 && len(d.URLs) > 0
			return d.List
		}
		if !d.take(token) {
			return d.List
		}
	}
}

// take reads one token, and says whether to go on.
func (d *document) take(token xml.Token) bool {
	switch t := token.(type) {
	case xml.StartElement:
		name := strings.ToLower(t.Name.Local)
		if len(d.path) == 0 && !d.isWanted(name) || len(d.path) == maxDepth {
			return false
		}
		d.path = append(d.path, name)
		d.text, d.taking = d.text[:0], d.isURL(t.Name.Space)
		if name == "link" && d.parent() == "entry" {
			d.add(atomLink(t))
		}
	case xml.CharData:
		if d.taking && len(d.text) <= maxText {
			d.text = append(d.text, t...)
		}
	case xml.EndElement:
		if d.taking {
			d.add(string(bytes.TrimSpace(d.text)))
			d.taking = false
		}
		if len(d.path) > 0 {
			d.path = d.path[:len(d.path)-1]
		}
	}
	return !d.Cut
}

// isWanted looks at the root: it says what the file is.
func (d *document) isWanted(root string) bool {
	switch root {
	case "urlset":
		return d.wanted.Sitemaps
	case "sitemapindex":
		d.Index = true
		return d.wanted.Sitemaps
	case "rss", "rdf", "feed":
		return d.wanted.Feeds
	default:
		return false
	}
}

func (d *document) parent() string {
	if len(d.path) < 2 {
		return ""
	}
	return d.path[len(d.path)-2]
}

// isURL reports whether the text of the innermost element is an entry's URL. Elements of
// other vocabularies (image:loc, atom:link) have the same names and mean other things.
func (d *document) isURL(prefix string) bool {
	switch strings.ToLower(prefix) {
	case "image", "video", "news", "media", "atom", "atom10":
		return false
	}
	switch d.path[len(d.path)-1] {
	case "loc":
		return d.parent() == "url" || d.parent() == "sitemap"
	case "link":
		return d.parent() == "item"
	default:
		return false
	}
}

// atomLink is where an Atom entry's link leads, "" where that is not the entry itself.
func atomLink(t xml.StartElement) string {
	href, rel := "", "alternate"
	for _, a := range t.Attr {
		switch strings.ToLower(a.Name.Local) {
		case "href":
			href = strings.TrimSpace(a.Value)
		case "rel":
			rel = strings.ToLower(strings.TrimSpace(a.Value))
		}
	}
	if rel != "alternate" {
		return ""
	}
	return href
}

func (d *document) add(url string) {
	switch {
	case url == "" || len(url) > maxText:
	case len(d.URLs) == MaxEntries:
		d.Cut = true
	default:
		d.URLs = append(d.URLs, url)
	}
}
