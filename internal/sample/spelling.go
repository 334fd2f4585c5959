package sample

import (
	"net/url"
	"path"
	"strings"
)

// spelling writes a link from one place to another. Origins are "http://host:port" by host index.
// All spellings of a place have the same canonical URL; a crawler that fetches a page twice has
// missed one.
type spelling func(origins []string, from, to place) string

// plainly is a path on the same host and a whole URL otherwise.
func plainly(origins []string, from, to place) string {
	if from.host == to.host {
		return to.path
	}
	return inFull(origins, from, to)
}

func inFull(origins []string, _, to place) string {
	if to.host == elsewhere {
		return to.path
	}
	return origins[to.host] + to.path
}

// relatively climbs out of the directory of the page with the link.
func relatively(_ []string, from, to place) string {
	here, _, _ := strings.Cut(from.path, "?")
	up := strings.Repeat("../", strings.Count(path.Dir(here+"x"), "/"))
	if path.Dir(here+"x") == "/" {
		up = "./"
	}
	return up + strings.TrimPrefix(to.path, "/")
}

// withFragment points at a part of the page.
func withFragment(origins []string, from, to place) string {
	return plainly(origins, from, to) + "#details"
}

// withDots goes through a directory and back.
func withDots(origins []string, _, to place) string {
	return origins[to.host] + "/shelf/./.." + to.path
}

// withEmptyQuery ends in a question mark with nothing behind it.
func withEmptyQuery(origins []string, from, to place) string {
	return plainly(origins, from, to) + "?"
}

// escaped percent-encodes what needs no escape: the first letter, and each tilde.
func escaped(origins []string, from, to place) string {
	const hex = "0123456789abcdef"
	p := strings.ReplaceAll(to.path, "~", "%7E")
	if len(p) > 1 && p[1] != '%' {
		p = "/%" + string(hex[p[1]>>4]) + string(hex[p[1]&15]) + p[2:]
	}
	return plainly(origins, from, place{to.host, p})
}

// unescaped leaves letters outside ASCII as they are.
func unescaped(origins []string, from, to place) string {
	p, err := url.PathUnescape(to.path)
	if err != nil {
		p = to.path
	}
	return plainly(origins, from, place{to.host, p})
}

// withoutScheme begins with two slashes.
func withoutScheme(origins []string, _, to place) string {
	return strings.TrimPrefix(origins[to.host], "http:") + to.path
}

// inCapitals raises scheme and host. An address has no letters, a name such as localhost has.
func inCapitals(origins []string, _, to place) string {
	return strings.ToUpper(origins[to.host]) + to.path
}

// withPort names the default port where the site has it.
func withPort(origins []string, _, to place) string {
	origin := origins[to.host]
	if !strings.Contains(strings.TrimPrefix(origin, "http://"), ":") {
		origin += ":80"
	}
	return origin + to.path
}

// withSpaces has white space around it, which HTML says to strip.
func withSpaces(origins []string, from, to place) string {
	return " " + plainly(origins, from, to) + "\n"
}

// belowProducts is relative to the base of the page with letters.
func belowProducts(_ []string, _, to place) string { return to.path[len("/products/"):] }

// selfReference is the empty link, which means the page that it is on.
func selfReference(_ []string, _, _ place) string { return "" }
