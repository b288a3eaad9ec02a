package iceberg

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/documents"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// fit makes the table fit the rows, in their order, so that the first one with
// a column decides its type. It returns the rows that fit, and the documents of
// all rows, and gives the others to the error policy.
func (w *dynamicWriter) fit(ctx context.Context, g *grower, rec arrow.RecordBatch) (good vector.Sel, roots []int32, err error) {
	n := int(rec.NumRows())
	roots, reasons := w.read(rec)
	for tries := 0; ; tries++ {
		grow := documents.Growth{Docs: &w.docs}
		problem := w.fitColumns(&grow, g, rec)
		bad := make([]string, n)
		for row := range n {
			switch {
			case problem != "":
				bad[row] = problem
			case reasons != nil && reasons[row] != "":
				bad[row] = reasons[row]
			case w.sink.value >= 0 && len(w.sink.columns) == 0 && !w.docs.Tells(roots[row]):
				bad[row] = "the value has no members"
			case w.sink.value >= 0:
				bad[row] = grow.Row(g.columns, roots[row], w.declared())
			}
		}
		if grow.Grown {
			if tries > 20 {
				return nil, nil, fmt.Errorf("write to table %s: %w: its columns are changed by others all the time", g.name, job.ErrUnavailable)
			}
			if err := w.regrow(ctx, g); err != nil {
				return nil, nil, wrote(g.name, err)
			}
			continue // the table may have got other columns from others
		}
		var lost vector.Sel
		var why []string
		for row, reason := range bad {
			if reason == "" {
				good = append(good, uint32(row))
			} else {
				lost, why = append(lost, uint32(row)), append(why, reason)
			}
		}
		if len(lost) > 0 {
			part := vector.TakeRecord(w.mem, rec, lost)
			err = w.refuse(ctx, part, why, "")
			part.Release()
		}
		return good, roots, err
	}
}

// declared are the names of the columns that the rows have.
func (w *dynamicWriter) declared() map[string]bool {
	out := make(map[string]bool, len(w.sink.columns))
	for _, c := range w.sink.columns {
		out[w.sink.declare.Schema.Field(c).Name] = true
	}
	return out
}

// read reads the documents of the rows; the reasons are of those that have none.
func (w *dynamicWriter) read(rec arrow.RecordBatch) (roots []int32, reasons []string) {
	w.docs.Reset()
	if w.sink.value < 0 {
		return nil, nil
	}
	col := rec.Column(w.sink.value).(*array.StringView)
	roots, reasons = make([]int32, col.Len()), make([]string, col.Len())
	for row := range roots {
		if col.IsNull(row) {
			reasons[row] = "the row has no value"
			continue
		}
		root, err := w.docs.Read(schemas.ViewBytes(col, row))
		switch {
		case err != nil:
			reasons[row] = err.Error()
		case !w.docs.IsObject(root):
			reasons[row] = "the value is not a JSON object"
		default:
			roots[row] = root
		}
	}
	return roots, reasons
}

// fitColumns makes the table fit the columns that all rows have.
func (w *dynamicWriter) fitColumns(grow *documents.Growth, g *grower, rec arrow.RecordBatch) string {
	m := &schemas.Mapper{Version: 3}
	for _, c := range w.sink.columns {
		f := w.sink.declare.Schema.Field(c)
		t, err := m.FieldType(f)
		if err == nil {
			want := documents.OutlineOfType(t)
			want.Required = !f.Nullable
			err = grow.Column(g.columns, f.Name, want)
		}
		if err != nil {
			return err.Error()
		}
		if rec.Column(c).NullN() > 0 {
			if reason := grow.Loosen(g.columns.Field(f.Name)); reason != "" {
				return reason
			}
		}
	}
	if w.sink.value < 0 {
		for _, s := range g.columns.Children {
			if s.Required && !w.declared()[s.Name] {
				if reason := grow.Loosen(s); reason != "" {
					return reason
				}
			}
		}
	}
	return ""
}

// regrow creates the table, or changes its columns, and begins new files.
func (w *dynamicWriter) regrow(ctx context.Context, g *grower) error {
	if err := g.end(0); err != nil {
		return err
	}
	t, err := w.sink.grow(ctx, w.catalog, g.name, g.table, g.columns)
	if err != nil {
		return err
	}
	return w.begin(g, t)
}

// begin writes to the table as it is now.
func (w *dynamicWriter) begin(g *grower, t *table.Table) error {
	schema, err := schemas.FileSchema(t.Schema())
	if err != nil {
		return err
	}
	if g.writer != nil {
		if err := g.writer.Close(); err != nil {
			return err
		}
	}
	g.table, g.columns = t, documents.OutlineOf(t.Schema())
	if t, err = w.sink.sink.tuned(t); err != nil {
		return err
	}
	task := w.rt.Task()
	tag := catalog.SinkHash(ops.SinkID{Job: string(task.Job), Sink: task.UID})
	g.writer, err = write.NewWriter(w.ctx, t, w.sink.sink.target.Catalog+"."+g.name.String(), tag, schema, w.mem)
	return err
}

