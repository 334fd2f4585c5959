package sample

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// indexName is the file that a directory answers with.
const indexName = "index.html"

// FileTruth walks the links (a and area elements) of the HTML files below dir, breadth first from
// the index, such as "index.html". It reads files only, no site has to run. Its lists are URL paths
// with a leading slash; OutOfScope has whole URLs. HTML that cannot be read is an error.
func FileTruth(dir, index string) (Truth, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Truth{}, fmt.Errorf("truth of files: %w", err)
	}
	w := fileWalk{root: root, seen: map[string]bool{}, outside: map[string]bool{}}
	w.truth.Redirects = map[string]string{}
	err = w.run("/" + strings.TrimPrefix(index, "/"))
	if err := errors.Join(err, root.Close()); err != nil {
		return Truth{}, fmt.Errorf("truth of %s: %w", dir, err)
	}
	return w.truth, nil
}

// fileWalk is one breadth-first search over files.
type fileWalk struct {
	root    *os.Root
	truth   Truth
	seen    map[string]bool // canonical paths with query
	outside map[string]bool
	queue   []string
}

func (w *fileWalk) run(index string) error {
	w.queue = []string{escapePath(index)}
	for len(w.queue) > 0 {
		at := w.queue[0]
		w.queue = w.queue[1:]
		if w.seen[at] {
			continue
		}
		w.seen[at] = true
		if err := w.visit(at); err != nil {
			return err
		}
	}
	w.truth.OutOfScope = sortedKeys(w.outside)
	if err := w.orphans(); err != nil {
		return err
	}
	t := &w.truth
	for _, list := range [][]string{t.Pages, t.Files, t.Broken, t.Orphans} {
		slices.Sort(list)
	}
	return nil
}

// visit puts one path into its list and queues what it leads to.
func (w *fileWalk) visit(at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return fmt.Errorf("path %q: %w", at, err)
	}
	name, slash := fileName(u.Path)
	info, err := w.root.Stat(name)
	switch {
	case err != nil, slash && !info.IsDir():
		w.truth.Broken = append(w.truth.Broken, at)
		return nil
	case info.IsDir() && !slash:
		w.truth.Redirects[at] = escapePath(u.Path) + "/"
		w.queue = append(w.queue, w.truth.Redirects[at])
		return nil
	case info.IsDir():
		name = path.Join(name, indexName)
		if _, err := w.root.Stat(name); err != nil {
			w.truth.Broken = append(w.truth.Broken, at)
			return nil
		}
	}
	if !isHTML(name) {
		w.truth.Files = append(w.truth.Files, at)
		return nil
	}
	w.truth.Pages = append(w.truth.Pages, at)
	return w.follow(u, name)
}

// follow queues the links of a file.
func (w *fileWalk) follow(at *url.URL, name string) error {
	f, err := w.root.Open(name)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	doc, err := html.Parse(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("parse %s: %w", name, err)
	}
	// The host is a stand-in: what resolves to another one leads outside.
	const here = "files.invalid"
	base := &url.URL{Scheme: "http", Host: here, Path: at.Path, RawQuery: at.RawQuery}
	hrefs, baseHref := anchors(doc)
	if b, err := base.Parse(baseHref); err == nil {
		base = b
	}
	for _, href := range hrefs {
		to, err := base.Parse(strings.TrimSpace(href))
		switch {
		case err != nil || to.Scheme != "http" && to.Scheme != "https":
		case to.Scheme == "http" && to.Host == here:
			w.queue = append(w.queue, canonicalPath(to))
		default:
			to.Fragment, to.RawFragment = "", ""
			if to.Path == "" {
				to.Path = "/"
			}
			w.outside[to.String()] = true
		}
	}
	return nil
}

// anchors returns the targets of all hyperlinks, and that of the first base element.
func anchors(doc *html.Node) (hrefs []string, base string) {
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool {
			return a.Key == "href" && a.Namespace == ""
		})
		if i < 0 {
			continue
		}
		switch n.DataAtom {
		case atom.A, atom.Area:
			hrefs = append(hrefs, n.Attr[i].Val)
		case atom.Base:
			if base == "" {
				base = n.Attr[i].Val
			}
		}
	}
	return hrefs, base
}

// orphans lists the HTML files that are on disk and were not reached under any path.
func (w *fileWalk) orphans() error {
	reached := map[string]bool{}
	for _, at := range w.truth.Pages {
		p, _, _ := strings.Cut(at, "?")
		if strings.HasSuffix(p, "/") {
			p += indexName
		}
		reached[p] = true
	}
	return fs.WalkDir(w.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("list files: %w", err)
		}
		at := "/" + escapePath(name)
		if !entry.IsDir() && isHTML(name) && !reached[at] {
			w.truth.Orphans = append(w.truth.Orphans, at)
		}
		return nil
	})
}

func isHTML(name string) bool {
	return strings.Contains(contentTypeOf(name), "html")
}
