// Package sort orders the rows of a bounded input, and cuts inputs to a number
// of rows.
package sort

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Kind is the operator's name in a graph.
const Kind = "sort-limit"

// DefaultBudgetBytes is how much a Sort holds at most, unless its Config says.
const DefaultBudgetBytes = 2 << 30

// maxRows is how many rows an output batch has at most.
const maxRows = 16 << 10

// Config is that of a vertex of kind Kind. The output has the input's columns.
type Config struct {
	Keys   []Key `json:"keys"`
	Offset int64 `json:"offset,omitempty"`
	// Limit is how many rows to emit behind Offset; negative means all.
	Limit int64 `json:"limit"`
	// BudgetBytes bounds the memory of the rows; 0 is DefaultBudgetBytes.
	BudgetBytes int64 `json:"budgetBytes,omitempty"`
}

// Key is one column to sort by.
type Key struct {
	Column     int  `json:"column"`
	Desc       bool `json:"desc,omitempty"`
	NullsFirst bool `json:"nullsFirst,omitempty"`
}

// seqColumn numbers the rows of the input: the key of their state table, and
// what decides between equal rows.
const seqColumn = "$row"

// Sort emits the rows of its input in order when the input ends; equal rows
// stay in the order in which they came. With a limit it holds little more than
// twice the rows that it will emit: when there are more, it sorts what it has
// and forgets the rest. What does not fit a process with a limit is spilled.
//
//	held   │ best rows so far, sorted │ new rows … │     full: sort, cut
//	         ◀──── offset+limit ────▶
//
// State: a table "rows" with the rows that are held.
type Sort struct {
	out    *arrow.Schema
	held   *arrow.Schema // the input's columns and seqColumn
	keys   []Key
	offset int64
	limit  int64 // negative: all
	budget int64

	alloc memory.Allocator
	table ops.Table
	parts []arrow.RecordBatch // of schema held, in order of arrival, the first one sorted
	rows  int64
	bytes int64
	next  int64 // number of the next row
	saved int64 // rows below it are in the table, or were
	gone  []int64
	cold  spilled
}

var _ ops.Operator = (*Sort)(nil)

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	if c.Offset < 0 {
		return nil, fmt.Errorf("%w: OFFSET %d is negative", job.ErrInvalid, c.Offset)
	}
	for _, k := range c.Keys {
		if k.Column < 0 || k.Column >= in[0].NumFields() {
			return nil, fmt.Errorf("%w: no column %d to sort by", job.ErrInvalid, k.Column)
		}
		if f := in[0].Field(k.Column); !vector.IsKey(f.Type) {
			return nil, fmt.Errorf("%w: column %s is %v, which has no order", job.ErrInvalid, f.Name, f.Type)
		}
	}
	s := &Sort{out: v.Output.Schema, keys: c.Keys, offset: c.Offset, limit: c.Limit, budget: c.BudgetBytes}
	if s.out == nil {
		s.out = in[0]
	}
	if s.budget == 0 {
		s.budget = DefaultBudgetBytes
	}
	s.held = arrow.NewSchema(append(in[0].Fields(), arrow.Field{Name: seqColumn, Type: arrow.PrimitiveTypes.Int64}), nil)
	return s, nil
}

// Open implements ops.Operator.
func (s *Sort) Open(ctx context.Context, rt ops.Runtime) error {
	s.alloc = rt.Allocator()
	seq := s.held.NumFields() - 1
	fields := append([]arrow.Field{s.held.Field(seq)}, s.held.Fields()[:seq]...)
	var err error
	s.table, err = rt.Table(ops.TableSpec{Name: "rows", Schema: arrow.NewSchema(fields, nil), Keys: 1})
	if err != nil {
		return err
	}
	if rt.Watermark() == stream.End {
		return nil // all has been emitted
	}
	for rec, err := range s.table.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		cols := append(slices.Clone(rec.Columns()[1:]), rec.Column(0))
		if n := rec.NumRows(); n > 0 {
			for _, q := range vector.Values[int64](rec.Column(0)) {
				s.next = max(s.next, q+1)
			}
			s.saved = s.next
		}
		s.keep(array.NewRecordBatch(s.held, cols, rec.NumRows()))
		if err := s.fit(); err != nil {
			return err
		}
	}
	if len(s.parts) > 0 {
		s.order([]int{seq}, []vector.Order{{}}, s.rows)
	}
	return nil
}

// keep adds a part, and takes over the reference to it.
func (s *Sort) keep(rec arrow.RecordBatch) {
	s.parts = append(s.parts, rec)
	s.rows += rec.NumRows()
	s.bytes += vector.RecordBytes(rec)
}

// Process implements ops.Operator.
func (s *Sort) Process(_ context.Context, _ int, b *stream.Batch, _ ops.Output) error {
	defer b.Release()
	if slices.ContainsFunc(b.Kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		return fmt.Errorf("%w: ORDER BY takes rows that do not change", job.ErrInvalid)
	}
	n := b.Len()
	if n == 0 {
		return nil
	}
	seq := array.NewInt64Builder(s.alloc)
	defer seq.Release()
	seq.Reserve(n)
	for range n {
		seq.UnsafeAppend(s.next)
		s.next++
	}
	numbers := seq.NewArray()
	defer numbers.Release()
	cols := append(slices.Clone(b.Rows.Columns()), numbers)
	s.keep(array.NewRecordBatch(s.held, cols, int64(n)))
	if s.limit >= 0 && s.rows > 2*(s.offset+s.limit)+maxRows {
		s.cut()
	}
	return s.fit()
}

