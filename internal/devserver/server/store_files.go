//go:build !postgres

package main

import "context"

// openStore is the store of a directory, and what prepares it.
func openStore(dir *directory) (*store, func(context.Context, Config) error, error) {
	s := newStore(dir)
	return s, s.prepare, nil
}