// build makes the table's columns of the rows.
func (w *dynamicWriter) build(g *grower, rec arrow.RecordBatch, roots []int32) (arrow.RecordBatch, error) {
	if g.writer == nil {
		if err := w.begin(g, g.table); err != nil {
			return nil, err
		}
	}
	schema := g.writer.Schema()
	cols := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, f := range schema.Fields() {
		var col arrow.Array
		var err error
		if at := w.columnOf(f.Name); at >= 0 {
			col, err = widened(w.mem, rec.Column(at), f.Type)
		} else {
			col, err = w.member(f, int(rec.NumRows()), roots)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		cols = append(cols, col)
	}
	return array.NewRecordBatch(schema, cols, rec.NumRows()), nil
}

// columnOf is the row's column of this name, or -1.
func (w *dynamicWriter) columnOf(name string) int {
	for _, c := range w.sink.columns {
		if w.sink.declare.Schema.Field(c).Name == name {
			return c
		}
	}
	return -1
}

// member takes one member out of all documents.
func (w *dynamicWriter) member(f arrow.Field, n int, roots []int32) (arrow.Array, error) {
	b := array.NewBuilder(w.mem, f.Type)
	defer b.Release()
	b.Reserve(n)
	if w.sink.value < 0 {
		b.AppendNulls(n)
		return b.NewArray(), nil
	}
	for _, root := range roots[:n] {
		if err := w.docs.Append(b, w.docs.Child(root, f.Name)); err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
	}
	return b.NewArray(), nil
}

// widened converts a column of rows to one of the table, which may be wider.
func widened(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	switch a := in.(type) {
	case *array.Int8, *array.Int16:
		if to.ID() == arrow.INT64 {
			ints, err := schemas.Convert(mem, in, arrow.PrimitiveTypes.Int32)
			if err != nil {
				return nil, err
			}
			defer ints.Release()
			return widened(mem, ints, to)
		}
	case *array.Int32:
		if to.ID() == arrow.INT64 {
			return schemas.FixedWidth(mem, in, to, func(out []int64) error {
				for i, v := range a.Int32Values() {
					out[i] = int64(v)
				}
				return nil
			})
		}
	case *array.Float32:
		if to.ID() == arrow.FLOAT64 {
			return schemas.FixedWidth(mem, in, to, func(out []int64) error {
				for i, v := range a.Float32Values() {
					out[i] = int64(math.Float64bits(float64(v)))
				}
				return nil
			})
		}
	case *array.Decimal128:
		if to.ID() == arrow.DECIMAL128 {
			d := in.Data()
			data := array.NewData(to, d.Len(), d.Buffers(), nil, d.NullN(), d.Offset())
			defer data.Release()
			return array.MakeFromData(data), nil
		}
	}
	return schemas.Convert(mem, in, to)
}

// lostColumns are those of a table of rows that do not fit.
var lostColumns = arrow.NewSchema([]arrow.Field{
	{Name: "source", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "target", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "reason", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "row", Type: arrow.BinaryTypes.StringView, Nullable: true},
}, nil)

// refuse does with rows that do not fit what the policy says. The reasons are
// one for each row, or the same one for all.
func (w *dynamicWriter) refuse(ctx context.Context, rec arrow.RecordBatch, reasons []string, all string) error {
	why := func(row int) string {
		if reasons == nil {
			return all
		}
		return reasons[row]
	}
	if w.sink.policy == policyFail {
		return fmt.Errorf("write to table %s: %w: %s; the row is %.200s; option %q can be 'skip' or 'dead-letter'",
			w.routeOf(rec, 0), job.ErrInvalid, why(0), rowText(rec, 0), catalog.OptErrorPolicy)
	}
	w.refused.Add(rec.NumRows())
	if w.sink.policy == policySkip {
		return nil
	}
	g, err := w.open(ctx, w.sink.errors)
	if err != nil {
		return wrote(w.sink.errors, err)
	}
	if g.table == nil {
		for _, f := range lostColumns.Fields() {
			t, _ := (&schemas.Mapper{}).FieldType(f)
			c := documents.OutlineOfType(t)
			c.Name = f.Name
			g.columns.Children = append(g.columns.Children, c)
		}
		if err := w.regrow(ctx, g); err != nil {
			return wrote(w.sink.errors, err)
		}
	} else if g.writer == nil {
		if err := w.begin(g, g.table); err != nil {
			return wrote(w.sink.errors, err)
		}
	}
	b := array.NewRecordBuilder(w.mem, lostColumns)
	defer b.Release()
	for row := range int(rec.NumRows()) {
		for i, text := range []string{w.sink.declare.Ident.String(), w.routeOf(rec, row).String(), why(row), rowText(rec, row)} {
			b.Field(i).(*array.StringViewBuilder).Append(text)
		}
	}
	lost := b.NewRecordBatch()
	defer lost.Release()
	cols := make([]arrow.Array, 0, len(lost.Columns()))
	schema := g.writer.Schema()
	for _, f := range schema.Fields() {
		at := lostColumns.FieldIndices(f.Name)
		if len(at) == 0 || !arrow.TypeEqual(lost.Column(at[0]).DataType(), f.Type) {
			return fmt.Errorf("write to table %s: %w: it is to have the columns %q, of type STRING", w.sink.errors, job.ErrInvalid, schemas.Names(lostColumns))
		}
		cols = append(cols, lost.Column(at[0]))
	}
	return wrote(w.sink.errors, w.stage(g, array.NewRecordBatch(schema, cols, lost.NumRows())))
}

// rowText is a row as JSON: with the value's text as it is.
func rowText(rec arrow.RecordBatch, row int) string {
	one := rec.NewSlice(int64(row), int64(row)+1)
	defer one.Release()
	text, err := one.MarshalJSON()
	if err != nil || len(text) < 2 {
		return ""
	}
	return strings.TrimSpace(string(text[1 : len(text)-1]))
}
