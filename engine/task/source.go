package task

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Clock is the wall clock of a worker.
type Clock interface {
	Now() time.Time
	// After sends once, d from now.
	After(d time.Duration) <-chan time.Time
}

// SourceReporter is what a source task tells the coordinator besides its epochs.
type SourceReporter interface {
	Reporter
	// WantSplits says that the task has room for n more splits.
	WantSplits(n int)
	// Drained says that the task has sent everything and waits for its last barrier.
	Drained()
	// Paused says that the task has read the rows that it was allowed.
	Paused()
}

// Source is one parallel instance of a chain whose first vertex is a source.
// It reads splits, one batch at a time, and obeys the coordinator between two
// batches: so a barrier stands between two batches, and the positions of the
// splits belong to it.
type Source struct {
	config   Config
	source   ops.Source
	spec     *ops.WatermarkSpec
	chain    *chain
	report   SourceReporter
	commands <-chan rpc.Command
	clock    Clock

	reader  ops.SplitReader
	outputs []exchange.Lender
	room    chan struct{} // holds a token when there may be room in outputs

	splits  []ops.Split // not ended yet, at the positions behind the last row sent
	time    *watermarks
	align   *convoy      // nil: alone
	ticked  time.Time    // when the last Tick was sent
	ticking bool         // ticks are sent without rows, too
	gathers ops.Gatherer // nil, or it may want splits while there are others
	lags    ops.Lagging
	noMore  bool  // no splits will follow
	wanted  bool  // WantSplits was sent, no answer yet
	drained bool  // End was sent
	whole   bool  // no splits will follow in this epoch
	budget  int64 // rows that may be read; 0 means any number
	halts   bool  // the splits are read up to a position each
	paused  bool  // the budget is used up
	stopped bool  // the barrier Stop has passed
	ended   bool  // EndOfInput was sent
}

// NewSource returns a task that reads src. Commands are Assign and Inject.
func NewSource(c Config, src ops.Source, spec *ops.WatermarkSpec, report SourceReporter, commands <-chan rpc.Command) *Source {
	s := &Source{
		config: c, source: src, spec: spec, report: report, commands: commands, clock: c.Clock,
		chain: newChain(c.Stages, c.State, c.Alloc),
	}
	s.chain.now, s.chain.epoch = c.Watermark, c.Epoch
	return s
}

// KeepTicking makes the source send ticks while it waits for rows, too. It is
// called before Run.
func (s *Source) KeepTicking() { s.ticking = true }

// Lend makes the source wait for room in outputs before it reads, and not within a
// batch: so that a barrier does not wait for it. It is called before Run.
func (s *Source) Lend(outputs []exchange.Lender) {
	s.outputs, s.room = outputs, make(chan struct{}, 1)
	for _, o := range outputs {
		o.Lend(s.room)
	}
}

// full reports whether there is no room in an output.
func (s *Source) full() bool {
	return slices.ContainsFunc(s.outputs, func(o exchange.Lender) bool { return !o.Room() })
}

// Run reads until every split has ended and the last barrier has passed, or
// ctx is done.
func (s *Source) Run(ctx context.Context) (err error) {
	defer closeChain(s.chain, &err)
	if err = s.chain.open(ctx); err != nil {
		return err
	}
	if _, _, err = s.chain.replay(ctx, s.config); err != nil {
		return err
	}
	if s.time, err = newWatermarks(s.spec, s.source.Schema(), s.chain.now, s.clock); err != nil {
		return err
	}
	if s.reader, err = s.source.Reader(ctx, &runtime{&s.chain.links[0]}); err != nil {
		return fmt.Errorf("open reader: %w", err)
	}
	s.report.Running()
	s.gathers, _ = s.reader.(ops.Gatherer)
	s.lags, _ = s.reader.(ops.Lagging)
	if s.align != nil {
		defer s.align.group.leave(s)
	}
	defer func() {
		if cerr := s.reader.Close(); err == nil {
			err = cerr
		}
	}()
	for !s.ended && err == nil {
		err = s.step(ctx)
	}
	return err
}

