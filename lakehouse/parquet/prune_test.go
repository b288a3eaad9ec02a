package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// drawCondition draws a filter over the columns of a schema.
func drawCondition(t *rapid.T, s *arrow.Schema, depth int) expr.Expr {
	boolean := arrow.FixedWidthTypes.Boolean
	k := rapid.IntRange(0, 9).Draw(t, "condition")
	if depth > 0 && k < 4 {
		f := []string{"and", "or"}[k%2]
		return &expr.Call{Func: f, Of: boolean, Args: []expr.Expr{drawCondition(t, s, depth-1), drawCondition(t, s, depth-1)}}
	}
	i := rapid.IntRange(0, s.NumFields()-1).Draw(t, "column")
	col := &expr.Column{Index: i, Name: s.Field(i).Name, Of: s.Field(i).Type}
	switch k {
	case 4:
		return &expr.Call{Func: "is_null", Of: boolean, Args: []expr.Expr{col}}
	case 5:
		return &expr.Call{Func: "is_not_null", Of: boolean, Args: []expr.Expr{col}}
	case 6:
		return &expr.Call{Func: "in", Of: boolean, Args: []expr.Expr{col, drawLiteral(t, col.Of), drawLiteral(t, col.Of)}}
	}
	f := rapid.SampledFrom([]string{"eq", "ne", "lt", "le", "gt", "ge"}).Draw(t, "op")
	args := []expr.Expr{col, drawLiteral(t, col.Of)}
	if rapid.Bool().Draw(t, "swap") {
		slices.Reverse(args)
	}
	return &expr.Call{Func: f, Of: boolean, Args: args}
}

func drawLiteral(t *rapid.T, of arrow.DataType) *expr.Literal {
	n := rapid.Int64Range(-7, 7).Draw(t, "literal")
	l := &expr.Literal{Of: of, Value: n}
	switch of.ID() {
	case arrow.FLOAT64:
		l.Value = special(n)
	case arrow.STRING_VIEW:
		l.Value = text(n)
	case arrow.DECIMAL128:
		l.Value = decimal128.FromI64(n)
	default: // an integer
	}
	return l
}

var filterTypes = []arrow.DataType{
	arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64,
	arrow.BinaryTypes.StringView, &arrow.TimestampType{Unit: arrow.Millisecond}, arrow.FixedWidthTypes.Date32,
	&arrow.Decimal128Type{Precision: 7, Scale: 2}, &arrow.Decimal128Type{Precision: 38, Scale: 2},
}

// where returns the lines of the rows of rec for which f is true.
func where(t *rapid.T, f expr.Expr, rec arrow.RecordBatch) []string {
	p, err := expr.CompileFilter(f, rec.Schema(), expr.Env{})
	if err != nil {
		t.Fatal(err)
	}
	sel, err := p.Select(memory.DefaultAllocator, rec, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := lines(rec)
	out := make([]string, 0, len(sel))
	for _, i := range vector.Sel(sel) {
		out = append(out, all[i])
	}
	return out
}

// TestPruneKeepsRows reads files of small pages and row groups with random
// filters: every row for which the filter is true must be there, in order.
func TestPruneKeepsRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := make([]arrow.Field, rapid.IntRange(1, 3).Draw(t, "columns"))
		for i := range fields {
			fields[i] = arrow.Field{
				Name: fmt.Sprintf("c%d", i), Nullable: rapid.Bool().Draw(t, "nullable"),
				Type: rapid.SampledFrom(filterTypes).Draw(t, "type"),
			}
		}
		// A list, to be carried along through what is left out.
		fields = append(fields, arrow.Field{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true})
		schema := arrow.NewSchema(fields, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for range rapid.IntRange(0, 60).Draw(t, "rows") {
			for i, f := range fields {
				fill(t, b.Field(i), f.Nullable)
			}
		}
		rec := b.NewRecordBatch()
		var file bytes.Buffer
		w, err := parquet.NewWriter(&file, schema, parquet.WriterOptions{RowGroupRows: 25, PageRows: 4})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		filter := drawCondition(t, arrow.NewSchema(fields[:len(fields)-1], nil), 3)
		want := where(t, filter, rec)
		r, err := open(t, file.Bytes()).Reader(parquet.ReadOptions{Filter: filter, BatchRows: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var got []string
		for {
			rec, err := r.Next(context.Background())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, where(t, filter, rec)...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("where %v read %q\nwant %q", filter, got, want)
		}
	})
}

// TestPruneLeavesOut counts the rows that are read of a sorted column.
func TestPruneLeavesOut(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range int64(1000) {
		b.Field(0).(*array.Int64Builder).Append(i)
		if i < 500 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringViewBuilder).Append(fmt.Sprintf("%04d", i))
		}
	}
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, schema, parquet.WriterOptions{RowGroupRows: 400, PageRows: 50})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n := &expr.Column{Index: 0, Name: "n", Of: arrow.PrimitiveTypes.Int64}
	s := &expr.Column{Index: 1, Name: "s", Of: arrow.BinaryTypes.StringView}
	lit := func(v any, of arrow.DataType) expr.Expr { return &expr.Literal{Value: v, Of: of} }
	call := func(f string, args ...expr.Expr) expr.Expr {
		return &expr.Call{Func: f, Args: args, Of: arrow.FixedWidthTypes.Boolean}
	}
	for _, c := range []struct {
		filter expr.Expr
		rows   int
	}{
		{call("eq", n, lit(int64(120), n.Of)), 50},
		{call("lt", n, lit(int64(100), n.Of)), 100},
		{call("ge", lit(int64(420), n.Of), n), 450},
		{call("eq", n, lit(int64(5000), n.Of)), 0},
		{call("is_null", s), 500},
		{call("is_not_null", s), 500},
		{call("gt", s, lit("0949", s.Of)), 50},
		{call("and", call("gt", n, lit(int64(110), n.Of)), call("lt", n, lit(int64(190), n.Of))), 100},
		{call("or", call("eq", n, lit(int64(0), n.Of)), call("eq", n, lit(int64(999), n.Of))), 100},
		{call("in", n, lit(int64(60), n.Of), lit(int64(860), n.Of)), 100},
		{lit(nil, arrow.FixedWidthTypes.Boolean), 0},
		{call("upper", s), 1000},
	} {
		r, err := open(t, file.Bytes()).Reader(parquet.ReadOptions{Filter: c.filter})
		if err != nil {
			t.Fatal(err)
		}
		got, err := drain(r)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != c.rows {
			t.Errorf("where %v: %d rows are read, want %d", c.filter, len(got), c.rows)
		}
		r.Close()
	}
}
