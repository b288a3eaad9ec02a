package beside_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/connect/beside"
)

// TestReading: an end waits for the goroutine and drops what nobody took; an error comes
// behind the values.
func TestReading(t *testing.T) {
	var dropped []int
	ended := false
	r := beside.Read(2, func(ctx context.Context, q *beside.Queue[int]) error {
		defer func() { ended = true }()
		for i := 1; ; i++ {
			if err := q.Put(ctx, i); err != nil {
				return err
			}
		}
	}, func(v int) { dropped = append(dropped, v) })
	for {
		v, ok, ready, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			if v != 1 {
				t.Fatalf("%d comes first", v)
			}
			break
		}
		<-ready
	}
	r.End()
	if !ended || len(dropped) > 2 || len(dropped) > 0 && !slices.Equal(dropped, []int{2, 3}[:len(dropped)]) {
		t.Errorf("ended %v, dropped %v", ended, dropped)
	}
	var none *beside.Reading[int]
	none.End()

	gone := errors.New("gone")
	r = beside.Read(1, func(ctx context.Context, q *beside.Queue[int]) error {
		return errors.Join(q.Put(ctx, 7), gone)
	}, nil)
	defer r.End()
	var got []int
	for {
		v, ok, ready, err := r.Next()
		if err != nil {
			if !errors.Is(err, gone) || !slices.Equal(got, []int{7}) {
				t.Errorf("%v behind %v", err, got)
			}
			return
		}
		if ok {
			got = append(got, v)
			continue
		}
		<-ready
	}
}
