package join_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// pair is a row of either input: a key, of which -1 is NULL, and a value.
type pair struct{ k, v int64 }

func (p pair) String() string {
	if p.k < 0 {
		return fmt.Sprintf("NULL %d", p.v)
	}
	return fmt.Sprintf("%d %d", p.k, p.v)
}

// nested joins two lists by loops: the reference.
func nested(c join.Config, left, right []pair) map[string]int {
	out := map[string]int{}
	matched := make([]bool, len(right))
	for _, l := range left {
		found := false
		for i, r := range right {
			if len(c.LeftKeys) > 0 && (l.k != r.k || l.k < 0) || c.Condition != nil && l.v >= r.v {
				continue
			}
			found, matched[i] = true, true
			if c.Type != join.Semi && c.Type != join.Anti {
				out[l.String()+" "+r.String()]++
			}
		}
		switch {
		case c.Type == join.Semi && found, c.Type == join.Anti && !found:
			out[l.String()]++
		case (c.Type == join.Left || c.Type == join.Full) && !found:
			out[l.String()+" NULL NULL"]++
		}
	}
	for i, r := range right {
		if (c.Type == join.Right || c.Type == join.Full) && !matched[i] {
			out["NULL NULL "+r.String()]++
		}
	}
	return out
}

// TestAgainstNestedLoops joins random changelogs and compares, after every batch,
// the table that the output describes with the reference; of a final join, at the
// end.
func TestAgainstNestedLoops(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "v", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	rapid.Check(t, func(t *rapid.T) {
		c := join.Config{
			Type:        rapid.SampledFrom([]join.Type{join.Inner, join.Left, join.Right, join.Full, join.Semi, join.Anti}).Draw(t, "type"),
			LeftChanges: true, RightChanges: true, FinalOnly: rapid.Bool().Draw(t, "final"),
		}
		if rapid.Bool().Draw(t, "keys") {
			c.LeftKeys, c.RightKeys = []int{0}, []int{0}
		}
		if rapid.Bool().Draw(t, "condition") {
			c.Condition = expr.NewDoc(&expr.Call{Func: "lt", Of: arrow.FixedWidthTypes.Boolean, Args: []expr.Expr{
				&expr.Column{Index: 1, Of: schema.Field(1).Type}, &expr.Column{Index: 3, Of: schema.Field(1).Type},
			}})
		}
		doc, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		op, err := join.New(job.Vertex{Config: doc}, []*arrow.Schema{schema, schema})
		if err != nil {
			t.Fatal(err)
		}
		task, err := opstest.NewTask(t.Context(), op, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		defer task.Close()
		table := map[string]int{}
		task.Emitted = func(_ ops.Port, b *stream.Batch) error {
			apply(table, b)
			return nil
		}
		var rows [2][]pair
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			input := rapid.IntRange(0, 1).Draw(t, "input")
			b := draw(t, schema, &rows[input])
			if err := task.Batch(context.Background(), input, b); err != nil {
				t.Fatal(err)
			}
			if !c.FinalOnly {
				same(t, table, nested(c, rows[0], rows[1]))
			}
		}
		if err := task.Advance(context.Background(), stream.End); err != nil {
			t.Fatal(err)
		}
		same(t, table, nested(c, rows[0], rows[1]))
	})
}

// draw draws a batch of rows that come and rows that leave.
func draw(t *rapid.T, schema *arrow.Schema, rows *[]pair) *stream.Batch {
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rb.Release()
	var kinds []stream.RowKind
	for range rapid.IntRange(1, 8).Draw(t, "rows") {
		p := pair{rapid.Int64Range(-1, 3).Draw(t, "k"), rapid.Int64Range(0, 3).Draw(t, "v")}
		kind := stream.Insert
		if n := len(*rows); n > 0 && rapid.Bool().Draw(t, "delete") {
			at := rapid.IntRange(0, n-1).Draw(t, "which")
			kind, p = stream.Delete, (*rows)[at]
			*rows = append((*rows)[:at:at], (*rows)[at+1:]...)
		} else {
			*rows = append(*rows, p)
		}
		kinds = append(kinds, kind)
		if rb.Field(1).(*array.Int64Builder).Append(p.v); p.k < 0 {
			rb.Field(0).AppendNull()
		} else {
			rb.Field(0).(*array.Int64Builder).Append(p.k)
		}
	}
	b := stream.NewBatch(rb.NewRecordBatch())
	b.Kinds = kinds
	return b
}

func apply(table map[string]int, b *stream.Batch) {
	defer b.Release()
	for i := range b.Len() {
		text := ""
		for _, col := range b.Rows.Columns() {
			if v := col.ValueStr(i); col.IsNull(i) {
				text += " NULL"
			} else {
				text += " " + v
			}
		}
		if b.Kind(i).Retracts() {
			table[text[1:]]--
		} else {
			table[text[1:]]++
		}
	}
}

func same(t *rapid.T, got, want map[string]int) {
	for row, n := range got {
		if n != want[row] {
			t.Fatalf("%q is there %d times, want %d", row, n, want[row])
		}
	}
	for row, n := range want {
		if n != got[row] {
			t.Fatalf("%q is there %d times, want %d", row, got[row], n)
		}
	}
}
