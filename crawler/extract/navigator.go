package extract

import (
	"github.com/antchfx/htmlquery"
	"github.com/antchfx/xpath"
	"golang.org/x/net/html"
)

// maxSteps bounds what one expression may do on one page, about a second of work: a
// search in a search in a search is cubic, and the library cannot be interrupted.
const maxSteps = 10_000_000

// navigator walks the tree for an expression and counts its steps. It panics when there
// are too many, which evaluate catches.
type navigator struct {
	*htmlquery.NodeNavigator
	left *int
}

func navigate(at *html.Node) *navigator {
	left := maxSteps
	return &navigator{NodeNavigator: htmlquery.CreateXPathNavigator(at), left: &left}
}

func (n *navigator) step() {
	if *n.left--; *n.left < 0 {
		panic("extract: an expression without an end")
	}
}

// Copy implements xpath.NodeNavigator: copies share the count.
func (n *navigator) Copy() xpath.NodeNavigator {
	n.step()
	inner, _ := n.NodeNavigator.Copy().(*htmlquery.NodeNavigator)
	return &navigator{NodeNavigator: inner, left: n.left}
}

// MoveToChild implements xpath.NodeNavigator.
func (n *navigator) MoveToChild() bool { n.step(); return n.NodeNavigator.MoveToChild() }

// MoveToNext implements xpath.NodeNavigator.
func (n *navigator) MoveToNext() bool { n.step(); return n.NodeNavigator.MoveToNext() }

// MoveToPrevious implements xpath.NodeNavigator.
func (n *navigator) MoveToPrevious() bool { n.step(); return n.NodeNavigator.MoveToPrevious() }

// MoveToParent implements xpath.NodeNavigator.
func (n *navigator) MoveToParent() bool { n.step(); return n.NodeNavigator.MoveToParent() }

// MoveTo implements xpath.NodeNavigator.
func (n *navigator) MoveTo(to xpath.NodeNavigator) bool {
	n.step()
	if other, ok := to.(*navigator); ok {
		return n.NodeNavigator.MoveTo(other.NodeNavigator)
	}
	return false
}
