package beside_test

import (
	"context"
	"errors"
	"testing"

	"github.com/wadi-engine/wadi/connect/beside"
)

// TestQueue: values come in order, a full queue waits, and an error comes behind
// the values.
func TestQueue(t *testing.T) {
	q := beside.New[int](2)
	_, ok, ready, err := q.Next()
	if ok || err != nil {
		t.Fatalf("an empty queue gave %v, %v", ok, err)
	}
	done := make(chan error)
	go func() {
		for i := range 100 {
			if err := q.Put(t.Context(), i); err != nil {
				done <- err
				return
			}
		}
		q.Fail(errors.New("over"))
		done <- nil
	}()
	<-ready
	for want := 0; ; {
		v, ok, ready, err := q.Next()
		if err != nil {
			if err.Error() != "over" || want != 100 {
				t.Fatalf("%v behind %d values", err, want)
			}
			break
		}
		if !ok {
			<-ready
			continue
		}
		if v != want {
			t.Fatalf("value %d, want %d", v, want)
		}
		want++
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestQueueFull: who puts into a full queue can give up.
func TestQueueFull(t *testing.T) {
	q := beside.New[int](1)
	if !q.Offer(1) || q.Offer(2) {
		t.Fatal("the queue has room for one value")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Put(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
