package sim

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// source is the model of a source task.
type source struct {
	w      *worker
	d      *deployment
	a      rpc.Assignment
	up     *uploader
	routes []*exchange.Route
	inbox  []rpc.Command

	sealed  stream.Epoch
	splits  []ops.Split
	before  []ops.Split // as splits, without what the last batch moved
	now     stream.Timestamp
	wanted  bool
	noMore  bool
	drained bool
	stopped bool
	budget  int64 // rows that may be read; 0 means any number
	paused  bool
	ended   bool
}

func (w *worker) startSource(d *deployment, a rpc.Assignment, up *uploader) {
	s := &source{w: w, d: d, a: a, up: up, routes: w.routes(d, a.Task), now: a.Watermark}
	if len(a.Splits) > 0 {
		s.inbox = append(s.inbox, rpc.Assign{Task: a.Task, Splits: a.Splits})
	}
	d.sources[a.Task] = s
	w.w.spawn(d.process, func() {
		ctx := context.Background()
		if a.Ended {
			_ = s.all(ctx, stream.Watermark{Time: stream.End})
			_ = s.all(ctx, stream.EndOfInput{})
			w.end(d, a.Task, up, nil)
			return
		}
		up.Running()
		var err error
		for !s.ended && err == nil {
			err = s.step(ctx)
		}
		w.end(d, a.Task, up, err)
	})
}

func (s *source) step(ctx context.Context) error {
	w := s.w
	if len(s.inbox) > 0 {
		c := s.inbox[0]
		s.inbox = s.inbox[1:]
		return s.obey(ctx, c)
	}
	if err := w.failure(); err != nil {
		return err
	}
	switch {
	case s.drained || s.stopped || s.paused || (s.wanted && len(s.splits) == 0):
		w.w.parkFor(func() bool { return len(s.inbox) > 0 })
	case len(s.splits) > 0:
		if w.w.chance(2) {
			w.w.sleep(time.Duration(w.w.rnd.IntN(w.pace)) * time.Millisecond)
		}
		return s.read(ctx)
	case !s.noMore:
		s.wanted = true
		w.report(s.d, rpc.WantSplits{Task: s.a.Task, N: 1 + w.w.rnd.IntN(3)})
	default:
		s.drained = true
		if err := s.all(ctx, stream.Watermark{Time: stream.End}); err != nil {
			return err
		}
		s.now = stream.End
		if w.bugs.EndBeforeBarrier {
			s.ended = true
			w.report(s.d, rpc.Drained{Task: s.a.Task})
			return s.all(ctx, stream.EndOfInput{})
		}
		w.report(s.d, rpc.Drained{Task: s.a.Task})
	}
	return nil
}

// all sends an element to everybody.
func (s *source) all(ctx context.Context, e stream.Element) error {
	for _, r := range s.routes {
		if err := r.All(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// read sends a batch of one of the splits.
func (s *source) read(ctx context.Context) error {
	i := s.w.w.rnd.IntN(len(s.splits))
	sp := s.splits[i]
	id, _ := strconv.Atoi(sp.ID)
	at, _ := binary.Uvarint(sp.Position)
	n := min(1+s.w.w.rnd.IntN(batches), rowsIn(id)-int(at))
	s.before = append([]ops.Split(nil), s.splits...)
	for _, r := range s.routes {
		if err := r.Batch(ctx, batch(id, int(at), n)); err != nil {
			return err
		}
	}
	if s.budget > 0 {
		if s.budget -= int64(n); s.budget <= 0 {
			s.budget, s.paused = 0, true
			defer s.w.report(s.d, rpc.Paused{Task: s.a.Task})
		}
	}
	sp.Position = binary.AppendUvarint(nil, at+uint64(n))
	sp.Watermark = stream.Timestamp((int(at) + n) * perRow)
	s.splits[i] = sp
	if int(at)+n == rowsIn(id) {
		s.splits = append(s.splits[:i:i], s.splits[i+1:]...)
	}
	low := stream.End
	for _, sp := range s.splits {
		low = min(low, sp.Watermark)
	}
	if low != stream.End && low > s.now {
		s.now = low
		return s.all(ctx, stream.Watermark{Time: low})
	}
	return nil
}

func (s *source) obey(ctx context.Context, c rpc.Command) error {
	switch c := c.(type) {
	case rpc.Assign:
		s.wanted, s.noMore, s.budget = false, s.noMore || c.NoMore, c.Rows
		s.splits = append(s.splits, c.Splits...)
		s.before = append(s.before, c.Splits...)
	case rpc.Inject:
		return s.seal(ctx, c.Barrier)
	case rpc.Deploy, rpc.Confirm, rpc.Cancel:
	}
	return nil
}

func (s *source) seal(ctx context.Context, b stream.Barrier) error {
	if b.Epoch <= s.sealed {
		s.w.w.violate("source task %v is to seal epoch %d after epoch %d", s.a.Task, b.Epoch, s.sealed)
	}
	s.sealed = b.Epoch
	frozen, err := s.up.backend.Freeze(b.Epoch)
	if err != nil {
		return err
	}
	snap := task.Snapshot{Barrier: b, Watermark: s.now, Ended: s.drained, Splits: append([]ops.Split(nil), s.splits...)}
	if s.w.bugs.SplitBeforeBarrier {
		snap.Splits = append([]ops.Split(nil), s.before...)
	}
	if err := s.all(ctx, b); err != nil {
		return err
	}
	s.stopped, s.ended = b.Kind == stream.Stop, s.drained
	s.up.Sealed(snap, frozen)
	if s.ended {
		return s.all(ctx, stream.EndOfInput{})
	}
	return nil
}