// fit sees to it that what is held fits memory.
func (s *Sort) fit() error {
	if s.bytes > s.room() {
		if s.limit >= 0 {
			s.cut()
		}
		if s.bytes > s.room() && s.spills() {
			return s.spill()
		}
		if s.bytes > s.budget {
			return fmt.Errorf("%w: ORDER BY holds %d rows of %d bytes, more than the %d bytes it may; add a LIMIT, or sort fewer columns",
				job.ErrInvalid, s.rows, s.bytes, s.budget)
		}
	}
	return nil
}

// cut keeps the rows that can still be in the result.
func (s *Sort) cut() {
	cols, orders := s.orders()
	s.order(cols, orders, s.offset+s.limit)
}

func (s *Sort) orders() (cols []int, orders []vector.Order) {
	for _, k := range s.keys {
		o := vector.Order{Desc: k.Desc, Nulls: vector.NullsLast}
		if k.NullsFirst {
			o.Nulls = vector.NullsFirst
		}
		cols, orders = append(cols, k.Column), append(orders, o)
	}
	return cols, orders
}

// order sorts what is held into one part, of which it keeps the first n rows.
func (s *Sort) order(cols []int, orders []vector.Order, n int64) {
	if len(s.parts) == 0 {
		return
	}
	all := vector.ConcatRecords(s.alloc, s.parts)
	defer all.Release()
	s.drop()
	keys := make([]arrow.Array, len(cols))
	for i, c := range cols {
		keys[i] = all.Column(c)
	}
	sel := vector.Sort(s.alloc, keys, orders)
	n = min(n, int64(len(sel)))
	numbers := all.Column(s.held.NumFields() - 1).(*array.Int64)
	for _, r := range sel[n:] {
		if q := numbers.Value(int(r)); q < s.saved {
			s.gone = append(s.gone, q)
		}
	}
	if n == 0 {
		return
	}
	top := vector.TakeRecord(s.alloc, all, sel[:n])
	defer top.Release()
	s.keep(vector.CompactRecord(s.alloc, top))
}

func (s *Sort) drop() {
	for _, p := range s.parts {
		p.Release()
	}
	s.parts, s.rows, s.bytes = nil, 0, 0
}

// Advance implements ops.Operator.
func (s *Sort) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	if wm.Time != stream.End {
		return nil
	}
	if s.cold.store != nil {
		if err := s.spill(); err != nil {
			return err
		}
		return s.merge(ctx, out)
	}
	cols, orders := s.orders()
	n := s.rows
	if s.limit >= 0 {
		n = s.offset + s.limit
	}
	s.order(cols, orders, n)
	defer s.drop()
	if len(s.parts) == 0 {
		return nil
	}
	all := s.parts[0]
	for from := s.offset; from < all.NumRows(); from += maxRows {
		part := all.NewSlice(from, min(from+maxRows, all.NumRows()))
		rec := array.NewRecordBatch(s.out, part.Columns()[:s.out.NumFields()], part.NumRows())
		part.Release()
		if err := out.Emit(ctx, ops.Main, stream.NewBatch(rec)); err != nil {
			return err
		}
	}
	return nil
}

// Flush implements ops.Operator.
func (s *Sort) Flush(context.Context, stream.Epoch, ops.Output) error {
	if len(s.gone) > 0 {
		b := array.NewInt64Builder(s.alloc)
		defer b.Release()
		b.AppendValues(s.gone, nil)
		col := b.NewArray()
		defer col.Release()
		rec := array.NewRecordBatch(arrow.NewSchema(s.held.Fields()[s.held.NumFields()-1:], nil), []arrow.Array{col}, int64(col.Len()))
		defer rec.Release()
		if err := s.table.Delete(rec); err != nil {
			return fmt.Errorf("delete rows: %w", err)
		}
		s.gone = s.gone[:0]
	}
	for _, p := range s.parts {
		if err := s.save(p); err != nil {
			return err
		}
	}
	s.saved = s.next
	return nil
}

// save writes the rows of a part that are not in the table.
func (s *Sort) save(p arrow.RecordBatch) error {
	seq := s.held.NumFields() - 1
	sel := vector.Sel{}
	for i, q := range vector.Values[int64](p.Column(seq)) {
		if q >= s.saved {
			sel = append(sel, uint32(i))
		}
	}
	if len(sel) == 0 {
		return nil
	}
	fresh := vector.TakeRecord(s.alloc, p, sel)
	defer fresh.Release()
	fields := append([]arrow.Field{s.held.Field(seq)}, s.held.Fields()[:seq]...)
	cols := append([]arrow.Array{fresh.Column(seq)}, fresh.Columns()[:seq]...)
	rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, fresh.NumRows())
	defer rec.Release()
	if err := s.table.Upsert(rec); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// Close implements ops.Operator.
func (s *Sort) Close() error {
	s.drop()
	if s.cold.store != nil {
		s.cold.store.Release()
	}
	return nil
}
