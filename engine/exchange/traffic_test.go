package exchange_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/stream"
)

func TestTraffic(t *testing.T) {
	var here, elsewhere, sent exchange.Traffic
	g := exchange.NewLocal(1, 0)
	g.OnTake(&here, &elsewhere)
	g.OnTaken(func(int, int64) {})
	c := g.Channel(0)
	c.(exchange.Sender).OnSend(&sent)
	for _, e := range []stream.Element{batch(memory.DefaultAllocator, 1, 2, 3), stream.Watermark{Time: 1}} {
		if err := c.Send(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	g.Deliver(0, batch(memory.DefaultAllocator, 4), 100)
	if q := g.Queue(); q.Elements != 3 || q.Bytes != sent.Bytes.Load()+100 || q.Room != exchange.DefaultBudget {
		t.Errorf("%+v waits", q)
	}
	for range 3 {
		e, _, err := g.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := e.(*stream.Batch); ok {
			b.Release()
		}
	}
	if n := sent.Bytes.Load(); sent.Batches.Load() != 1 || n < 24 || here.Bytes.Load() != n || here.Batches.Load() != 1 {
		t.Errorf("sent %d, taken %d", n, here.Bytes.Load())
	}
	if elsewhere.Bytes.Load() != 100 || elsewhere.Batches.Load() != 1 {
		t.Errorf("from elsewhere: %d", elsewhere.Bytes.Load())
	}
}
