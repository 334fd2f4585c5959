package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Stdio is what a program reads from and writes to.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// run is the whole program; it answers the exit code.
func run(ctx context.Context, args, environ []string, stdio Stdio) int {
	return newApp(environ, stdio).execute(ctx, args)
}
