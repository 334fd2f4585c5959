package main

import (
	"context"
	"fmt"
	"io"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// submitted is a ticket of a batch that was started.
type submitted struct {
	client.Ticket
	at string // where its document stands
}

func (a *App) submitBatch(ctx context.Context, s steering, requests []request, wait waitFlags) error {
	started, failed := make([]submitted, 0, len(requests)), 0
	for _, r := range requests {
		t, err := client.Ticket{}, r.err
		if err == nil {
			t, err = s.StartTicket(ctx, r.in)
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			failed++
			a.printError(err, r.at)
			continue
		}
		started = append(started, submitted{t, r.at})
	}
	left := len(requests) - len(started) - failed
	if len(started) > 0 {
		a.noteContact()
	}
	var err error
	if wait.wait {
		a.note("%d submitted, %d refused of %d", len(started), failed, len(requests))
		err = a.awaitAll(ctx, s, started, wait)
	} else {
		var refused int
		refused, err = a.acceptedAll(ctx, s, started)
		failed += refused
		a.note("%d submitted, %d refused of %d", len(started)-refused, failed, len(requests))
	}
	if left > 0 {
		return fleet.Errorf(fleet.CodeTimeout, fmt.Sprintf("interrupted; %d were not submitted", left))
	}
	if failed > 0 {
		return &exitStatus{code: exitError}
	}
	return err
}

// acceptedAll prints the tickets of a batch as they are accepted, and counts those that are
// refused. When one is not accepted in time, the others are not waited for.
func (a *App) acceptedAll(ctx context.Context, s steering, started []submitted) (refused int, err error) {
	word := ""
	out := stream[client.Ticket]{app: a, text: func(w io.Writer, t client.Ticket) { printStarted(w, t, word) }}
	for _, t := range started {
		if word != notYet {
			if word, err = a.accepted(ctx, s, t.Ticket); err != nil {
				refused++
				a.printError(err, t.at)
				continue
			}
		}
		if err := out.add(t.Ticket); err != nil {
			return refused, err
		}
	}
	return refused, out.end()
}
