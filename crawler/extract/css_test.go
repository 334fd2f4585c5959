package extract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/extract"
)

// The cases are the forms of <url>, @import and escapes in CSS Syntax Level 3 (sections 4.3.4
// to 4.3.7), CSS Values 4 (section 4.5) and CSS Cascade (section 2).
func TestStyles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		css  string
		want []string
	}{
		"nothing":              {`a{color:red}`, nil},
		"unquoted":             {`a{background:url(x.png)}`, []string{"x.png"}},
		"quoted":               {`a{background:url("x (1).png") , URL( 'y.png' )}`, []string{"x (1).png", "y.png"}},
		"spaces":               {"a{background:url(\n x.png\t)}", []string{"x.png"}},
		"import":               {`@import "a.css"; @import url(b.css) screen; @IMPORT 'c.css' layer(x) supports(display:grid);`, []string{"a.css", "b.css", "c.css"}},
		"font":                 {`@font-face{src:url(f.woff2) format("woff2"),url(f.woff)}`, []string{"f.woff2", "f.woff"}},
		"comment":              {`/* url(no.png) */ a{b:url(yes.png)/*}`, []string{"yes.png"}},
		"comment in an import": {`@import/**/"a.css"`, []string{"a.css"}},
		"string":               {`a::after{content:"url(no.png)"} b{content:'\'url(no.png)'}`, nil},
		"namespace":            {`@namespace url(http://www.w3.org/1999/xhtml); @namespace svg "http://www.w3.org/2000/svg"; a{b:url(x)}`, []string{"x"}},
		"media is no import":   {`@media "x" {a{b:url(y)}}`, []string{"y"}},
		"escapes": {`a{b:url(a\(b\).png) url("\41\000042 c\
d")}`, []string{"a(b).png", "ABcd"}},
		"escape of nothing":     {`a{b:url("\0 x")}`, []string{"\uFFFDx"}},
		"escaped name":          {`a{b:u\72l(x)}`, []string{"x"}},
		"another function":      {`a{b:my-url(x) curl(y) url (z)}`, nil},
		"bad url":               {`a{b:url(x"y)} c{d:url(z)}`, []string{"z"}},
		"broken string":         {"a{b:\"no\n} c{d:url(z)}", []string{"z"}},
		"not closed":            {`a{b:url(x`, []string{"x"}},
		"string not closed":     {`@import "x`, []string{"x"}},
		"empty":                 {`a{b:url() url("")}`, nil},
		"not in ASCII":          {`a{b:url(größe.png)}`, []string{"größe.png"}},
		"declarations":          {`background: url(x) no-repeat; mask: url('#m')`, []string{"x", "#m"}},
		"the end of everything": {`a\`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, extract.Styles(c.css))
		})
	}
}

func FuzzStyles(f *testing.F) {
	f.Add(`@import "a.css"; a{b:url(x\29 .png)}/*`)
	f.Fuzz(func(t *testing.T, css string) {
		found := extract.Styles(css)
		if !strings.ContainsAny(css, `(@\`) {
			require.Empty(t, found)
		}
		total := 0
		for _, address := range found {
			require.NotEmpty(t, address)
			total += len(address)
		}
		require.LessOrEqual(t, total, 3*len(css), "an escape stands for three bytes at most")
	})
}
