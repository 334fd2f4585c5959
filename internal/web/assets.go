package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets templates
var files embed.FS

// assets are the files of the pages. Their names hold a digest of their content, so that
// browsers may keep them for ever.
type assets struct {
	Style, Script, Icon string // paths

	byName map[string]asset
}

type asset struct {
	kind         string
	plain, short []byte // as it is, and compressed
}

func loadAssets() (assets, error) {
	out := assets{byName: map[string]asset{}}
	for _, one := range []struct {
		file, kind string
		path       *string
	}{
		{"style.css", "text/css; charset=utf-8", &out.Style},
		{"refresh.js", "text/javascript; charset=utf-8", &out.Script},
		{"icon.svg", "image/svg+xml", &out.Icon},
	} {
		b, err := files.ReadFile("assets/" + one.file)
		if err != nil {
			return out, fmt.Errorf("read asset: %w", err)
		}
		var short bytes.Buffer
		z := gzip.NewWriter(&short)
		_, _ = z.Write(b) // into memory
		_ = z.Close()
		sum := sha256.Sum256(b)
		ext := path.Ext(one.file)
		name := strings.TrimSuffix(one.file, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		out.byName[name] = asset{kind: one.kind, plain: b, short: short.Bytes()}
		*one.path = "/assets/" + name
	}
	return out, nil
}

// serve answers a file. These and downloads are all that is compressed: a page with a
// form's token in it must not be, or its length would tell of the token.
func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	one, ok := a.byName[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h, body := w.Header(), one.plain
	h.Set("Content-Type", one.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = one.short
	}
	_, _ = w.Write(body) // the asker may have gone
}

func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" && strings.TrimSpace(quality) != "q=0" {
			return true
		}
	}
	return false
}

// templates are the pages by name, each with the layout around it.
type templates map[string]*template.Template

func parseTemplates() (templates, error) {
	base, err := template.New("layout").Funcs(words()).ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	out := templates{}
	for _, name := range names {
		one, err := base.Clone()
		if err == nil {
			_, err = one.ParseFS(files, name)
		}
		if err != nil {
			return nil, fmt.Errorf("read templates: %w", err)
		}
		out[strings.TrimSuffix(path.Base(name), ".html")] = one
	}
	return out, nil
}
