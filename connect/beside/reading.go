package beside

import (
	"context"
	"sync"
)

// Reading is a goroutine that puts values into a queue until it is ended.
type Reading[T any] struct {
	*Queue[T]
	stop context.CancelFunc
	done sync.WaitGroup
	drop func(v T)
}

// Read starts a goroutine that runs read, whose error Next gives behind its values.
// The queue has room for size values; End gives those that nobody took to drop, which
// may be nil.
func Read[T any](size int, read func(ctx context.Context, q *Queue[T]) error, drop func(v T)) *Reading[T] {
	ctx, stop := context.WithCancel(context.Background())
	r := &Reading[T]{Queue: New[T](size), stop: stop, drop: drop}
	r.done.Go(func() {
		if err := read(ctx, r.Queue); err != nil {
			r.Fail(err)
		}
	})
	return r
}

// End ends the goroutine, and waits for it. A nil Reading has ended.
func (r *Reading[T]) End() {
	if r == nil {
		return
	}
	r.stop()
	r.done.Wait()
	for r.drop != nil {
		v, ok, _, _ := r.Next()
		if !ok {
			return
		}
		r.drop(v)
	}
}
