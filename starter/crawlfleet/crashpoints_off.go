//go:build !crashpoints

package main

import (
	"time"

	"github.com/crawlfleet/crawlfleet/internal/config"
)

// seams are the parts as they are. Only the end-to-end tests' own build (tag crashpoints)
// can be made to die at a certain call.
func (c *control) seams(*config.Dir) seams {
	return seams{control: c.store, data: c.data, plane: c.data}
}

// clock is the control store's source of time.
func clock(*config.Dir) func() time.Time { return time.Now }
