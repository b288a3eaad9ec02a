// Package beside hands what a goroutine reads to a reader that may not wait for it.
package beside

import (
	"context"
	"sync"
)

// Queue has a few values that one goroutine puts and another takes.
//
//	Put a, Put b | Next: a | Next: b | Next: nothing, ready …  Put c: ready is closed
type Queue[T any] struct {
	room chan struct{} // holds a token for each value

	mu    sync.Mutex
	items []T
	err   error
	ready chan struct{} // closed while there is something to take
}

// New returns a queue with room for size values.
func New[T any](size int) *Queue[T] {
	return &Queue[T]{room: make(chan struct{}, size), ready: make(chan struct{})}
}

// Put adds a value. It waits for room, and says why it did not get any.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	select {
	case q.room <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, v)
	q.wake()
	return nil
}

// Offer adds a value if there is room, and reports whether it did.
func (q *Queue[T]) Offer(v T) bool {
	select {
	case q.room <- struct{}{}:
	default:
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, v)
	q.wake()
	return true
}

// Fail is told to who takes values, behind those that are there. The first error
// counts.
func (q *Queue[T]) Fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.wake()
}

func (q *Queue[T]) wake() {
	select {
	case <-q.ready:
	default:
		close(q.ready)
	}
}

// Next takes a value; without one, ready is closed when there is something to
// take, or when there is an error.
func (q *Queue[T]) Next() (v T, ok bool, ready <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return v, false, q.ready, q.err
	}
	v, q.items[0] = q.items[0], v
	q.items = q.items[1:]
	<-q.room
	if len(q.items) == 0 && q.err == nil {
		q.ready = make(chan struct{})
	}
	return v, true, nil, nil
}
