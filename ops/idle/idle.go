// Package idle lets operators forget the keys for which no row has come for a
// while: table.exec.state.ttl.
package idle

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// Forgetter is an operator that can forget what it keeps of keys.
type Forgetter interface {
	ops.Operator
	// StateKeys are the columns of the input by which its state is kept; none
	// when all rows are of one key.
	StateKeys() []int
	// Forget removes all that is kept of keys, whose columns are those of
	// StateKeys, without a word to those behind the operator. Of some keys
	// nothing is kept. The caller releases the columns.
	Forget(keys []arrow.Array) error
}

// Settings are what the Config of an operator says of this.
type Settings struct {
	// TTLMillis is how long a key is kept after its last row, in milliseconds of
	// processing time; 0 keeps it for ever.
	TTLMillis int64 `json:"ttlMillis,omitempty"`
	// TTLFirst counts from the first row of a key: later ones change nothing
	// that is kept.
	TTLFirst bool `json:"ttlFirst,omitempty"`
}

// Around returns build with its operators behind a Watch, where their Config has
// Settings.
func Around(build ops.NewOperator) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
		op, err := build(v, in)
		if err != nil || len(v.Config) == 0 {
			return op, err
		}
		c, err := ops.DecodeConfig[Settings](v)
		if err != nil {
			return nil, err
		}
		f, ok := op.(Forgetter)
		if c.TTLMillis <= 0 || !ok {
			return op, nil
		}
		return newWatch(f, c, in[0])
	}
}

// Watch knows when the last row of each key has come, and tells the operator to
// forget those that have been idle for too long:
//
//	tick 10:00   +I a, +I b      a 10:00  b 10:00
//	tick 10:40   +I a            a 10:40  b 10:00
//	tick 11:05                   a 10:40            b is forgotten (1 h)
//
// What is idle is forgotten before a row of its key reaches the operator, so that
// answers hang on the times of rows and on nothing else; and, to free memory,
// a part of the keys is looked at with each tick and batch.
//
// State: a table "$idle" of the keys and their times. A key of which the
// operator restores rows and the table knows nothing (the job ran without TTL
// before) is taken for one whose last row comes with the first tick.
type Watch struct {
	op    Forgetter
	c     Settings
	keys  []int
	types []arrow.DataType

	alloc memory.Allocator
	now   int64 // 0 before the first tick
	table *hashtable.Table
	saved ops.Table
	state *arrow.Schema
	next  uint32 // where looking for idle keys goes on
	// durable says that the state table keeps what it is told.
	durable bool

	gids []uint32
	idle []uint32
}

// entry is what is known of a key.
type entry struct {
	at    int64 // when its last row came; or one of the constants below
	known bool  // to the state table
}

// The times of keys that have none.
const (
	fresh   = 0  // it has come in this batch
	unknown = -1 // to be found out with the next tick
	gone    = -2 // forgotten, and the state table still has it
)

var (
	_ ops.Ticker     = (*Watch)(nil)
	_ ops.InputEnder = (*Watch)(nil)
)

func newWatch(op Forgetter, c Settings, in *arrow.Schema) (*Watch, error) {
	w := &Watch{op: op, c: c, keys: op.StateKeys()}
	for _, k := range w.keys {
		w.types = append(w.types, in.Field(k).Type)
	}
	types := w.types
	if len(types) == 0 {
		types = []arrow.DataType{arrow.Null}
	}
	var err error
	if w.table, err = hashtable.New(hashtable.Options{}, types, int(unsafe.Sizeof(entry{}))); err != nil {
		return nil, fmt.Errorf("%w: keys of a TTL: %w", job.ErrInvalid, err)
	}
	return w, nil
}

func (w *Watch) entry(gid uint32) *entry { return (*entry)(unsafe.Pointer(w.table.Word(gid))) }

// Open implements ops.Operator.
func (w *Watch) Open(ctx context.Context, rt ops.Runtime) error {
	w.alloc, w.durable = rt.Allocator(), rt.Durable()
	if err := w.restore(ctx, rt); err != nil {
		return err
	}
	if err := w.op.Open(ctx, &runtime{rt, w}); err != nil {
		return err
	}
	w.table.ClearDirty()
	return nil
}

// find writes the entries of n keys to w.gids.
func (w *Watch) find(keys []arrow.Array, n int) []uint32 {
	if len(keys) == 0 {
		null := array.NewNull(n)
		defer null.Release()
		keys = []arrow.Array{null}
	}
	if cap(w.gids) < n {
		w.gids = make([]uint32, n)
	}
	w.gids = w.gids[:n]
	w.table.FindOrInsert(keys, nil, w.gids)
	return w.gids
}

