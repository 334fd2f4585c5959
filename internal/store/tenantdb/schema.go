package tenantdb

import "github.com/crawlfleet/crawlfleet/internal/store"

// SchemaVersion is the schema that this program reads and writes.
func SchemaVersion() int { return store.Newest(migrations) }
