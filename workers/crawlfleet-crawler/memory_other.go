//go:build !linux

package main

// unmapText is for Linux only.
func unmapText() error { return nil }
