package cluster

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// A worker whose connection breaks may be well, and come back in a moment. Its tasks
// are lost only when it does not:
//
//	        registers            cut, and it can be reached       Grace is over
//	stranger ───────► connected ──────────────────────────► away ──────────────► lost
//	                      ▲                                  │
//	                      └──────── registers again ─────────┘
//
// While it is away it gets no new tasks; what is sent to it waits. One that ends says
// so, and one that was killed refuses connections: nobody waits for those.

// Enter takes a registration: of a worker that comes back, and goes on with the
// conversation that it had, or of one that joins.
func (c *Cluster) Enter(l Link, r rpc.Register) *Member {
	if w := c.resume(l, r); w != nil {
		return w
	}
	return c.Join(l, r)
}

// resume gives a worker that is here, or away, another connection; nil when it is
// not the one that it says, or something that was said is not kept any more.
func (c *Cluster) resume(l Link, r rpc.Register) *Member {
	w := c.known(r)
	if w == nil {
		return nil
	}
	w.turn.Lock()
	defer w.turn.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.workers, w) || w.over || w.heard > r.Said {
		return nil
	}
	w.out.Lock()
	rest, ok := w.box.After(r.Resume.Heard)
	if !ok {
		w.out.Unlock()
		return nil
	}
	old := w.link
	w.link = l
	w.box.Heard(r.Resume.Heard)
	l.Send(rpc.ToWorker{Welcome: c.welcomes(&rpc.Welcome{Resumed: true, Heard: w.heard})})
	if c.o.Bugs.NotSaidAgain {
		rest = nil
	}
	for _, m := range rest {
		l.Send(m)
	}
	w.out.Unlock()
	if old != nil {
		old.Close()
	}
	w.cuts++
	w.beat = c.o.Clock.Now()
	c.o.Log.Info("a worker has come back, and goes on", slog.String("id", w.info.ID))
	c.schedule()
	return w
}

// known is the worker that wants to go on with a conversation.
func (c *Cluster) known(r rpc.Register) *Member {
	if r.Resume == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		if w.info.ID == r.ID && w.info.Conversation == r.Resume.Conversation && w.term == c.term {
			return w
		}
	}
	return nil
}

// Cut is told that a connection to the worker is lost. Unless there is another by now,
// the worker is away, which is the cut of that number, or has left.
func (w *Member) Cut(l Link, why error) (number int, away bool) {
	w.turn.Lock()
	over := w.over || w.info.Conversation == "" || errors.Is(why, job.ErrInvalid) || errors.Is(why, os.ErrDeadlineExceeded)
	w.turn.Unlock()
	c := w.c
	c.mu.Lock()
	if !w.on(l) {
		c.mu.Unlock()
		return 0, false
	}
	w.out.Lock()
	w.link = nil
	w.out.Unlock()
	if over || c.ctx.Err() != nil || !slices.Contains(c.workers, w) {
		c.mu.Unlock()
		w.Leave(why)
		return 0, false
	}
	defer c.mu.Unlock()
	w.cuts++
	w.asks.cut()
	c.o.Log.Info("the connection to a worker is lost", slog.String("id", w.info.ID), slog.Any("error", why))
	return w.cuts, true
}

// Lapse ends the wait for a worker: it has left, unless it has come back since the cut
// of that number.
func (w *Member) Lapse(number int, why error) {
	w.c.mu.Lock()
	waits := w.cuts == number && w.on(nil)
	w.c.mu.Unlock()
	if waits {
		w.Leave(why)
	}
}

// await waits for a worker whose connection was lost, as long as it may be alive.
func (w *Member) await(number int, why error) {
	c := w.c
	over := c.o.Clock.After(c.o.Grace)
	if c.alive(c.ctx, w.info.Data) {
		select {
		case <-over:
		case <-c.ctx.Done():
		}
		if !c.leadsStill() {
			<-c.ctx.Done() // it ends soon
		}
	}
	w.Lapse(number, why)
}

// leadsStill asks whether this process leads; when nobody says so in time, it may.
func (c *Cluster) leadsStill() bool {
	if c.o.Leads == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(c.ctx, probe)
	defer cancel()
	return c.o.Leads(ctx)
}

// probe is how long an answer may take: a worker that takes longer may be alive.
const probe = time.Second

// dial reports whether a worker may be alive: what has ended refuses connections.
func (c *Cluster) dial(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, probe)
	defer cancel()
	conn, err := peer.Dial(ctx, address, peer.Data, c.o.Identity)
	if err != nil {
		return ctx.Err() != nil
	}
	_ = conn.Close() // nothing is said
	return true
}
