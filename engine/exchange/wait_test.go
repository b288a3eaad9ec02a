package exchange_test

import (
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/stream"
)

func TestWait(t *testing.T) {
	var w exchange.Wait
	at := func(s int64) time.Time { return time.Unix(1+s, 0) }
	w.Begin(at(0))
	if got := w.Total(at(2)); got != 2*time.Second {
		t.Errorf("while it waits: %v", got)
	}
	w.End(at(3))
	w.Begin(at(10))
	w.End(at(11))
	if got := w.Total(at(20)); got != 4*time.Second {
		t.Errorf("afterwards: %v", got)
	}
}

// TestReceiverWaits: who finds nothing in a gate waits, and who finds something
// does not look at the clock.
func TestReceiverWaits(t *testing.T) {
	g := exchange.NewLocal(1, 0)
	var w exchange.Wait
	looks := make(chan time.Time, 10)
	g.OnWait(&w, func() time.Time { return <-looks })
	c := g.Channel(0)
	if err := c.Send(t.Context(), stream.Idle{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	looks <- time.Unix(1, 0)
	looks <- time.Unix(4, 0)
	looks <- time.Unix(4, 0) // it may be woken for nothing, once
	looks <- time.Unix(4, 0)
	done := make(chan error)
	go func() {
		_, _, err := g.Next(t.Context())
		done <- err
	}()
	await.That(t, "the receiver waits", func() bool { return len(looks) < 4 })
	if err := c.Send(t.Context(), stream.Idle{}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || w.Total(time.Unix(9, 0)) != 3*time.Second {
		t.Error(w.Total(time.Unix(9, 0)), err)
	}
}
