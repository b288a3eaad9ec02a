// Package unnest makes rows of the elements of collections.
package unnest

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Kind is the operator's name in a graph.
const Kind = "unnest"

// Config is that of a vertex of kind Kind.
type Config struct {
	// Column is a list, or a map.
	Column int `json:"column"`
	// Keep are the columns that are passed on.
	Keep []int `json:"keep,omitempty"`
	// Multiset says that a map's values are how often its keys are there.
	Multiset bool `json:"multiset,omitempty"`
	// Outer keeps rows without elements.
	Outer      bool `json:"outer,omitempty"`
	Ordinality bool `json:"ordinality,omitempty"`
}

// Unnest emits a row for each element of the collection in a column: the columns
// that are kept, then the element (its fields, where it is a row), then its
// number:
//
//	in  k  items     out  k  item  n          outer  k  item  n
//	    a  [7, 9]         a  7     1                 a  7     1
//	    b  []             a  9     2                 a  9     2
//	                                                 b  –     –
//
// The elements of a batch are one column already, so that mostly nothing but
// the kept columns is copied.
type Unnest struct {
	c     Config
	in    *arrow.Schema
	out   *arrow.Schema
	alloc memory.Allocator

	rows    vector.Sel // of the input
	items   vector.Sel // of the elements
	numbers []int32
	missing bool // there are rows without elements, whose item is behind the elements
}

var _ ops.Operator = (*Unnest)(nil)

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	for _, k := range append([]int{c.Column}, c.Keep...) {
		if k < 0 || k >= in[0].NumFields() {
			return nil, fmt.Errorf("%w: no column %d in an input of %d", job.ErrInvalid, k, in[0].NumFields())
		}
	}
	u := &Unnest{c: c, in: in[0], out: v.Output.Schema}
	elements, err := u.elements()
	if err != nil {
		return nil, err
	}
	if u.out == nil {
		var fields []arrow.Field
		for _, k := range c.Keep {
			fields = append(fields, in[0].Field(k))
		}
		u.out = arrow.NewSchema(append(fields, elements...), nil)
	}
	if n := len(c.Keep) + len(elements); u.out.NumFields() != n {
		return nil, fmt.Errorf("%w: %d output columns, want %d", job.ErrInvalid, u.out.NumFields(), n)
	}
	return u, nil
}