// step obeys one command, or reads one batch, or waits.
func (s *Source) step(ctx context.Context) error {
	select {
	case c := <-s.commands:
		return s.obey(ctx, c)
	case <-ctx.Done():
		return context.Cause(ctx)
	default:
	}
	if s.drained || s.stopped || s.paused {
		return s.wait(ctx, nil)
	}
	if s.full() {
		return s.wait(ctx, s.room)
	}
	if err := s.tick(ctx); err != nil {
		return err
	}
	if len(s.splits) == 0 {
		return s.next(ctx)
	}
	if !s.whole && s.gathers != nil && s.gathers.Gathers() {
		s.want()
	}
	if s.together() {
		return s.wait(ctx, nil)
	}
	f, err := s.reader.Fetch(ctx)
	if err != nil {
		return err
	}
	if s.lags != nil {
		s.chain.links[0].Stats.Pending.Set(s.lags.Pending())
	}
	if err := s.send(ctx, f); err != nil {
		return err
	}
	if f.Batch == nil && f.After.ID == "" {
		if s.halts && f.Ready == nil && !s.paused {
			s.budget, s.paused = 0, true
			s.report.Paused()
		}
		return s.wait(ctx, f.Ready)
	}
	return nil
}

// tickInterval is the least time between two ticks.
const tickInterval = time.Second

// tick tells the operators the time: before the first row, and then before the
// next row when tickInterval has passed. A source that is silent sends none,
// unless it was asked to.
func (s *Source) tick(ctx context.Context) error {
	now := s.clock.Now()
	if !s.ticked.IsZero() && now.Sub(s.ticked) < tickInterval {
		return nil
	}
	s.ticked = now
	return s.chain.tick(ctx, stream.Tick{Now: stream.Timestamp(now.UnixMilli())})
}

// want asks for splits, if it has not yet. It reports whether there may be more.
func (s *Source) want() bool {
	if !s.noMore && !s.wanted {
		s.wanted = true
		s.report.WantSplits(1)
	}
	return !s.noMore
}

// next asks for splits, or ends the source when there are none left.
func (s *Source) next(ctx context.Context) error {
	if s.want() {
		return s.wait(ctx, nil)
	}
	s.drained = true
	if err := s.chain.advance(ctx, stream.Watermark{Time: stream.End}); err != nil {
		return err
	}
	s.report.Drained()
	return nil
}

// send emits what was fetched and then lets event time move.
func (s *Source) send(ctx context.Context, f ops.Fetched) error {
	head := &s.chain.links[0]
	if f.Errors != nil {
		if err := head.Emit(ctx, ops.Errors, f.Errors); err != nil {
			return err
		}
	}
	if f.Batch != nil {
		s.spend(int64(f.Batch.Len()))
		if err := s.time.mark(s.chain.alloc, f.After.ID, f.Batch, s.clock.Now()); err != nil {
			f.Batch.Release()
			return err
		}
		if err := head.Emit(ctx, ops.Main, f.Batch); err != nil {
			return err
		}
	}
	if f.After.ID != "" {
		if f.Done { // what the marks have said is said before the split is forgotten
			if err := s.advance(ctx); err != nil {
				return err
			}
		}
		s.moved(f)
		if f.Idle {
			if err := s.advance(ctx); err != nil {
				return err
			}
			s.time.silence(f.After.ID)
		}
		if s.time.rest(s.clock.Now()) {
			return s.chain.broadcast(ctx, stream.Idle{})
		}
	}
	return s.advance(ctx)
}

// spend takes rows off the budget.
func (s *Source) spend(rows int64) {
	if s.budget == 0 {
		return
	}
	if s.budget -= rows; s.budget <= 0 {
		s.budget, s.paused = 0, true
		s.report.Paused()
	}
}

// moved records the position behind what was fetched.
func (s *Source) moved(f ops.Fetched) {
	for i := range s.splits {
		if s.splits[i].ID != f.After.ID {
			continue
		}
		if f.Done {
			s.splits = append(s.splits[:i], s.splits[i+1:]...)
			s.time.remove(f.After.ID, s.clock.Now())
			return
		}
		s.splits[i].Position = f.After.Position
		return
	}
	panic(fmt.Sprintf("reader sent rows of split %q, which it was not assigned", f.After.ID))
}

