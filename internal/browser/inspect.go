package browser

import (
	"fmt"
	"slices"
)

// controls are the roles of what a person works with: each needs a name to be called by.
var controls = []string{
	"button", "link", "textbox", "combobox", "listbox", "checkbox", "radio", "progressbar", "meter",
	"table", "navigation", "region", "search", "textarea", "spinbutton", "searchbox",
}

// Inspect looks at a page as somebody who cannot see it well, or not at all, and tells
// what is in the way: controls and tables without a name, headings out of order, missing
// landmarks, columns without a scope, ids that are there twice, text without contrast.
func (p *Page) Inspect() ([]string, error) {
	tree, err := p.Tree()
	if err != nil {
		return nil, err
	}
	found := append(headings(tree), names(tree)...)
	for _, role := range []string{"main", "banner"} {
		n := 0
		for _, one := range tree {
			if one.Role == role {
				n++
			}
		}
		if n != 1 {
			found = append(found, fmt.Sprintf("%d landmarks %q", n, role))
		}
	}
	var rest []string
	if err := p.Eval(inspection, &rest); err != nil {
		return nil, err
	}
	return append(found, rest...), nil
}

func headings(tree []Node) []string {
	var found []string
	last, first := 0, 0
	for _, n := range tree {
		if n.Role != "heading" {
			continue
		}
		if n.Level > last+1 {
			found = append(found, fmt.Sprintf("heading %q jumps from level %d to %d", n.Name, last, n.Level))
		}
		if n.Level == 1 {
			first++
		}
		last = n.Level
	}
	if first != 1 {
		found = append(found, fmt.Sprintf("%d headings of level 1", first))
	}
	return found
}

func names(tree []Node) []string {
	var found []string
	for _, n := range tree {
		if n.Name == "" && slices.Contains(controls, n.Role) {
			found = append(found, "a "+n.Role+" without a name")
		}
	}
	return found
}

// inspection is what is told from the document itself. Contrast is that of WCAG 2: 4.5,
// and 3 for large text.
const inspection = `(() => {
  const found = [];
  if (!document.documentElement.lang) found.push("the page has no language");
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) {
    if (ids.has(e.id)) found.push("the id " + e.id + " is there twice");
    ids.add(e.id);
  }
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const id of ((e.getAttribute("aria-labelledby") || "") + " " + (e.getAttribute("aria-describedby") || "")).split(" "))
      if (id && !ids.has(id)) found.push("nothing has the id " + id);
  for (const e of document.querySelectorAll("th:not([scope])")) found.push("no scope: " + e.textContent);
  for (const e of document.querySelectorAll("table")) if (!e.caption) found.push("a table without caption");
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels.length) found.push("no label: " + e.name);
  if (!document.querySelector("a.skip[href='#main']")) found.push("no skip link");
  const parse = (c) => c.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const f = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let n; (n = walker.nextNode()); ) {
    const e = n.parentElement;
    if (!n.textContent.trim() || seen.has(e) || !e.checkVisibility()) continue;
    seen.add(e);
    const style = getComputedStyle(e), a = light(parse(style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) found.push("contrast " + ratio.toFixed(2) + ": " + n.textContent.trim());
  }
  return found;
})()`