// elements are the columns behind those that are kept.
func (u *Unnest) elements() ([]arrow.Field, error) {
	f := u.in.Field(u.c.Column)
	var out []arrow.Field
	var element arrow.Field
	switch t := f.Type.(type) {
	case *arrow.ListType:
		element = t.ElemField()
	case *arrow.MapType:
		element = t.KeyField()
		if !u.c.Multiset {
			out = []arrow.Field{t.KeyField(), t.ItemField()}
		}
	default:
		return nil, fmt.Errorf("%w: column %s is %v, no collection", job.ErrInvalid, f.Name, f.Type)
	}
	if out == nil {
		out = []arrow.Field{element}
		if s, ok := element.Type.(*arrow.StructType); ok {
			out = s.Fields()
		}
	}
	for i := range out {
		out[i].Nullable = true
	}
	if u.c.Ordinality {
		out = append(out, arrow.Field{Name: "ordinality", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	}
	return out, nil
}

// Open implements ops.Operator.
func (u *Unnest) Open(_ context.Context, rt ops.Runtime) error {
	u.alloc = rt.Allocator()
	return nil
}

// Process implements ops.Operator.
func (u *Unnest) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	col := b.Rows.Column(u.c.Column)
	u.assign(col)
	n := len(u.rows)
	if n == 0 {
		return nil
	}
	cols := make([]arrow.Array, 0, u.out.NumFields())
	for _, k := range u.c.Keep {
		cols = append(cols, vector.Take(u.alloc, b.Rows.Column(k), u.rows))
	}
	cols = u.appendItems(cols, col)
	if u.c.Ordinality {
		cols = append(cols, u.ordinals())
	}
	next := &stream.Batch{Rows: array.NewRecordBatch(u.out, cols, int64(n)), Marks: stream.SelectMarks(b.Marks, u.rows)}
	for _, c := range cols {
		c.Release()
	}
	if b.Kinds != nil {
		next.Kinds = make([]stream.RowKind, n)
		vector.Gather(next.Kinds, b.Kinds, u.rows)
	}
	return out.Emit(ctx, ops.Main, next)
}

// collection is a column of lists or maps.
type collection interface {
	arrow.Array
	ValueOffsets(i int) (start, end int64)
}

// assign lists which rows and elements the output pairs.
func (u *Unnest) assign(col arrow.Array) {
	u.rows, u.items, u.numbers, u.missing = u.rows[:0], u.items[:0], u.numbers[:0], false
	list := col.(collection)
	var times []int32
	items := 0
	switch l := col.(type) {
	case *array.Map:
		items = l.Keys().Len()
		if u.c.Multiset {
			times = vector.Values[int32](l.Items())
		}
	case *array.List:
		items = l.ListValues().Len()
	}
	for i := range col.Len() {
		before := len(u.rows)
		if col.IsValid(i) {
			from, to := list.ValueOffsets(i)
			for at := from; at < to; at++ {
				n := int32(1)
				if times != nil {
					n = times[at]
				}
				for range n {
					u.put(i, int(at), len(u.rows)-before+1)
				}
			}
		}
		if len(u.rows) == before && u.c.Outer {
			u.put(i, items, 0)
			u.missing = true
		}
	}
}

func (u *Unnest) put(row, item, number int) {
	u.rows, u.items, u.numbers = append(u.rows, uint32(row)), append(u.items, uint32(item)), append(u.numbers, int32(number))
}

// appendItems appends the columns of the elements.
func (u *Unnest) appendItems(cols []arrow.Array, col arrow.Array) []arrow.Array {
	switch l := col.(type) {
	case *array.Map:
		cols = u.appendItem(cols, l.Keys())
		if !u.c.Multiset {
			cols = append(cols, u.take(l.Items()))
		}
	case *array.List:
		cols = u.appendItem(cols, l.ListValues())
	}
	return cols
}

// appendItem appends an element, or its fields where it is a row.
func (u *Unnest) appendItem(cols []arrow.Array, items arrow.Array) []arrow.Array {
	s, ok := items.(*array.Struct)
	if !ok || u.isMap() {
		return append(cols, u.take(items))
	}
	picked := u.take(s)
	defer picked.Release()
	rows := picked.(*array.Struct)
	for i := range rows.NumField() {
		cols = append(cols, masked(u.alloc, rows, i))
	}
	return cols
}

// isMap reports whether an element is a key and a value.
func (u *Unnest) isMap() bool {
	_, ok := u.in.Field(u.c.Column).Type.(*arrow.MapType)
	return ok && !u.c.Multiset
}

// masked is field i of rows, NULL where the row is.
func masked(alloc memory.Allocator, rows *array.Struct, i int) arrow.Array {
	field := rows.Field(i)
	if rows.NullN() == 0 {
		field.Retain()
		return field
	}
	sel := make(vector.Sel, rows.Len())
	for r := range sel {
		if sel[r] = uint32(r); rows.IsNull(r) {
			sel[r] = uint32(rows.Len())
		}
	}
	return takeOrNull(alloc, field, sel)
}

// take is the listed elements of items.
func (u *Unnest) take(items arrow.Array) arrow.Array {
	if u.missing {
		return takeOrNull(u.alloc, items, u.items)
	}
	if n := len(u.items); int(u.items[n-1])-int(u.items[0]) == n-1 && ascending(u.items) {
		return array.NewSlice(items, int64(u.items[0]), int64(u.items[n-1])+1)
	}
	return vector.Take(u.alloc, items, u.items)
}

// ascending reports that each row is the one behind the row before.
func ascending(sel vector.Sel) bool {
	for i, r := range sel {
		if r != sel[0]+uint32(i) {
			return false
		}
	}
	return true
}

// takeOrNull is vector.Take, with NULL for the row behind the last.
func takeOrNull(alloc memory.Allocator, col arrow.Array, sel vector.Sel) arrow.Array {
	null := array.MakeArrayOfNull(alloc, col.DataType(), 1)
	defer null.Release()
	both := vector.Concat(alloc, []arrow.Array{col, null})
	defer both.Release()
	return vector.Take(alloc, both, sel)
}

// ordinals are the numbers of the elements, NULL where there is none.
func (u *Unnest) ordinals() arrow.Array {
	b := array.NewInt32Builder(u.alloc)
	defer b.Release()
	b.Reserve(len(u.numbers))
	for _, n := range u.numbers {
		if n == 0 {
			b.AppendNull()
		} else {
			b.Append(n)
		}
	}
	return b.NewArray()
}

// Advance implements ops.Operator.
func (u *Unnest) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (u *Unnest) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (u *Unnest) Close() error { return nil }
