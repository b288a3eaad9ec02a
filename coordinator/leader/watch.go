package leader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// Clock is the time of day.
type Clock interface {
	Now() time.Time
	// After delivers the time once d has passed.
	After(d time.Duration) <-chan time.Time
}

// Options are what a candidate needs.
type Options struct {
	Store    checkpoint.Store
	Identity peer.Identity
	Clock    Clock
	Log      *slog.Logger
	// Timeout is how long a silent leader counts as there; 0 means three seconds.
	Timeout time.Duration
	// Follow, if not nil, is told who leads while this process does not.
	Follow func(Record)
}

const (
	// tries, and the pause between them, is how often a standby tries to reach a
	// leader that it has lost before it takes the next term.
	tries = 3
	pause = 200 * time.Millisecond
	// begins is how long one that has taken a term may say that it does not lead yet:
	// it reads what there is to take up.
	begins = 2 * time.Second
	// breather is between tries at storage that does not answer.
	breather = 500 * time.Millisecond
)

// Campaign returns when me leads, with its record; before that it watches who does.
func Campaign(ctx context.Context, me Record, o Options) (Record, error) {
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	var misses int
	var told, missed uint64 // terms: whom misses are of
	for {
		r, err := Current(ctx, o.Store)
		switch {
		case ctx.Err() != nil:
			return Record{}, context.Cause(ctx)
		case errors.Is(err, job.ErrInvalid):
			return Record{}, err
		case err != nil:
			o.Log.Warn("the storage of the cluster does not answer", slog.Any("error", err))
			o.sleep(ctx, breather)
			continue
		case r.Term == 0 || misses >= tries && r.Term == missed:
			if r, err = Take(ctx, o.Store, me, r.Term); err == nil && r.Nonce == me.Nonce {
				return r, nil
			}
			misses = 0
			if err != nil {
				o.sleep(ctx, breather)
				continue
			}
		}
		if o.Follow != nil && r.Term != told {
			told = r.Term
			o.Follow(r)
		}
		reached, err := o.watch(ctx, r, me.Nonce)
		if reached {
			misses = 0
			o.Log.Warn("the leader is lost", slog.Uint64("term", r.Term), slog.Any("error", err))
		}
		if r.Term != missed { // another has taken the term of the one that is lost
			misses, missed = 0, r.Term
		}
		misses++
		o.sleep(ctx, pause)
	}
}

func (o Options) sleep(ctx context.Context, d time.Duration) {
	select {
	case <-o.Clock.After(d):
	case <-ctx.Done():
	}
}

// watch returns when the leader is lost; reached says that it was there.
func (o Options) watch(ctx context.Context, r Record, nonce string) (reached bool, err error) {
	dial, cancel := context.WithTimeout(ctx, o.Timeout/3) // one that hangs was silent before
	defer cancel()
	conn, err := peer.Dial(dial, r.RPC, peer.Control, o.Identity)
	if err != nil {
		return false, err
	}
	m := peer.NewMessages(conn)
	stop := context.AfterFunc(ctx, func() { _ = m.Close() }) // what waits for a message ends
	defer func() {
		stop()
		_ = m.Close() // it may be closed already
	}()
	since := o.Clock.Now()
	for {
		if err := m.Send(rpc.ToCoordinator{Watch: &rpc.Watch{Nonce: nonce, Term: r.Term}}); err != nil {
			return reached, err
		}
		var answer rpc.ToWorker
		if err := m.Receive(&answer, o.Timeout); err != nil {
			return reached, err
		}
		if answer.Leads < r.Term && !reached && o.Clock.Now().Sub(since) < begins {
			o.sleep(ctx, pause)
			continue
		}
		if answer.Leads != r.Term {
			return reached, fmt.Errorf("%w: it leads in term %d, not in %d", job.ErrUnavailable, answer.Leads, r.Term)
		}
		reached = true
		o.sleep(ctx, o.Timeout/3)
	}
}

// Reign returns when a newer term than r's is found in storage, which it looks
// for once per interval, or at the end of ctx.
func Reign(ctx context.Context, r Record, o Options, interval time.Duration) (newer Record, err error) {
	for {
		o.sleep(ctx, interval)
		if ctx.Err() != nil {
			return Record{}, context.Cause(ctx)
		}
		now, err := Current(ctx, o.Store)
		switch {
		case err != nil:
			o.Log.Warn("the storage of the cluster does not answer", slog.Any("error", err))
		case now.Term > r.Term:
			return now, nil
		}
	}
}
