package process

import "github.com/crawlfleet/crawlfleet/fleet"

// LogPath is the file that a crawler's output is in, from its launch until it is purged.
func (p *Provider) LogPath(g fleet.GUID) string { return p.store.logPath(g) }
