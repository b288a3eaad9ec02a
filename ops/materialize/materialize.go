// Package materialize gives a sink one row of each primary key, where rows of
// several keys of the query may have it.
package materialize

import (
	"context"
	"fmt"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// Kind is the operator's name in a graph.
const Kind = "sink-materialize"

// maxRows is how many rows are written to the state table at a time.
const maxRows = 16 << 10

// Config is that of a vertex of kind Kind, whose output has the input's columns.
type Config struct {
	// Keys are the columns of the primary key.
	Keys []int `json:"keys"`
	// With a TTL, keys without rows for so long are forgotten.
	idle.Settings
}

// Materialize keeps all rows of a primary key, and gives the one that came last:
//
//	in (key a)        rows of a     out
//	+I (ann, 3)       ann 3         +I ann 3
//	+I (bob, 3)       ann 3, bob 3  +U bob 3
//	-U (ann, 3)       bob 3         nothing: the last one stays
//	-D (bob, 3)       –             -D bob 3
//
// The key is 3 here. So a row that moves from one key of the table to another does
// not delete what has taken its place there, in whatever order both arrive. It
// speaks once per batch and key. A row that is taken back and is not there is
// passed over.
//
// State: a table "rows" of all rows.
type Materialize struct {
	c  Config
	in *arrow.Schema

	alloc   memory.Allocator
	saved   ops.Table
	schema  *arrow.Schema // of the state table
	durable bool

	store  *rowstore.Store
	chains *rowstore.Chains
	seq    uint64
	gone   []uint32 // rows that the state table still has

	numbers []uint32
	ids     []uint32
	touched []touched
	seen    map[uint32]bool
	loose   []uint32
}

// touched is a key of the batch, with the row that it had before.
type touched struct{ number, row uint32 }

// extra is what stands beside a row in the store, behind its place in a chain.
type extra struct {
	seq   uint64
	known uint64 // to the state table
}

var (
	_ ops.Operator   = (*Materialize)(nil)
	_ idle.Forgetter = (*Materialize)(nil)
)

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	m := &Materialize{c: c, in: in[0], seen: map[uint32]bool{}}
	var types, keys []arrow.DataType
	for _, f := range m.in.Fields() {
		types = append(types, f.Type)
	}
	for _, k := range c.Keys {
		if k < 0 || k >= len(types) {
			return nil, fmt.Errorf("%w: column %d of %d", job.ErrInvalid, k, len(types))
		}
		keys = append(keys, types[k])
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: no keys", job.ErrInvalid)
	}
	m.store, err = rowstore.New(rowstore.Options{Index: true}, types, rowstore.ChainBytes+int(unsafe.Sizeof(extra{})))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if m.chains, err = rowstore.NewChains(nil, m.store, 0, keys, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return m, nil
}

func (m *Materialize) extra(id uint32) *extra {
	return (*extra)(unsafe.Add(m.store.Extra(id), rowstore.ChainBytes))
}

// Process implements ops.Operator.
func (m *Materialize) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	var added, taken vector.Sel
	for i := range b.Len() {
		if b.Kind(i).Retracts() {
			taken = append(taken, uint32(i))
		} else {
			added = append(added, uint32(i))
		}
	}
	m.numbers = grown(m.numbers, b.Len())
	m.chains.FindOrInsert(m.keysOf(b.Rows), nil, m.numbers)
	m.touch()
	m.apply(b.Rows.Columns(), added, taken)
	err := m.emit(ctx, out)
	m.settle()
	return err
}

func (m *Materialize) keysOf(rec arrow.RecordBatch) []arrow.Array {
	keys := make([]arrow.Array, len(m.c.Keys))
	for i, k := range m.c.Keys {
		keys[i] = rec.Column(k)
	}
	return keys
}

// touch lists the keys of the batch, each once.
func (m *Materialize) touch() {
	clear(m.seen)
	m.touched = m.touched[:0]
	for _, n := range m.numbers {
		if !m.seen[n] {
			m.seen[n] = true
			m.touched = append(m.touched, touched{number: n, row: m.chains.Tail(n)})
		}
	}
}

// apply adds and removes rows of the batch.
func (m *Materialize) apply(cols []arrow.Array, added, taken vector.Sel) {
	if len(added) > 0 {
		m.ids = grown(m.ids, len(added))
		m.store.Append(cols, added, m.ids)
		numbers := make([]uint32, len(added))
		vector.Gather(numbers, m.numbers, added)
		m.chains.Append(numbers, m.ids)
		for _, id := range m.ids {
			m.seq++
			m.extra(id).seq = m.seq
		}
		m.store.Mark(m.ids)
	}
	if len(taken) == 0 {
		return
	}
	m.ids = grown(m.ids, len(taken))
	m.store.Claim(cols, taken, m.ids)
	for _, id := range m.ids {
		if id != rowstore.None {
			m.chains.Unlink(id)
			m.loose = append(m.loose, id)
		}
	}
}

// emit gives the last row of each key that has another one now.
func (m *Materialize) emit(ctx context.Context, out ops.Output) error {
	var ids []uint32
	var kinds []stream.RowKind
	for _, t := range m.touched {
		is := m.chains.Tail(t.number)
		switch {
		case is == t.row:
			continue
		case t.row == rowstore.None:
			ids, kinds = append(ids, is), append(kinds, stream.Insert)
		case is == rowstore.None:
			ids, kinds = append(ids, t.row), append(kinds, stream.Delete)
		default:
			ids, kinds = append(ids, is), append(kinds, stream.UpdateAfter)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	cols := m.store.Take(m.alloc, ids)
	b := stream.NewBatch(array.NewRecordBatch(m.in, cols, int64(len(ids))))
	release(cols)
	if slices.ContainsFunc(kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		b.Kinds = kinds
	}
	return out.Emit(ctx, ops.Main, b)
}

// settle frees the rows that have left, and the keys without rows.
func (m *Materialize) settle() {
	m.free(m.loose)
	m.loose = m.loose[:0]
	var empty []uint32
	for _, t := range m.touched {
		if m.chains.Count(t.number) == 0 {
			empty = append(empty, t.number)
		}
	}
	m.chains.Drop(empty)
}

// free gives rows back, at once or, when the state table knows them, when it has
// been told.
func (m *Materialize) free(ids []uint32) {
	now := ids[:0]
	for _, id := range ids {
		if m.extra(id).known != 0 {
			m.gone = append(m.gone, id)
		} else {
			now = append(now, id)
		}
	}
	m.store.Free(now)
}

// StateKeys implements idle.Forgetter.
func (m *Materialize) StateKeys() []int { return m.c.Keys }

// Forget implements idle.Forgetter.
func (m *Materialize) Forget(keys []arrow.Array) error {
	numbers := make([]uint32, keys[0].Len())
	m.chains.Find(keys, nil, numbers)
	numbers = slices.DeleteFunc(numbers, func(n uint32) bool { return n == rowstore.None })
	for _, n := range numbers {
		for id := m.chains.Head(n); id != rowstore.None; id = m.chains.Head(n) {
			m.chains.Unlink(id)
			m.store.Unindex(id)
			m.loose = append(m.loose, id)
		}
	}
	m.free(m.loose)
	m.loose = m.loose[:0]
	m.chains.Drop(numbers)
	return nil
}

// Advance implements ops.Operator.
func (m *Materialize) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (m *Materialize) Flush(context.Context, stream.Epoch, ops.Output) error { return m.save() }

// Close implements ops.Operator.
func (m *Materialize) Close() error {
	m.store.Release()
	m.chains.Release()
	return nil
}

func grown(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
