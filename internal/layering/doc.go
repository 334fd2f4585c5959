// Package layering holds the test that keeps imports running one way: the table
// of docs/overview.md, room by room. It has no code of its own.
package layering
