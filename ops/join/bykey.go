package join

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// ByKeyKind is the name in a graph of a join whose right side is a table that is
// asked for the rows of keys.
const ByKeyKind = "lookup-by-key"

// ByKeyConfig is that of a vertex of kind ByKeyKind, whose input is the left side.
// The keys of the right side are those that are asked for.
type ByKeyConfig struct {
	Config
	Ask   ops.Asking `json:"ask"`
	Right job.Schema `json:"right"`
	// Cache is nil when nothing is kept behind a batch.
	Cache *ops.LookupCache `json:"cache,omitempty"`
}

// ByKey joins every row with the rows of its key in a table that is not read, but
// asked: once a batch, or once for so many keys of a large one, for those that are not known.
//
//	left    1 2 1 3   →   asked (1, 2, 3)   →   1 x, 3 y
//	left    2 3 4     →   asked (4)             2 is known to be missing
//
// It keeps no state: after a crash the table is asked as it is then.
type ByKey struct {
	join  Join
	ask   ops.Asking
	open  func(ctx context.Context, a ops.Asking) (ops.Lookup, error)
	table ops.Lookup
	cache *ops.LookupCache

	known *known
	now   int64 // processing time, in milliseconds
	valid vector.Sel
	gids  []uint32

	hits, misses, loads ops.Counter
}

var _ ops.Ticker = (*ByKey)(nil)

// ByKeyWith builds operators of vertices of kind ByKeyKind, whose tables are of the
// connectors of r.
func ByKeyWith(r *ops.Registry) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
		c, err := ops.DecodeConfig[ByKeyConfig](v)
		if err != nil {
			return nil, err
		}
		con, err := r.Connector(c.Ask.Scan.Table.Connector)
		if err != nil {
			return nil, err
		}
		if con.Lookup == nil {
			return nil, fmt.Errorf("%w: %s: connector %q cannot be asked for rows by key", job.ErrInvalid, v.Name, con.Name)
		}
		c.functions = r.Functions
		return newByKey(c, v, in, con.Lookup)
	}
}

func newByKey(c ByKeyConfig, v job.Vertex, in []*arrow.Schema, open func(ctx context.Context, a ops.Asking) (ops.Lookup, error)) (*ByKey, error) {
	if len(in) != 1 || c.Right.Schema == nil || len(c.RightKeys) == 0 || slices.Contains(c.NullSafe, true) || c.LeftChanges || c.RightChanges {
		return nil, fmt.Errorf("%w: %s: rows are looked up by keys of one input without updates", job.ErrInvalid, v.Name)
	}
	c.Static = true
	j, err := newJoin(c.Config, v, []*arrow.Schema{in[0], c.Right.Schema})
	if err != nil {
		return nil, err
	}
	return &ByKey{join: *j, ask: c.Ask, open: open, cache: c.Cache}, nil
}

// Open implements ops.Operator.
func (l *ByKey) Open(ctx context.Context, rt ops.Runtime) error {
	j := &l.join
	j.alloc, j.built = rt.Allocator(), 1
	l.hits, l.misses, l.loads = rt.Counter("hitCount"), rt.Counter("missCount"), rt.Counter("loadCount")
	for i := range j.in {
		if err := j.in[i].open(); err != nil {
			return fmt.Errorf("%w: not supported yet: %w", job.ErrInvalid, err)
		}
	}
	s := &j.in[1]
	types := make([]arrow.DataType, len(s.keys))
	for i, k := range s.keys {
		types[i] = s.schema.Field(k).Type
	}
	var err error
	if l.known, err = newKnown(types); err != nil {
		return err
	}
	l.table, err = l.open(ctx, l.ask)
	if err == nil && l.table == nil {
		err = fmt.Errorf("%w: table %s cannot be asked for rows by these columns", job.ErrInvalid, l.ask.Scan.Table.Ident)
	}
	return err
}

