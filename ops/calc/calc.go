// Package calc filters rows and computes columns.
package calc

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Kind is the operator's name in a graph.
const Kind = "calc"

// Config is that of a vertex of kind Kind.
type Config struct {
	// Filter keeps the rows for which it is true; nil keeps all.
	Filter *expr.Doc `json:"filter,omitempty"`
	// Exprs are the columns of the output, whose names and types are those of
	// the vertex's Output.
	Exprs []expr.Doc `json:"exprs"`
	// Zone is the session's time zone; "" is UTC.
	Zone string `json:"zone,omitempty"`
	// NowMillis is what CURRENT_TIMESTAMP and its kin give until the first Tick.
	NowMillis int64 `json:"nowMillis,omitempty"`
	// Fixed says that it is always NowMillis: in a batch the time stands still.
	Fixed bool `json:"fixed,omitempty"`
	// Rejects is the table whose rows, when a function of the user fails for
	// them, are counted and leave by the port Errors. Without it, they fail the
	// job.
	Rejects string `json:"rejects,omitempty"`
	// Watermark says that Filter and Exprs may use WatermarkFields, which stand
	// behind the columns of the input.
	Watermark bool `json:"watermark,omitempty"`
}

// Calc filters and projects. A batch goes through in three steps:
//
//	rows ─ filter ─▶ selection ─ expressions, of selected rows only ─▶ new rows
//
// so that rows are compacted once, an expression never sees a row that the
// filter dropped, and a column that is only picked from a batch without a
// filter, or of which all rows pass, is not copied.
type Calc struct {
	out     *arrow.Schema
	filter  *expr.Filter
	columns *expr.Program

	fixed   bool
	rejects *rejects
	wide    *arrow.Schema // of the rows with the watermark; nil when nothing asks for it

	in        *arrow.Schema
	alloc     memory.Allocator
	now       int64
	watermark stream.Timestamp

	sel vector.Sel
}

var _ ops.Ticker = (*Calc)(nil)

// New builds the operator of a vertex of kind Kind.
func New(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return build(v, in, nil) }

// With is New for expressions that call functions of the user.
func With(functions map[string]expr.UserFunc) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return build(v, in, functions) }
}

func build(v job.Vertex, in []*arrow.Schema, functions map[string]expr.UserFunc) (ops.Operator, error) {
	cfg, err := ops.DecodeConfig[Config](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1", job.ErrInvalid, v.Name, len(in))
	}
	c := &Calc{now: cfg.NowMillis, fixed: cfg.Fixed, in: in[0]}
	rows := in[0]
	if cfg.Watermark {
		c.wide = withWatermark(rows)
		rows = c.wide
	}
	if cfg.Rejects != "" {
		c.rejects = &rejects{table: cfg.Rejects}
	}
	env := expr.Env{Now: func() int64 { return c.now }, Functions: functions}
	if cfg.Zone != "" {
		if env.Zone, err = time.LoadLocation(cfg.Zone); err != nil {
			return nil, fmt.Errorf("%w: time zone %q: %w", job.ErrInvalid, cfg.Zone, err)
		}
	}
	if cfg.Filter != nil && cfg.Filter.Expr != nil {
		if c.filter, err = expr.CompileFilter(cfg.Filter.Expr, rows, env); err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
	}
	exprs := make([]expr.Expr, len(cfg.Exprs))
	for i, e := range cfg.Exprs {
		exprs[i] = e.Expr
	}
	if c.columns, err = expr.Compile(exprs, rows, env); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	c.out, err = output(v.Output.Schema, exprs)
	return c, err
}

// output is the schema of the results: out, when the vertex says it.
func output(out *arrow.Schema, exprs []expr.Expr) (*arrow.Schema, error) {
	if out == nil {
		fields := make([]arrow.Field, len(exprs))
		for i, e := range exprs {
			fields[i] = arrow.Field{Name: e.String(), Type: e.Type(), Nullable: true}
		}
		return arrow.NewSchema(fields, nil), nil
	}
	if out.NumFields() != len(exprs) {
		return nil, fmt.Errorf("%w: %d output columns for %d expressions", job.ErrInvalid, out.NumFields(), len(exprs))
	}
	for i, e := range exprs {
		if !arrow.TypeEqual(e.Type(), out.Field(i).Type) {
			return nil, fmt.Errorf("%w: column %s is %v, but %s is %v", job.ErrInvalid, out.Field(i).Name, out.Field(i).Type, e, e.Type())
		}
	}
	return out, nil
}

