// Package normalize makes a full changelog of one that says only what a key's
// row is now, or that it is gone.
package normalize

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
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// maxRows is how many rows an output batch has at most.
const maxRows = 16 << 10

// Normalize keeps the row of each key, and says of every change, once per batch
// and key, what the row was before:
//
//	in            out
//	+U a 1        +I a 1
//	+U a 2        -U a 1, +U a 2
//	+I a 2        nothing: it is the same
//	-D a          -D a 2
//	-D b          nothing: there is none
//	-U …          nothing: the +U says it all
//
// State: a table "rows" with the row of each key.
type Normalize struct {
	c  Config
	in *arrow.Schema

	alloc memory.Allocator
	saved ops.Table

	table *hashtable.Table
	store *rowstore.Store

	gids    []uint32
	ids     []uint32
	equal   []bool
	touched []uint32
	gone    []uint32 // keys whose deletion the state table does not know yet
	old     []uint32 // rows of the store
	rows    vector.Sel
	picks   rowstore.Picks
	kinds   []stream.RowKind
}

// acc is what the table holds of a key.
type acc struct {
	id   uint32 // of the row in the store + 1, or 0
	next uint32 // of the batch that takes its place + 1, or one of the marks
}

// The marks of acc.next.
const (
	unchanged = 0
	deleted   = 1<<32 - 1
)

var _ ops.Operator = (*Normalize)(nil)

// NewNormalize builds the operator over rows of schema in.
func NewNormalize(c Config, in *arrow.Schema) (*Normalize, error) {
	if err := c.check(in); err != nil {
		return nil, err
	}
	n := &Normalize{c: c, in: in}
	var keys, types []arrow.DataType
	for _, k := range c.Keys {
		keys = append(keys, in.Field(k).Type)
	}
	for _, f := range in.Fields() {
		types = append(types, f.Type)
	}
	var err error
	if n.table, err = hashtable.New(hashtable.Options{}, keys, int(unsafe.Sizeof(acc{}))); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if n.store, err = rowstore.New(rowstore.Options{}, types, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return n, nil
}

func (n *Normalize) acc(gid uint32) *acc {
	return (*acc)(unsafe.Add(n.table.Accs(), uintptr(gid)*uintptr(n.table.Stride())))
}

// Process implements ops.Operator.
func (n *Normalize) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	n.gids = grown(n.gids, b.Len())
	n.table.FindOrInsert(n.keysOf(b.Rows), nil, n.gids)
	n.choose(b)
	n.dropSame(b)
	if len(n.touched) == 0 {
		return nil
	}
	if !n.c.FinalOnly {
		if err := n.emit(ctx, b, out); err != nil {
			return err
		}
	}
	n.replace(b)
	return nil
}

func (n *Normalize) keysOf(rec arrow.RecordBatch) []arrow.Array {
	keys := make([]arrow.Array, len(n.c.Keys))
	for i, k := range n.c.Keys {
		keys[i] = rec.Column(k)
	}
	return keys
}

// choose notes for each key of the batch what its last change is.
func (n *Normalize) choose(b *stream.Batch) {
	n.touched = n.touched[:0]
	for i, g := range n.gids {
		kind := b.Kind(i)
		if kind == stream.UpdateBefore {
			continue
		}
		a := n.acc(g)
		if a.next == unchanged {
			n.touched = append(n.touched, g)
		}
		if a.next = uint32(i) + 1; kind == stream.Delete {
			a.next = deleted
		}
	}
}

// dropSame forgets the changes that change nothing.
func (n *Normalize) dropSame(b *stream.Batch) {
	n.rows, n.old = n.rows[:0], n.old[:0]
	for _, g := range n.touched {
		if a := n.acc(g); a.id != 0 && a.next != deleted {
			n.rows, n.old = append(n.rows, a.next-1), append(n.old, a.id-1)
		}
	}
	if cap(n.equal) < len(n.old) {
		n.equal = make([]bool, len(n.old))
	}
	n.equal = n.equal[:len(n.old)]
	if len(n.old) > 0 {
		n.store.Equal(b.Rows.Columns(), n.rows, n.old, n.equal)
	}
	kept, at := n.touched[:0], 0
	for _, g := range n.touched {
		a := n.acc(g)
		same := a.id == 0 && a.next == deleted
		if a.id != 0 && a.next != deleted {
			same = n.equal[at] && n.c.TTLMillis <= 0
			at++
		}
		if same {
			a.next = unchanged
		} else {
			kept = append(kept, g)
		}
	}
	n.touched = kept
}

// emit writes what the batch changes.
func (n *Normalize) emit(ctx context.Context, b *stream.Batch, out ops.Output) error {
	n.kinds = n.kinds[:0]
	inserts := true
	for _, g := range n.touched {
		a := n.acc(g)
		switch {
		case a.id == 0:
			n.add(a.next-1, stream.Insert)
			continue
		case a.next == deleted:
			n.addOld(a.id-1, stream.Delete)
		default:
			if n.c.UpdateBefore {
				n.addOld(a.id-1, stream.UpdateBefore)
			}
			n.add(a.next-1, stream.UpdateAfter)
		}
		inserts = false
	}
	o := stream.NewBatch(n.picks.Take(n.alloc, n.store, b.Rows))
	if !inserts {
		o.Kinds = slices.Clone(n.kinds)
	}
	return out.Emit(ctx, ops.Main, o)
}

func (n *Normalize) add(row uint32, kind stream.RowKind) {
	n.picks.Row(row)
	n.kinds = append(n.kinds, kind)
}

func (n *Normalize) addOld(id uint32, kind stream.RowKind) {
	n.picks.Stored(id)
	n.kinds = append(n.kinds, kind)
}

// replace puts the new rows in the place of those before.
func (n *Normalize) replace(b *stream.Batch) {
	n.table.Mark(n.touched)
	n.rows, n.old = n.rows[:0], n.old[:0]
	for _, g := range n.touched {
		a := n.acc(g)
		if a.id != 0 {
			n.old = append(n.old, a.id-1)
		}
		if a.next != deleted {
			n.rows = append(n.rows, a.next-1)
		}
	}
	n.store.Free(n.old)
	n.ids = grown(n.ids, len(n.rows))
	if len(n.rows) > 0 {
		n.store.Append(b.Rows.Columns(), n.rows, n.ids)
	}
	at := 0
	for _, g := range n.touched {
		a := n.acc(g)
		if a.id = 0; a.next != deleted {
			a.id = n.ids[at] + 1
			at++
		}
		a.next = unchanged
	}
}

// Advance implements ops.Operator.
func (n *Normalize) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if !n.c.FinalOnly || wm.Time != stream.End {
		return nil
	}
	ids := n.store.Live(nil)
	for from := 0; from < len(ids); from += maxRows {
		part := ids[from:min(from+maxRows, len(ids))]
		cols := n.store.Take(n.alloc, part)
		rec := array.NewRecordBatch(n.in, cols, int64(len(part)))
		release(cols)
		if err := out.Emit(ctx, ops.Main, stream.NewBatch(rec)); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements ops.Operator.
func (n *Normalize) Flush(context.Context, stream.Epoch, ops.Output) error { return n.save() }

// Close implements ops.Operator.
func (n *Normalize) Close() error {
	n.table.Free()
	n.store.Release()
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
