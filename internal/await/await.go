// Package await is how tests wait for what happens elsewhere: for a condition, with
// a deadline, never for a time. What can be waited for through a channel is better
// waited for there.
package await

import (
	"context"
	"testing"
	"time"
)

const (
	// patience is how long a condition may take.
	patience = 2 * time.Minute
	// pause is between two looks at a condition.
	pause = 5 * time.Millisecond
	// spare is what is left of a test's time to say what it has waited for.
	spare = 10 * time.Second
)

// That waits until so holds, and fails the test when it does not in time.
func That(t testing.TB, what string, so func() bool) {
	t.Helper()
	if !Within(t, patience, so) {
		t.Fatalf("not in time: %s", what)
	}
}

// Text waits until is returns want, and fails the test when it does not in time.
func Text(t testing.TB, want string, is func() string) {
	t.Helper()
	var got string
	if !Within(t, patience, func() bool { got = is(); return got == want }) {
		t.Fatalf("%s, want %s", got, want)
	}
}

// Within reports whether so holds within d. It looks at least once, and gives up
// when the test has ended or has little time left.
func Within(t testing.TB, d time.Duration, so func() bool) bool {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if limited, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := limited.Deadline(); ok {
			ctx, cancel = context.WithDeadline(ctx, end.Add(-spare))
			defer cancel()
		}
	}
	look := time.NewTicker(pause) //nolint:forbidigo // tests wait in the time of the wall
	defer look.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return so()
		}
	}
	return true
}
