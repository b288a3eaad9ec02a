package exchange

import "sync/atomic"

// Traffic counts the batches that pass the channels of a task, and their bytes,
// at one end of them. It is read while the task runs.
type Traffic struct{ Batches, Bytes atomic.Int64 }

// Count adds a batch; a nil Traffic counts nothing.
func (t *Traffic) Count(bytes int64) {
	if t != nil {
		t.Batches.Add(1)
		t.Bytes.Add(bytes)
	}
}

// Sender is a channel that counts what it sends.
type Sender interface {
	// OnSend sets where it is counted, before the first element.
	OnSend(t *Traffic)
}

// OnTake sets where the batches are counted that the receiver takes: those of
// senders in this process, and those of others, whose bytes are as they came.
// It is called before the first element.
func (g *Local) OnTake(here, elsewhere *Traffic) { g.here, g.elsewhere = here, elsewhere }

// OnSend implements Sender.
func (c *localChannel) OnSend(t *Traffic) { c.sent = t }

// OnSend counts what is sent along the route.
func (r *Route) OnSend(t *Traffic) {
	for _, c := range r.to {
		if s, ok := c.(Sender); ok {
			s.OnSend(t)
		}
	}
}