// Process implements ops.Operator.
func (l *ByKey) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	added, taken, err := l.join.split(0, b)
	if err != nil {
		return err
	}
	if err := l.learn(ctx, b.Rows); err != nil {
		return err
	}
	if err := l.join.collect(ctx, 0, b, added, taken, out); err != nil {
		return err
	}
	l.forget()
	return nil
}

// learn asks for the keys of a batch that are not known.
func (l *ByKey) learn(ctx context.Context, rec arrow.RecordBatch) error {
	left := &l.join.in[0]
	keys, n := left.keyColumns(rec.Columns()), int(rec.NumRows())
	sel, _ := left.joinable(keys, nil, n, l.valid, nil)
	if sel != nil {
		l.valid, n = sel, len(sel)
	}
	l.gids = resized(l.gids, n)
	missing, stale := l.known.use(keys, sel, l.gids, l.now, l.cache)
	l.hits.Add(int64(n - len(missing)))
	if len(missing) == 0 {
		return nil
	}
	l.misses.Add(int64(len(missing)))
	l.dropRows(stale)
	for len(missing) > 0 {
		some := missing[:min(maxAsked, len(missing))]
		missing = missing[len(some):]
		if err := l.find(ctx, some); err != nil {
			return fmt.Errorf("look rows up in table %s: %w", l.ask.Scan.Table.Ident, err)
		}
	}
	return nil
}

// maxAsked is how many keys are asked for together.
const maxAsked = 1000

func (l *ByKey) find(ctx context.Context, gids vector.Sel) error {
	l.loads.Add(1)
	asked := l.known.keys.Keys(l.join.alloc, gids)
	defer release(asked)
	l.known.ask(gids, true)
	defer l.known.ask(gids, false)
	return l.table.Find(ctx, asked, l.found)
}

// found keeps those rows of rec whose keys are being asked for: a database may find
// others equal, and give their rows for other keys again.
func (l *ByKey) found(rec arrow.RecordBatch) error {
	s := &l.join.in[1]
	if int(rec.NumCols()) != s.schema.NumFields() {
		return fmt.Errorf("%w: the table has %d columns, want %d", job.ErrInvalid, rec.NumCols(), s.schema.NumFields())
	}
	sel := l.known.take(s.keyColumns(rec.Columns()), int(rec.NumRows()))
	if len(sel) == 0 {
		return nil
	}
	s.link(l.join.alloc, s.append(rec.Columns(), sel, int(rec.NumRows())))
	return nil
}

// forget drops what is not kept behind a batch.
func (l *ByKey) forget() {
	if l.cache == nil {
		l.known.reset()
		l.join.in[1].store.Reset()
		l.join.in[1].chains.Reset()
		return
	}
	gone := l.known.surplus(l.cache)
	l.dropRows(gone)
	l.known.drop(gone)
}

// dropRows forgets the rows of keys.
func (l *ByKey) dropRows(gids []uint32) {
	if len(gids) == 0 {
		return
	}
	s := &l.join.in[1]
	keys := l.known.keys.Keys(l.join.alloc, gids)
	defer release(keys)
	s.numbers = resized(s.numbers, len(gids))
	s.chains.Find(keys, nil, s.numbers)
	var ids []uint32
	for _, number := range s.numbers {
		if number == rowstore.None {
			continue
		}
		for id := s.chains.Head(number); id != rowstore.None; id = s.chains.Next(id) {
			ids = append(ids, id)
		}
	}
	s.chains.Remove(ids)
	s.store.Free(ids)
}

// Tick implements ops.Ticker.
func (l *ByKey) Tick(_ context.Context, now stream.Tick, _ ops.Output) error {
	l.now = int64(now.Now)
	if l.cache != nil {
		gone := l.known.expired(l.now, l.cache)
		l.dropRows(gone)
		l.known.drop(gone)
	}
	return nil
}

// Advance implements ops.Operator.
func (l *ByKey) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (l *ByKey) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (l *ByKey) Close() error {
	err := l.join.Close()
	if l.known != nil {
		l.known.keys.Free()
	}
	if l.table == nil {
		return err
	}
	if e := l.table.Close(); err == nil {
		err = e
	}
	return err
}
