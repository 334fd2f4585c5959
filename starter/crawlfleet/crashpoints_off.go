//go:build !crashpoints

package main

import "github.com/crawlfleet/crawlfleet/internal/config"

// seams are the stores as they are. Only the end-to-end tests' own build (tag
// crashpoints) can be made to die at a certain call.
func (c *control) seams(*config.Dir) databases {
	return databases{control: c.store, data: c.data, plane: c.data}
}
