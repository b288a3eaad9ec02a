package remote_test

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// TestWhoCannotBeReached: the failure of a task that cannot reach another worker says
// which, at the coordinator too; that of one whose receiver is gone does not.
func TestWhoCannotBeReached(t *testing.T) {
	ctx := context.Background()
	fails := func(c *remote.Channel) error {
		for {
			if err := c.Send(ctx, sample(memory.DefaultAllocator, 0, 10)); err != nil {
				return err
			}
		}
	}
	named := func(err error) string {
		t.Helper()
		if !errors.Is(err, job.ErrUnavailable) {
			t.Errorf("class of %v", err)
		}
		doc := rpc.WrapReport("j", 1, rpc.Failed{Task: checkpoint.TaskID{}, Err: err})
		failed, ok := doc.Open().(rpc.Failed)
		if !ok || failed.Err.Error() != err.Error() {
			t.Fatalf("%v arrives as %+v", err, failed)
		}
		var u *peer.Unreachable
		if errors.As(failed.Err, &u) {
			return u.Address
		}
		return ""
	}
	a, b := pair(t, remote.Options{Alloc: memory.DefaultAllocator})
	address := b.Addr().String()
	gate := exchange.NewLocal(1, 0)
	b.Receive([]remote.Key{key(0)}, gate)
	c := a.Channel(address, key(0))
	if err := c.Send(ctx, stream.Idle{}); err != nil {
		t.Fatal(err)
	}
	b.Release([]remote.Key{key(0)})
	if got := named(fails(c)); got != "" {
		t.Errorf("%s is said to be out of reach, and was reached", got)
	}
	cut := a.Channel(address, key(1))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := named(fails(cut)); got != address {
		t.Errorf("%q is said to be out of reach, want %s", got, address)
	}
}
