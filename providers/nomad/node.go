package nomad

import (
	"context"
	"strings"
	"time"
)

// nodeKnown is how long the label of a node is taken for known: it changes when an
// operator changes it.
const nodeKnown = time.Minute

// node is what is remembered of one.
type node struct {
	address string
	at      time.Time
}

// nodeAddress is the egress address that a node declares, "" if it declares none or
// several, or cannot be asked: then nothing is declared, and nothing is wrong.
func (p *Provider) nodeAddress(ctx context.Context, id string) string {
	p.mu.Lock()
	known, ok := p.nodes[id]
	p.mu.Unlock()
	if ok && time.Since(known.at) < nodeKnown {
		return known.address
	}
	labels, err := p.cluster.nodeLabels(ctx, id)
	if err != nil {
		return known.address
	}
	address := strings.TrimSpace(labels[nodeAddresses])
	if strings.Contains(address, ",") {
		address = ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nodes[id] = node{address: address, at: time.Now()}
	return address
}

// nodeLabels gives a node's meta.
func (c cluster) nodeLabels(ctx context.Context, id string) (map[string]string, error) {
	n, _, err := c.client.Nodes().Info(id, c.query(ctx))
	if err != nil {
		return nil, err
	}
	return n.Meta, nil
}