// KeyColumns are the operator's, when it is one that takes rows in any order; see
// ops/sweep.
func (w *Watch) KeyColumns(input int) []int {
	if k, ok := w.op.(interface{ KeyColumns(input int) []int }); ok {
		return k.KeyColumns(input)
	}
	return nil
}

// Process implements ops.Operator.
func (w *Watch) Process(ctx context.Context, input int, b *stream.Batch, out ops.Output) error {
	if n := b.Len(); n > 0 {
		keys := make([]arrow.Array, len(w.keys))
		for i, k := range w.keys {
			keys[i] = b.Rows.Column(k)
		}
		if err := w.touch(w.find(keys, n)); err != nil {
			b.Release()
			return err
		}
	}
	return w.op.Process(ctx, input, b, out)
}

// touch notes that rows of keys have come, and forgets what was kept of those that
// have been idle.
func (w *Watch) touch(gids []uint32) error {
	at := w.now
	if at == 0 {
		at = unknown
	}
	w.idle = w.idle[:0]
	for _, g := range gids {
		e := w.entry(g)
		switch {
		case e.at == at:
			continue
		case e.at > 0 && w.due(e.at):
			w.idle = append(w.idle, g)
		case e.at > 0 && w.c.TTLFirst:
			continue
		}
		e.at = at
	}
	w.table.Mark(gids)
	return w.forget(w.idle)
}

func (w *Watch) due(at int64) bool { return w.now-at >= w.c.TTLMillis }

// forget tells the operator to forget keys, a part at a time.
func (w *Watch) forget(gids []uint32) error {
	for len(gids) > 0 {
		part := gids[:min(len(gids), maxRows)]
		gids = gids[len(part):]
		var keys []arrow.Array
		if len(w.keys) > 0 {
			keys = w.table.Keys(w.alloc, part)
		}
		err := w.op.Forget(keys)
		release(keys)
		if err != nil {
			return err
		}
	}
	return nil
}

// rounds is how many times each key is looked at in the time of its life, about.
const rounds = 8

// maxRows bounds how many keys are worked on together.
const maxRows = 16 << 10

// sweep looks at some of the keys when elapsed milliseconds have passed.
func (w *Watch) sweep(elapsed int64) error {
	span := uint32(w.table.Gids())
	if span == 0 {
		return nil
	}
	step := min(int64(span), maxRows+int64(float64(span)*float64(elapsed)*rounds/float64(w.c.TTLMillis)))
	if w.next >= span {
		w.next = 0
	}
	to := uint32(min(int64(w.next)+step, int64(span)))
	w.idle = w.idle[:0]
	var dead, found []uint32
	for from := w.next; from < to; from += maxRows {
		w.table.Relieve()
		w.gids = w.table.LiveIn(w.gids[:0], from, min(from+maxRows, to))
		for _, g := range w.gids {
			e := w.entry(g)
			switch {
			case e.at == unknown:
				e.at = w.now
				found = append(found, g)
			case e.at > 0 && w.due(e.at):
				w.idle = append(w.idle, g)
				if e.at = gone; !e.known {
					dead = append(dead, g)
				}
			}
		}
	}
	w.next = to
	w.table.Mark(found)
	w.table.Mark(w.idle)
	err := w.forget(w.idle)
	w.table.Delete(dead)
	return err
}

// Tick implements ops.Ticker.
func (w *Watch) Tick(ctx context.Context, now stream.Tick, out ops.Output) error {
	if at := int64(now.Now); at > w.now {
		elapsed := at - w.now
		if w.now == 0 {
			elapsed = 0
		}
		w.now = at
		if err := w.sweep(elapsed); err != nil {
			return err
		}
	}
	if t, ok := w.op.(ops.Ticker); ok {
		return t.Tick(ctx, now, out)
	}
	return nil
}

// Advance implements ops.Operator.
func (w *Watch) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	return w.op.Advance(ctx, wm, out)
}

// EndInput implements ops.InputEnder.
func (w *Watch) EndInput(ctx context.Context, input int, out ops.Output) error {
	if e, ok := w.op.(ops.InputEnder); ok {
		return e.EndInput(ctx, input, out)
	}
	return nil
}

// Flush implements ops.Operator.
func (w *Watch) Flush(ctx context.Context, e stream.Epoch, out ops.Output) error {
	if err := w.save(); err != nil {
		return err
	}
	return w.op.Flush(ctx, e, out)
}

// Close implements ops.Operator.
func (w *Watch) Close() error {
	w.table.Free()
	return w.op.Close()
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
