package calc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/calc"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

var compared = map[string]bool{"eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true, "and": true, "or": true}

// parse reads an expression of prefix calls over columns: add(a, 1).
func parse(text string, in *arrow.Schema) (expr.Expr, error) {
	text = strings.TrimSpace(text)
	if name, rest, ok := strings.Cut(text, "("); ok {
		var args []expr.Expr
		for _, a := range opstest.Words(strings.TrimSuffix(rest, ")")) {
			e, err := parse(a, in)
			if err != nil {
				return nil, err
			}
			args = append(args, e)
		}
		of := args[0].Type()
		if compared[name] {
			of = arrow.FixedWidthTypes.Boolean
		}
		return &expr.Call{Func: name, Args: args, Of: of}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return &expr.Literal{Value: n, Of: arrow.PrimitiveTypes.Int64}, nil
	}
	c, err := opstest.Column(in, text)
	if err != nil {
		return nil, err
	}
	return &expr.Column{Index: c, Name: text, Of: in.Field(c).Type}, nil
}

func config(filter, exprs string, in *arrow.Schema) (json.RawMessage, error) {
	var c calc.Config
	if filter != "" {
		e, err := parse(filter, in)
		if err != nil {
			return nil, err
		}
		c.Filter = expr.NewDoc(e)
	}
	for _, text := range opstest.Words(exprs) {
		e, err := parse(text, in)
		if err != nil {
			return nil, err
		}
		c.Exprs = append(c.Exprs, expr.Doc{Expr: e})
	}
	return json.Marshal(c)
}

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "where", "select")
		if err != nil {
			return opstest.Case{}, err
		}
		doc, err := config(set["where"], set["select"], in)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "calc", Kind: calc.Kind, Config: doc}
		return opstest.Case{New: func() (ops.Operator, error) { return calc.New(v, []*arrow.Schema{in}) }, Keys: []int{0}}, nil
	})
}

// TestMarksAndColumns checks what text does not show: marks are remapped, and
// columns that are only picked are the input's own.
func TestMarksAndColumns(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	for _, c := range []struct{ where, marks, same string }{
		{"", "[{1 10} {4 20}]", "true"},
		{"ge(a, 0)", "[{1 10} {4 20}]", "true"},
		{"gt(a, 1)", "[{0 10} {2 20}]", "false"},
	} {
		doc, err := config(c.where, "a", schema)
		if err != nil {
			t.Fatal(err)
		}
		op, err := calc.New(job.Vertex{Config: doc}, []*arrow.Schema{schema})
		if err != nil {
			t.Fatal(err)
		}
		task, err := opstest.NewTask(context.Background(), op, alloc)
		if err != nil {
			t.Fatal(err)
		}
		rb := array.NewRecordBuilder(alloc, schema)
		rb.Field(0).(*array.Int64Builder).AppendValues([]int64{0, 1, 2, 3}, nil)
		b := stream.NewBatch(rb.NewRecordBatch())
		rb.Release()
		b.Marks = []stream.Mark{{Row: 1, Time: 10}, {Row: 4, Time: 20}}
		data := b.Rows.Column(0).Data()
		task.Emitted = func(_ ops.Port, got *stream.Batch) error {
			defer got.Release()
			var marks []string
			for _, m := range got.Marks {
				marks = append(marks, fmt.Sprintf("{%d %d}", m.Row, m.Time))
			}
			if s := "[" + strings.Join(marks, " ") + "]"; s != c.marks {
				t.Errorf("%s: marks %s, want %s", c.where, s, c.marks)
			}
			if same := fmt.Sprint(got.Rows.Column(0).Data() == data); same != c.same {
				t.Errorf("%s: same column %s, want %s", c.where, same, c.same)
			}
			return nil
		}
		if err := task.Batch(context.Background(), 0, b); err != nil {
			t.Fatal(err)
		}
		if err := task.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
