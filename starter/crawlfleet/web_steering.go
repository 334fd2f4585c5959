package main

import (
	"context"
	"sync"

	"github.com/crawlfleet/crawlfleet/internal/web"
)

// lateSteering connects to Temporal when a form first needs it, and again after a
// failure: the pages can be read while Temporal is away.
type lateSteering struct {
	app *App

	mu sync.Mutex
	to steering
}

func (l *lateSteering) get(ctx context.Context) (web.Steering, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to != nil {
		return l.to, nil
	}
	to, err := l.app.steer(ctx)
	if err != nil {
		return nil, err
	}
	l.to = to
	return to, nil
}