// Open implements ops.Operator.
func (c *Calc) Open(_ context.Context, rt ops.Runtime) error {
	c.alloc, c.watermark = rt.Allocator(), rt.Watermark()
	if c.rejects != nil {
		c.rejects.count = rt.Counter("numRecordsInErrors")
	}
	return nil
}

// Process implements ops.Operator.
func (c *Calc) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if c.wide != nil {
		wide := &stream.Batch{Rows: c.watermarks(b), Kinds: b.Kinds, Marks: b.Marks}
		defer wide.Release()
		return c.process(ctx, wide, out)
	}
	return c.process(ctx, b, out)
}

// process is Process of rows that have all columns.
func (c *Calc) process(ctx context.Context, b *stream.Batch, out ops.Output) error {
	cols, sel, err := c.eval(b.Rows)
	if err != nil {
		if c.rejects == nil || !rejected(err) {
			return err
		}
		return c.sift(ctx, b, out)
	}
	if sel != nil && len(sel) == 0 {
		return nil // the watermark of its marks follows by itself
	}
	n := b.Len()
	if sel != nil {
		n = len(sel)
	}
	result := &stream.Batch{
		Rows:  array.NewRecordBatch(c.out, cols, int64(n)),
		Kinds: selectKinds(b.Kinds, sel),
		Marks: stream.SelectMarks(b.Marks, sel),
	}
	for _, col := range cols {
		col.Release()
	}
	return out.Emit(ctx, ops.Main, result)
}

// eval computes the columns of the rows that pass the filter; sel are those, or
// nil for all.
func (c *Calc) eval(rec arrow.RecordBatch) (cols []arrow.Array, sel vector.Sel, err error) {
	if c.filter != nil {
		if c.sel, err = c.filter.Select(c.alloc, rec, c.sel, nil); err != nil {
			return nil, nil, err
		}
		if sel = c.sel; len(sel) == int(rec.NumRows()) {
			sel = nil
		} else if len(sel) == 0 {
			return nil, vector.Sel{}, nil
		}
	}
	cols, err = c.columns.Eval(c.alloc, rec, sel)
	return cols, sel, err
}

// selectKinds gives the kinds of the selected rows. An update of which the
// filter dropped one side is no update any more: the row leaves the result, or
// enters it.
//
//	-U (a, 1) passes, +U (a, 9) does not   →  -D (a, 1)
//	-U (a, 9) does not, +U (a, 1) passes   →  +I (a, 1)
//
// The two sides of an update stand one behind the other. A +U that has no -U
// before it comes from a stream that does without, and stays what it is.
func selectKinds(kinds []stream.RowKind, sel vector.Sel) []stream.RowKind {
	if kinds == nil || sel == nil {
		return kinds
	}
	out := make([]stream.RowKind, len(sel))
	for i, r := range sel {
		out[i] = kinds[r]
		switch kinds[r] {
		case stream.UpdateBefore:
			if int(r)+1 < len(kinds) && kinds[r+1] == stream.UpdateAfter && (i+1 == len(sel) || sel[i+1] != r+1) {
				out[i] = stream.Delete
			}
		case stream.UpdateAfter:
			if r > 0 && kinds[r-1] == stream.UpdateBefore && (i == 0 || sel[i-1] != r-1) {
				out[i] = stream.Insert
			}
		case stream.Insert, stream.Delete:
		}
	}
	return out
}

// Advance implements ops.Operator.
func (c *Calc) Advance(_ context.Context, wm stream.Watermark, _ ops.Output) error {
	c.watermark = max(c.watermark, wm.Time)
	return nil
}

// Tick sets the time of CURRENT_TIMESTAMP.
func (c *Calc) Tick(_ context.Context, now stream.Tick, _ ops.Output) error {
	if !c.fixed {
		c.now = int64(now.Now)
	}
	return nil
}

// Flush implements ops.Operator.
func (c *Calc) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (c *Calc) Close() error { return nil }
