package join

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// side is what the join remembers of one input: its rows, in chains by key.
type side struct {
	name     string
	schema   *arrow.Schema
	keys     []int
	nullSafe []bool
	outer    bool
	changes  bool
	counted  bool  // rows know how many partners they have
	kinded   bool  // rows know how they changed their input
	time     int   // of a join by time: the column with the time of a row
	ttl      int64 // how long a row is kept, in milliseconds of processing time, or 0

	horizon *horizon // until when rows are kept; nil is for ever
	scanner *scanner // of rows that are in no chain, where there is a horizon

	store  *rowstore.Store
	chains *rowstore.Chains
	seq    int64    // of the row that came last
	gone   []uint32 // rows that were taken back and that the table still has
	stored table
	// durable says that the table keeps what it is told.
	durable bool
	now     int64 // processing time, where there is a TTL
	next    int   // the row at which looking for expired ones goes on

	numbers []uint32
	ids     []uint32
	valid   vector.Sel
}

// extra is what a row has beside its columns.
type extra struct {
	chain   [rowstore.ChainBytes]byte
	seq     int64 // when it came; cancelled when it left in the batch that it came in
	time    int64 // of a join by time, or since when there is a TTL, in milliseconds; or see horizon
	matches int32
	kind    stream.RowKind
	known   bool // the table has it
	dead    bool // it was dropped
}

const cancelled = -1

func (s *side) open() (err error) {
	types := make([]arrow.DataType, s.schema.NumFields())
	for i, f := range s.schema.Fields() {
		types[i] = f.Type
	}
	if s.store, err = rowstore.New(rowstore.Options{Index: s.changes}, types, int(unsafe.Sizeof(extra{}))); err != nil {
		return fmt.Errorf("keep rows of the %s input: %w", s.name, err)
	}
	keys := make([]arrow.DataType, len(s.keys))
	for i, k := range s.keys {
		keys[i] = types[k]
	}
	if s.chains, err = rowstore.NewChains(nil, s.store, 0, keys, 0); err != nil {
		return fmt.Errorf("keys of the %s input: %w", s.name, err)
	}
	if s.horizon != nil && len(keys) > 0 {
		s.scanner, err = newScanner(keys)
	}
	return err
}

func (s *side) close() {
	if s.store != nil {
		s.store.Release()
	}
	if s.chains != nil {
		s.chains.Release()
	}
	if s.scanner != nil {
		s.scanner.keys.Free()
	}
	if s.horizon != nil {
		s.horizon.order.close()
	}
}

func (s *side) extra(id uint32) *extra { return (*extra)(s.store.Extra(id)) }

// keyColumns are the columns of rows by which they are joined.
func (s *side) keyColumns(cols []arrow.Array) []arrow.Array {
	out := make([]arrow.Array, len(s.keys))
	for i, k := range s.keys {
		out[i] = cols[k]
	}
	return out
}

// joinable splits rows into those that can have partners, which are written to
// yes, and those with a NULL in their key, which are appended to no. A nil sel
// means all n rows; the result is nil when that is all of them.
func (s *side) joinable(keys []arrow.Array, sel vector.Sel, n int, yes, no vector.Sel) (vector.Sel, vector.Sel) {
	var strict []arrow.Array
	for i, k := range keys {
		if k.NullN() > 0 && (s.nullSafe == nil || !s.nullSafe[i]) {
			strict = append(strict, k)
		}
	}
	if strict == nil {
		return sel, no
	}
	if yes = yes[:0]; yes == nil {
		yes = vector.Sel{}
	}
	if sel != nil {
		n = len(sel)
	}
	for i := range n {
		r := uint32(i)
		if sel != nil {
			r = sel[i]
		}
		if hasNull(strict, int(r)) {
			no = append(no, r)
		} else {
			yes = append(yes, r)
		}
	}
	return yes, no
}

func hasNull(cols []arrow.Array, row int) bool {
	for _, c := range cols {
		if c.IsNull(row) {
			return true
		}
	}
	return false
}

// append stores the selected rows of a batch of n, without putting them into
// chains, and returns their ids, which are valid until the next call.
func (s *side) append(cols []arrow.Array, sel vector.Sel, n int) []uint32 {
	if sel != nil {
		n = len(sel)
	}
	s.ids = resized(s.ids, n)
	s.store.Append(cols, sel, s.ids)
	for _, id := range s.ids {
		s.seq++
		s.extra(id).seq = s.seq
	}
	if s.ttl > 0 {
		for _, id := range s.ids {
			s.extra(id).time = s.now
		}
	}
	s.store.Mark(s.ids)
	return s.ids
}

// link puts stored rows into the chains, but for those with NULLs in their keys.
func (s *side) link(alloc memory.Allocator, ids []uint32) {
	for from := 0; from < len(ids); from += maxRows {
		part := ids[from:min(from+maxRows, len(ids))]
		keys := make([]arrow.Array, len(s.keys))
		for i, k := range s.keys {
			keys[i] = s.store.TakeColumn(alloc, k, part)
		}
		sel, _ := s.joinable(keys, nil, len(part), s.valid, nil)
		if sel != nil {
			s.valid = sel
			part = gathered(nil, part, sel)
		}
		s.chains.Add(keys, sel, part)
		release(keys)
	}
}

// drop frees rows that are in no chain any more; those that the table has wait
// for the end of the epoch.
func (s *side) drop(ids []uint32) {
	free := ids[:0:0]
	for _, id := range ids {
		s.extra(id).dead = true
		if s.extra(id).known {
			s.gone = append(s.gone, id)
		} else {
			free = append(free, id)
		}
	}
	s.store.Free(free)
}

// nulls are n rows of NULLs.
func (s *side) nulls(alloc memory.Allocator, n int) []arrow.Array {
	none := make([]uint32, n)
	for i := range none {
		none[i] = rowstore.None
	}
	return s.store.Take(alloc, none)
}

func resized(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}

// gathered is src at the positions idx, in dst's memory where it fits.
func gathered(dst, src []uint32, idx vector.Sel) []uint32 {
	dst = resized(dst, len(idx))
	vector.Gather(dst, src, idx)
	return dst
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}

// takeColumns are rows of a batch.
func takeColumns(alloc memory.Allocator, rec arrow.RecordBatch, rows vector.Sel) []arrow.Array {
	out := make([]arrow.Array, rec.NumCols())
	for i, c := range rec.Columns() {
		out[i] = vector.Take(alloc, c, rows)
	}
	return out
}

// record takes over the references to cols.
func record(schema *arrow.Schema, cols []arrow.Array, n int) arrow.RecordBatch {
	defer release(cols)
	return array.NewRecordBatch(schema, cols, int64(n))
}
