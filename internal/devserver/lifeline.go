package devserver

import (
	"context"
	"io"
)

// WatchLifeLine returns a context that ends with ctx or when r does. A program that Child starts
// gives its standard input: it ends when the supervisor stops the child or is gone.
func WatchLifeLine(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		// The bytes mean nothing, and a read error means the same as the end.
		_, _ = io.Copy(io.Discard, r)
	}()
	return ctx
}
