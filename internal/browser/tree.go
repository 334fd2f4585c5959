package browser

// Node is one node of the accessibility tree, as a screen reader meets it.
type Node struct {
	Role, Name string
	Level      int // of a heading
	Focusable  bool
}

// axNode is a node as the protocol tells it.
type axNode struct {
	NodeID     string
	ChildIDs   []string
	Ignored    bool
	Role, Name struct{ Value any }
	Properties []struct {
		Name  string
		Value struct{ Value any }
	}
}

// Tree lists the accessibility tree in the order of the document; what is ignored is
// left out.
func (p *Page) Tree() ([]Node, error) {
	var answer struct{ Nodes []axNode }
	if err := p.call("Accessibility.getFullAXTree", nil, &answer); err != nil {
		return nil, err
	}
	byID := map[string]axNode{}
	for _, n := range answer.Nodes {
		byID[n.NodeID] = n
	}
	var all []Node
	var walk func(n axNode)
	walk = func(n axNode) {
		if !n.Ignored {
			all = append(all, n.node())
		}
		for _, id := range n.ChildIDs {
			walk(byID[id])
		}
	}
	if len(answer.Nodes) > 0 {
		walk(answer.Nodes[0]) // the root
	}
	return all, nil
}

func (n axNode) node() Node {
	var out Node
	out.Role, _ = n.Role.Value.(string)
	out.Name, _ = n.Name.Value.(string)
	for _, q := range n.Properties {
		switch v := q.Value.Value.(type) {
		case float64:
			if q.Name == "level" {
				out.Level = int(v)
			}
		case bool:
			out.Focusable = out.Focusable || q.Name == "focusable" && v
		}
	}
	return out
}
