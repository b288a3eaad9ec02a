package durable

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
)

// TestManyReceivers: what a task sends to many receivers travels in its result while it
// is little for each, so that they need not ask storage for it one by one.
func TestManyReceivers(t *testing.T) {
	for _, c := range []struct{ receivers, batches, objects int }{{4, 1, 0}, {64, 1, 0}, {64, 2, 0}, {64, 20, 1}, {4, 40, 1}} {
		store := make(memStore)
		out := NewOutput(Name{Epoch: 7, Task: checkpoint.TaskID{}, Attempt: "a"}, store, memory.DefaultAllocator, Inline)
		b := sample(memory.DefaultAllocator)
		for r := range c.receivers {
			channel := out.Channel("0.0-1.0", r)
			for range c.batches {
				if err := channel.Send(t.Context(), b.Share()); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.Release()
		sent, err := out.Seal(t.Context())
		if err != nil || len(sent.Objects) != 1 || len(sent.Objects[0].Pieces) != c.receivers || len(store) != c.objects {
			t.Errorf("%+v: %d objects in storage, %v", c, len(store), err)
		}
	}
}
