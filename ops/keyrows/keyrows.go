// Package keyrows keeps the rows of an input by key, in the order in which they came,
// with their state table.
package keyrows

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// maxRows is how many rows are taken out of the store together.
const maxRows = 16 << 10

// Rows are the rows of an input by key:
//
//	+I (a, 1) +I (b, 2) +I (a, 3) -D (a, 1)   →   a: (a, 3)   b: (b, 2)
//
// A batch goes through Begin, which finds the numbers of its keys, Apply, and End,
// which forgets what has left. In between an operator may compare.
//
// State: a table "rows" of all rows.
type Rows struct {
	Store  *rowstore.Store
	Chains *rowstore.Chains
	// Touched are the numbers of the keys of the batch, each once.
	Touched []uint32

	in   *arrow.Schema
	keys []int

	alloc   memory.Allocator
	saved   ops.Table
	schema  *arrow.Schema // of the state table
	durable bool
	seq     uint64
	gone    []uint32 // rows that the state table still has

	numbers []uint32
	round   uint64   // of the batch: a key that was touched in it has its number
	loose   []uint32 // rows that are in no chain any more
	ids     []uint32
}

// extra is what stands beside a row in the store, behind its place in a chain.
type extra struct {
	seq   uint64
	known uint64 // to the state table
}

// New returns rows of schema in, by the columns keys, which may be none. Rows can be
// taken back if they are indexed.
func New(in *arrow.Schema, keys []int, indexed bool) (*Rows, error) {
	r := &Rows{in: in, keys: keys}
	var types, of []arrow.DataType
	for _, f := range in.Fields() {
		types = append(types, f.Type)
	}
	for _, k := range keys {
		if k < 0 || k >= len(types) {
			return nil, fmt.Errorf("%w: column %d of %d", job.ErrInvalid, k, len(types))
		}
		of = append(of, types[k])
	}
	var err error
	if r.Store, err = rowstore.New(rowstore.Options{Index: indexed}, types, rowstore.ChainBytes+int(unsafe.Sizeof(extra{}))); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if r.Chains, err = rowstore.NewChains(nil, r.Store, 0, of, int(unsafe.Sizeof(r.round))); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return r, nil
}

func (r *Rows) extra(id uint32) *extra {
	return (*extra)(unsafe.Add(r.Store.Extra(id), rowstore.ChainBytes))
}

// keyColumns are those among the columns of a batch.
func (r *Rows) keyColumns(cols []arrow.Array) []arrow.Array {
	out := make([]arrow.Array, len(r.keys))
	for i, k := range r.keys {
		out[i] = cols[k]
	}
	return out
}

// Begin finds the keys of a batch, which are Touched.
func (r *Rows) Begin(rec arrow.RecordBatch) {
	r.numbers = resized(r.numbers, int(rec.NumRows()))
	r.Chains.FindOrInsert(r.keyColumns(rec.Columns()), nil, r.numbers)
	r.round++
	r.Touched = r.Touched[:0]
	for _, n := range r.numbers {
		if round := (*uint64)(r.Chains.Acc(n)); *round != r.round {
			*round = r.round
			r.Touched = append(r.Touched, n)
		}
	}
}

// Apply adds rows of the batch, and removes rows; one that is not there is passed over.
func (r *Rows) Apply(rec arrow.RecordBatch, added, taken vector.Sel) {
	if len(added) > 0 {
		r.ids = resized(r.ids, len(added))
		r.Store.Append(rec.Columns(), added, r.ids)
		numbers := make([]uint32, len(added))
		vector.Gather(numbers, r.numbers, added)
		r.Chains.Append(numbers, r.ids)
		for _, id := range r.ids {
			r.seq++
			r.extra(id).seq = r.seq
		}
		r.Store.Mark(r.ids)
	}
	if len(taken) == 0 {
		return
	}
	r.ids = resized(r.ids, len(taken))
	r.Store.Claim(rec.Columns(), taken, r.ids)
	for _, id := range r.ids {
		if id != rowstore.None {
			r.Chains.Unlink(id)
			r.loose = append(r.loose, id)
		}
	}
}

// End frees the rows that have left, and forgets the keys of the batch without rows.
func (r *Rows) End() {
	r.freeLoose()
	var empty []uint32
	for _, n := range r.Touched {
		if r.Chains.Count(n) == 0 {
			empty = append(empty, n)
		}
	}
	r.Chains.Drop(empty)
}

// freeLoose gives rows back that are in no chain.
func (r *Rows) freeLoose() {
	r.free(r.loose)
	r.loose = r.loose[:0]
}

// free gives rows back, at once or, when the state table knows them, when it has
// been told.
func (r *Rows) free(ids []uint32) {
	now := ids[:0]
	for _, id := range ids {
		if r.extra(id).known != 0 {
			r.gone = append(r.gone, id)
		} else {
			now = append(now, id)
		}
	}
	r.Store.Free(now)
}

// Forget forgets keys with all their rows.
func (r *Rows) Forget(keys []arrow.Array) {
	numbers := make([]uint32, 1)
	if len(keys) > 0 {
		numbers = make([]uint32, keys[0].Len())
	}
	r.Chains.Find(keys, nil, numbers)
	numbers = slices.DeleteFunc(numbers, func(n uint32) bool { return n == rowstore.None })
	for _, n := range numbers {
		for id := r.Chains.Head(n); id != rowstore.None; id = r.Chains.Head(n) {
			r.Chains.Unlink(id)
			r.Store.Unindex(id)
			r.loose = append(r.loose, id)
		}
	}
	r.freeLoose()
	r.Chains.Drop(numbers)
}

// Close gives the memory back.
func (r *Rows) Close() {
	r.Store.Release()
	r.Chains.Release()
}

// Open reads the state table. Rows are put into their chains in the order in which
// they came.
func (r *Rows) Open(ctx context.Context, rt ops.Runtime) error {
	if err := r.openTable(rt); err != nil {
		return err
	}
	keys := len(r.keys) + 1
	var all []uint32
	for rec, err := range r.saved.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		ids := make([]uint32, rec.NumRows())
		r.Store.Append(rec.Columns()[keys:], nil, ids)
		for i, seq := range vector.Values[int64](rec.Column(keys - 1)) {
			*r.extra(ids[i]) = extra{seq: uint64(seq), known: 1}
			r.seq = max(r.seq, uint64(seq))
		}
		all = append(all, ids...)
	}
	slices.SortFunc(all, func(a, b uint32) int { return cmp.Compare(r.extra(a).seq, r.extra(b).seq) })
	for part := range slices.Chunk(all, maxRows) {
		cols := make([]arrow.Array, len(r.keys))
		for i, k := range r.keys {
			cols[i] = r.Store.TakeColumn(r.alloc, k, part)
		}
		r.Chains.Add(cols, nil, part)
		release(cols)
	}
	r.Store.ClearDirty()
	return nil
}

func resized(s []uint32, n int) []uint32 {
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
