package extract_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html/charset"

	"github.com/crawlfleet/crawlfleet/crawler/extract"
)

// encoded writes text in a charset.
func encoded(t testing.TB, name, text string) []byte {
	t.Helper()
	enc, _ := charset.Lookup(name)
	require.NotNil(t, enc, name)
	b, err := enc.NewEncoder().String(text)
	require.NoError(t, err, name)
	return []byte(b)
}

func TestText_Declared(t *testing.T) {
	t.Parallel()
	late := strings.Repeat("<script>var x = 1</script>", 200) // 5 KB, as pages have it
	for name, c := range map[string]struct {
		header, before, in, want string
	}{
		"header":                 {"text/html; charset=iso-8859-2", "", "iso-8859-2", "iso-8859-2"},
		"header, quoted":         {`text/html; charset="iso-8859-2"`, "", "iso-8859-2", "iso-8859-2"},
		"header, untidy":         {"text/html;; CharSet = ISO-8859-2 ; x", "", "iso-8859-2", "iso-8859-2"},
		"header twice":           {"text/html; charset=iso-8859-2; charset=utf-8", "", "iso-8859-2", "iso-8859-2"},
		"header before meta":     {"text/html; charset=iso-8859-2", "<meta charset=koi8-r>", "iso-8859-2", "iso-8859-2"},
		"unknown header":         {"text/html; charset=nonsense", "<meta charset=iso-8859-2>", "iso-8859-2", "iso-8859-2"},
		"meta":                   {"text/html", "<meta charset=' ISO-8859-2 '>", "iso-8859-2", "iso-8859-2"},
		"meta pragma":            {"text/html", `<META content="text/html; charset=iso-8859-2" HTTP-EQUIV=Content-Type>`, "iso-8859-2", "iso-8859-2"},
		"meta pragma, short":     {"text/html", `<meta http-equiv=content-type content="charset=iso-8859-2">`, "iso-8859-2", "iso-8859-2"},
		"content alone":          {"text/html", `<meta content="text/html; charset=koi8-r">`, "utf-8", "utf-8"},
		"unknown meta, then one": {"text/html", "<meta charset=nonsense><meta charset=iso-8859-2>", "iso-8859-2", "iso-8859-2"},
		"meta in a comment":      {"text/html", "<!-- <meta charset=koi8-r> --><meta charset=iso-8859-2>", "iso-8859-2", "iso-8859-2"},
		"late meta":              {"text/html", late + "<meta charset=iso-8859-2>", "iso-8859-2", "iso-8859-2"},
		"utf-16 cannot be":       {"text/html", "<meta charset=utf-16le>", "utf-8", "utf-8"},
		"user defined":           {"text/html", "<meta charset=x-user-defined>", "windows-1252", "windows-1252"},
		"latin1 is 1252":         {"text/html", "<meta charset=latin1>", "windows-1252", "windows-1252"},
		"XML":                    {"application/xhtml+xml", `<?xml version="1.0" encoding="iso-8859-2"?>`, "iso-8859-2", "iso-8859-2"},
		"XML, not first":         {"text/html", `x<?xml version="1.0" encoding="koi8-r"?>`, "utf-8", "utf-8"},
		"mark before header":     {"text/html; charset=koi8-r", "\ufeff", "utf-8", "utf-8"},
		"nothing":                {"text/html", "", "utf-8", "utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const word = "<p>Ärger ß</p>" // in every one of them
			body := append([]byte(c.before), encoded(t, c.in, word)...)
			text, got := extract.Text(body, c.header)
			require.Equal(t, c.want, got)
			require.Contains(t, string(text), word)
		})
	}
}

// The cases of the W3C's test suite for the input byte stream, which comes with the module of
// golang.org/x/net: www.w3.org/International/tests/repository/html5/the-input-byte-stream.
func TestText_W3CCases(t *testing.T) {
	t.Parallel()
	dir := w3cCases(t)
	const declared = "text/html; charset=iso-8859-15"
	cases := map[string][2]string{ // the header and what it is
		"HTTP-charset.html":              {declared, "iso-8859-15"},
		"HTTP-vs-UTF-8-BOM.html":         {declared, "utf-8"},
		"HTTP-vs-meta-charset.html":      {declared, "iso-8859-15"},
		"HTTP-vs-meta-content.html":      {declared, "iso-8859-15"},
		"No-encoding-declaration.html":   {"text/html", "utf-8"},
		"UTF-16BE-BOM.html":              {"", "utf-16be"},
		"UTF-16LE-BOM.html":              {"", "utf-16le"},
		"UTF-8-BOM-vs-meta-charset.html": {"text/html", "utf-8"},
		"UTF-8-BOM-vs-meta-content.html": {"text/html", "utf-8"},
		"meta-charset-attribute.html":    {"text/html", "iso-8859-15"},
		"meta-content-attribute.html":    {"text/html", "iso-8859-15"},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	require.NoError(t, err)
	require.Len(t, files, len(cases), "a file without a case")
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		c := cases[filepath.Base(file)]
		text, got := extract.Text(body, c[0])
		require.Equal(t, c[1], got, file)
		require.True(t, utf8.Valid(text), file)
	}
}

func w3cCases(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/net").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(out)), "html", "charset", "testdata")
}

func TestText_UTF16ByItsMark(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"utf-16le", "utf-16be"} {
		text, got := extract.Text(encoded(t, name, "\ufeff<p>Ärger"), "text/html; charset=koi8-r")
		require.Equal(t, name, got)
		require.Equal(t, "<p>Ärger", string(text))
	}
}

func TestText_Undeclared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, text string }{
		"German":     {"windows-1252", "Über die Straße läuft ein großer Bär, fährt ein schöner grüner Zug."},
		"French":     {"windows-1252", "L’été dernier, où étiez-vous ? À la forêt, près du château des fées."},
		"Russian":    {"windows-1251", "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему."},
		"Russian 8":  {"koi8-r", "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему."},
		"Japanese":   {"shift_jis", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。"},
		"Japanese 2": {"euc-jp", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。"},
		"Korean":     {"euc-kr", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았다."},
		"Chinese":    {"gb18030", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"},
		"Chinese 2":  {"big5", "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := "<html><head><title>x</title></head><body><p>" + c.text + "</p></body></html>"
			text, got := extract.Text(encoded(t, c.in, page), "text/html")
			require.Equal(t, c.in, got)
			require.Equal(t, page, string(text))
		})
	}
}

// A body that was cut in the middle of a character is still UTF-8.
func TestText_CutInACharacter(t *testing.T) {
	t.Parallel()
	whole := "<p>naïve 日本"
	for end := len(whole) - 2; end <= len(whole); end++ {
		_, got := extract.Text([]byte(whole[:end]), "text/html")
		require.Equal(t, "utf-8", got, end)
	}
}

func FuzzText_IsNeverWorseThanItsASCII(f *testing.F) {
	f.Add([]byte("<meta charset=iso-2022-jp>\x1b$B"), "text/html")
	f.Add([]byte("\xff\xfea\x00"), "text/html; charset=")
	f.Add([]byte("<?xml encoding='utf-7'?>"), ";charset='")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		text, name := extract.Text(body, contentType)
		require.NotEmpty(t, name)
		if name == "utf-8" || name == "windows-1252" {
			return
		}
		require.True(t, utf8.Valid(text) || len(text) == len(body), name)
	})
}