func (s *Source) advance(ctx context.Context) error {
	s.chain.links[0].Stats.Spread.Set(s.time.spread())
	if wm, moved := s.time.advance(); moved {
		return s.chain.advance(ctx, wm)
	}
	return nil
}

// wait sleeps until a command, until the reader has something, or until a
// split has been silent for too long.
func (s *Source) wait(ctx context.Context, ready <-chan struct{}) error {
	idle := &s.chain.links[0].Stats.Idle
	if ready != nil && ready == s.room {
		idle = &s.chain.links[0].Stats.Blocked
	}
	idle.Begin(s.clock.Now())
	var silence <-chan time.Time
	if s.time.idle > 0 && !s.drained && !s.time.quiet {
		silence = s.clock.After(s.time.idle)
	}
	var look <-chan time.Time
	if s.align != nil && !s.drained && !s.stopped && !s.paused {
		look = s.clock.After(s.align.interval())
	}
	var due <-chan time.Time
	if s.ticking && !s.drained && !s.stopped {
		due = s.clock.After(max(0, tickInterval-s.clock.Now().Sub(s.ticked)))
	}
	select {
	case c := <-s.commands:
		idle.End(s.clock.Now())
		return s.obey(ctx, c)
	case <-ready:
		idle.End(s.clock.Now())
		return nil
	case <-look:
		idle.End(s.clock.Now())
		return nil
	case <-due:
		idle.End(s.clock.Now())
		return s.tick(ctx)
	case <-silence:
		idle.End(s.clock.Now())
		if s.time.rest(s.clock.Now()) {
			return s.chain.broadcast(ctx, stream.Idle{})
		}
		return s.advance(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Source) obey(ctx context.Context, c rpc.Command) error {
	switch c := c.(type) {
	case rpc.Assign:
		return s.assign(c)
	case rpc.Inject:
		return s.seal(ctx, c.Barrier)
	}
	panic(fmt.Sprintf("command %T to a source task", c))
}

func (s *Source) assign(c rpc.Assign) error {
	s.wanted, s.noMore = false, s.noMore || c.NoMore
	s.budget, s.whole = c.Rows, c.Whole
	if len(c.Splits) == 0 {
		return nil
	}
	if h, ok := s.reader.(ops.Halting); ok && c.Until != nil {
		if err := h.Until(c.Until); err != nil {
			return fmt.Errorf("assign splits: %w", err)
		}
		s.halts = true
	}
	for _, sp := range c.Splits {
		s.splits = append(s.splits, sp)
		s.time.add(sp, s.clock.Now())
	}
	if err := s.reader.Assign(c.Splits); err != nil {
		return fmt.Errorf("assign splits: %w", err)
	}
	return nil
}

// seal ends the epoch of b.
func (s *Source) seal(ctx context.Context, b stream.Barrier) error {
	if b.Kind == stream.Drain && !s.drained {
		s.drained = true
		if err := s.chain.advance(ctx, stream.Watermark{Time: stream.End}); err != nil {
			return err
		}
	}
	if s.drained {
		b.Overtake = 0 // T4: no other barrier comes behind it
	}
	if b.Kind == stream.Stop && !s.drained && s.time.unused() {
		if err := s.chain.broadcast(ctx, stream.Idle{}); err != nil {
			return err
		}
	}
	began := s.clock.Now()
	frozen, err := s.chain.freeze(ctx, b.Epoch)
	if err != nil {
		return err
	}
	snap := Snapshot{Barrier: b, Committables: s.chain.committables(), Watermark: s.chain.now, Ended: s.drained}
	for _, sp := range s.splits {
		s.time.stamp(&sp)
		snap.Splits = append(snap.Splits, sp)
	}
	if err := s.chain.broadcast(ctx, b); err != nil {
		frozen.Release()
		return err
	}
	s.stopped = b.Kind == stream.Stop
	s.ended = s.drained
	snap.How = rpc.Sealing{StartDelayMillis: delay(b, began), SyncMillis: s.clock.Now().Sub(began).Milliseconds()}
	s.report.Sealed(snap, frozen)
	if s.ended {
		return s.chain.broadcast(ctx, stream.EndOfInput{}) // T4
	}
	return nil
}
