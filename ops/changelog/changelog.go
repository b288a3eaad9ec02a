// Package changelog makes changes of what a column of rows says, and a column of
// what the changes are.
package changelog

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

// The operators' names in a graph.
const (
	FromKind = "from-changelog"
	ToKind   = "to-changelog"
)

// Code is how one kind of change is called in a column.
type Code struct {
	Text string         `json:"text"`
	Kind stream.RowKind `json:"kind"`
}

// Config is that of a vertex of either kind.
type Config struct {
	// Codes say what the texts mean. A change that has none is left out by ToKind.
	Codes []Code `json:"codes"`
	// Column is the one with the codes, of the input of FromKind, whose output has
	// the others. ToKind gives it as its first column.
	Column int `json:"column,omitempty"`
	// Skip says that FromKind leaves out rows with other codes, which it counts;
	// otherwise they are an error.
	Skip bool `json:"skip,omitempty"`
}

// From takes rows whose column says how they change a table, and gives the
// changes:
//
//	+I (u-, 1, a)   -U (1, a)
//	+I (u+, 1, b)   +U (1, b)
type From struct {
	c       Config
	codes   map[string]stream.RowKind
	name    string
	out     *arrow.Schema
	alloc   memory.Allocator
	skipped ops.Counter

	sel vector.Sel
}

var _ ops.Operator = (*From)(nil)

// NewFrom builds the operator of a vertex of kind FromKind.
func NewFrom(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := decode(v, in)
	if err != nil {
		return nil, err
	}
	if c.Column < 0 || c.Column >= in[0].NumFields() || in[0].Field(c.Column).Type.ID() != arrow.STRING_VIEW {
		return nil, fmt.Errorf("%w: %s: column %d holds no texts", job.ErrInvalid, v.Name, c.Column)
	}
	f := &From{c: c, codes: map[string]stream.RowKind{}, name: in[0].Field(c.Column).Name, out: v.Output.Schema}
	for _, code := range c.Codes {
		f.codes[code.Text] = code.Kind
	}
	if f.out == nil {
		f.out = arrow.NewSchema(slices.Delete(slices.Clone(in[0].Fields()), c.Column, c.Column+1), nil)
	}
	return f, nil
}

func decode(v job.Vertex, in []*arrow.Schema) (Config, error) {
	c, err := ops.DecodeConfig[Config](v)
	if err == nil && len(in) != 1 {
		err = fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	return c, err
}

// Open implements ops.Operator.
func (f *From) Open(_ context.Context, rt ops.Runtime) error {
	f.alloc, f.skipped = rt.Allocator(), rt.Counter("numRecordsInErrors")
	return nil
}

// Process implements ops.Operator.
func (f *From) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	if b.Kinds != nil && slices.ContainsFunc(b.Kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		return fmt.Errorf("%w: the rows of a changelog are changes themselves, and only come", job.ErrInvalid)
	}
	kinds, err := f.kinds(b.Rows.Column(f.c.Column))
	if err != nil {
		return err
	}
	cols := slices.Delete(slices.Clone(b.Rows.Columns()), f.c.Column, f.c.Column+1)
	o := &stream.Batch{Kinds: kinds}
	if len(f.sel) == b.Len() {
		o.Rows, o.Marks = array.NewRecordBatch(f.out, cols, int64(b.Len())), b.Marks
		return out.Emit(ctx, ops.Main, o)
	}
	for i, c := range cols {
		cols[i] = vector.Take(f.alloc, c, f.sel)
	}
	o.Rows, o.Marks = array.NewRecordBatch(f.out, cols, int64(len(f.sel))), stream.SelectMarks(b.Marks, f.sel)
	for _, c := range cols {
		c.Release()
	}
	return out.Emit(ctx, ops.Main, o)
}

// kinds are the changes of the rows that have known codes, which are f.sel.
func (f *From) kinds(col arrow.Array) ([]stream.RowKind, error) {
	views := vector.ViewsOf(col)
	kinds := make([]stream.RowKind, 0, col.Len())
	f.sel = f.sel[:0]
	for i := range col.Len() {
		kind, ok := stream.Insert, col.IsValid(i)
		if ok {
			kind, ok = f.codes[string(views.At(i))]
		}
		switch {
		case ok:
			kinds, f.sel = append(kinds, kind), append(f.sel, uint32(i))
		case f.c.Skip:
			f.skipped.Add(1)
		case col.IsNull(i):
			return nil, fmt.Errorf("%w: FROM_CHANGELOG: the change in column %q is NULL; invalid_op_handling => 'SKIP' leaves such rows out", job.ErrInvalid, f.name)
		default:
			return nil, fmt.Errorf("%w: FROM_CHANGELOG: the change in column %q is '%s', which op_mapping does not have; invalid_op_handling => 'SKIP' leaves such rows out",
				job.ErrInvalid, f.name, views.At(i))
		}
	}
	return kinds, nil
}

// Advance implements ops.Operator.
func (f *From) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (f *From) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (f *From) Close() error { return nil }

// To gives a row for each change, whose first column says what it is:
//
//	-U (1, a)   +I (UPDATE_BEFORE, 1, a)
//	+U (1, b)   +I (UPDATE_AFTER, 1, b)
type To struct {
	texts [stream.Delete + 1]*string // by kind
	out   *arrow.Schema
	alloc memory.Allocator

	sel vector.Sel
}

var _ ops.Operator = (*To)(nil)

// NewTo builds the operator of a vertex of kind ToKind.
func NewTo(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := decode(v, in)
	if err != nil {
		return nil, err
	}
	t := &To{out: v.Output.Schema}
	for _, code := range c.Codes {
		if int(code.Kind) >= len(t.texts) {
			return nil, fmt.Errorf("%w: %s: no change %d", job.ErrInvalid, v.Name, code.Kind)
		}
		t.texts[code.Kind] = &code.Text
	}
	if t.out == nil {
		t.out = arrow.NewSchema(append([]arrow.Field{{Name: "op", Type: arrow.BinaryTypes.StringView}}, in[0].Fields()...), nil)
	}
	return t, nil
}

// Open implements ops.Operator.
func (t *To) Open(_ context.Context, rt ops.Runtime) error {
	t.alloc = rt.Allocator()
	return nil
}

// Process implements ops.Operator.
func (t *To) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	t.sel = t.sel[:0]
	texts := array.NewStringViewBuilder(t.alloc)
	defer texts.Release()
	for i := range b.Len() {
		if text := t.texts[b.Kind(i)]; text != nil {
			t.sel = append(t.sel, uint32(i))
			texts.Append(*text)
		}
	}
	if len(t.sel) == 0 {
		return nil
	}
	cols := make([]arrow.Array, 0, t.out.NumFields())
	cols = append(cols, texts.NewArray())
	for _, c := range b.Rows.Columns() {
		if len(t.sel) == b.Len() {
			c.Retain()
		} else {
			c = vector.Take(t.alloc, c, t.sel)
		}
		cols = append(cols, c)
	}
	o := &stream.Batch{Rows: array.NewRecordBatch(t.out, cols, int64(len(t.sel))), Marks: b.Marks}
	if len(t.sel) < b.Len() {
		o.Marks = stream.SelectMarks(b.Marks, t.sel)
	}
	for _, c := range cols {
		c.Release()
	}
	return out.Emit(ctx, ops.Main, o)
}

// Advance implements ops.Operator.
func (t *To) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (t *To) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (t *To) Close() error { return nil }
