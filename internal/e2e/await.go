package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const (
	// Patience is how long a test waits for what takes milliseconds to seconds: the
	// machine may be slow, and busy with other tests.
	Patience = 3 * time.Minute
	// lookEvery is the pause between two looks; each is a read of a local database.
	lookEvery = 25 * time.Millisecond
)

// Look says whether what is awaited has come, and what was seen instead.
type Look func() (come bool, seen string)

// Await looks until it has come. After Patience the test ends with what was awaited and
// what was seen last.
func Await(t testing.TB, what string, look Look) {
	t.Helper()
	if err := awaited(t.Context(), what, look); err != nil {
		t.Fatal(err)
	}
}

func awaited(ctx context.Context, what string, look Look) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	began := time.Now()
	for {
		come, seen := look()
		if come {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("awaited %s for %s; seen: %s", what, time.Since(began).Round(time.Millisecond), seen)
		case <-time.After(lookEvery):
		}
	}
}
