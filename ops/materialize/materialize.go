// Package materialize gives a sink one row of each primary key, where rows of
// several keys of the query may have it.
package materialize

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/ops/keyrows"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// Kind is the operator's name in a graph.
const Kind = "sink-materialize"

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

	alloc memory.Allocator
	rows  *keyrows.Rows

	before []uint32 // the last rows of the keys of a batch, before it
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
	if len(c.Keys) == 0 {
		return nil, fmt.Errorf("%w: no keys", job.ErrInvalid)
	}
	m := &Materialize{c: c, in: in[0]}
	m.rows, err = keyrows.New(m.in, c.Keys, true)
	return m, err
}

// Open implements ops.Operator.
func (m *Materialize) Open(ctx context.Context, rt ops.Runtime) error {
	m.alloc = rt.Allocator()
	return m.rows.Open(ctx, rt)
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
	m.rows.Begin(b.Rows)
	m.before = m.before[:0]
	for _, key := range m.rows.Touched {
		m.before = append(m.before, m.rows.Chains.Tail(key))
	}
	m.rows.Apply(b.Rows, added, taken)
	err := m.emit(ctx, out)
	m.rows.End()
	return err
}

// emit gives the last row of each key that has another one now.
func (m *Materialize) emit(ctx context.Context, out ops.Output) error {
	var ids []uint32
	var kinds []stream.RowKind
	for i, key := range m.rows.Touched {
		was, is := m.before[i], m.rows.Chains.Tail(key)
		switch {
		case is == was:
			continue
		case was == rowstore.None:
			ids, kinds = append(ids, is), append(kinds, stream.Insert)
		case is == rowstore.None:
			ids, kinds = append(ids, was), append(kinds, stream.Delete)
		default:
			ids, kinds = append(ids, is), append(kinds, stream.UpdateAfter)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	cols := m.rows.Store.Take(m.alloc, ids)
	b := stream.NewBatch(array.NewRecordBatch(m.in, cols, int64(len(ids))))
	release(cols)
	if slices.ContainsFunc(kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		b.Kinds = kinds
	}
	return out.Emit(ctx, ops.Main, b)
}

// StateKeys implements idle.Forgetter.
func (m *Materialize) StateKeys() []int { return m.c.Keys }

// Forget implements idle.Forgetter.
func (m *Materialize) Forget(keys []arrow.Array) error {
	m.rows.Forget(keys)
	return nil
}

// Advance implements ops.Operator.
func (m *Materialize) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (m *Materialize) Flush(context.Context, stream.Epoch, ops.Output) error { return m.rows.Save() }

// Close implements ops.Operator.
func (m *Materialize) Close() error {
	m.rows.Close()
	return nil
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
