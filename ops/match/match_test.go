package match_test

import (
	"encoding/json"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/match"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// The operator is tested with two patterns over (k, v, ts): falling values and
// then a rise, and pairs within ten seconds.
func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "fall", "pair", "all")
		if err != nil {
			return opstest.Case{}, err
		}
		c := fall(in)
		if _, ok := set["pair"]; ok {
			c = pair(in)
		}
		if _, ok := set["all"]; ok {
			c.Partition = nil
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "match", Kind: match.Kind, Config: doc, Output: job.Schema{Schema: output(in, c)}}
		return opstest.Case{
			New:      func() (ops.Operator, error) { return match.New(v, []*arrow.Schema{in}) },
			Keys:     c.Partition,
			NullFree: c.WithinMillis > 0,
		}, nil
	})
}

func output(in *arrow.Schema, c match.Config) *arrow.Schema {
	var fields []arrow.Field
	for _, k := range c.Partition {
		fields = append(fields, in.Field(k))
	}
	for _, m := range c.Measures {
		fields = append(fields, arrow.Field{Name: "m", Type: m.Type(), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

func column(in *arrow.Schema, i int) expr.Expr {
	return &expr.Column{Index: i, Name: in.Field(i).Name, Of: in.Field(i).Type}
}

func reference(i int) expr.Expr {
	return &expr.Column{Index: 3 + i, Name: "ref", Of: arrow.PrimitiveTypes.Int64}
}

func call(fn string, args ...expr.Expr) expr.Expr {
	return &expr.Call{Func: fn, Args: args, Of: arrow.FixedWidthTypes.Boolean}
}

// fall is PATTERN (D{2,} U) DEFINE D AS LAST(D.v, 1) IS NULL OR v < LAST(D.v, 1), U AS v > LAST(D.v)
// MEASURES FIRST(D.v), LAST(D.v), U.v, SUM(D.v), COUNT(*), SKIP TO LAST U.
func fall(in *arrow.Schema) match.Config {
	const d, u = 1, 2
	v := column(in, 1)
	return match.Config{
		Partition: []int{0},
		Pattern:   []match.Part{{Var: 0, Min: 2, Max: -1, Greedy: true}, {Var: 1, Min: 1, Max: 1}},
		Refs: []match.Ref{
			{Vars: d, Offset: 1, Column: 1},
			{Vars: d, Column: 1},
			{Vars: d, First: true, Column: 1},
			{Vars: u, Column: 1},
			{Vars: d, Agg: &agg.Spec{Func: "sum", Args: []int{1}, Filter: -1}},
			{Vars: d | u, Agg: &agg.Spec{Func: "count", Filter: -1}},
		},
		Define: []*expr.Doc{
			expr.NewDoc(call("or", call("is_null", reference(0)), call("lt", v, reference(0)))),
			expr.NewDoc(call("gt", v, reference(1))),
		},
		Measures: []expr.Doc{{Expr: reference(2)}, {Expr: reference(1)}, {Expr: reference(3)}, {Expr: reference(4)}, {Expr: reference(5)}},
		Skip:     match.ToLast, SkipVar: 1,
	}
}

// pair is PATTERN (A X*? B) WITHIN 10 s DEFINE A AS v = 1, B AS v = 2 MEASURES A.v, B.v, COUNT(*), SKIP TO NEXT ROW.
func pair(in *arrow.Schema) match.Config {
	number := func(n int64) expr.Expr { return &expr.Literal{Value: n, Of: arrow.PrimitiveTypes.Int64} }
	v := column(in, 1)
	return match.Config{
		Partition: []int{0},
		Pattern:   []match.Part{{Var: 0, Min: 1, Max: 1}, {Var: 1, Min: 0, Max: -1}, {Var: 2, Min: 1, Max: 1}},
		Refs: []match.Ref{
			{Vars: 1, Column: 1},
			{Vars: 4, Column: 1},
			{Vars: 7, Agg: &agg.Spec{Func: "count", Filter: -1}},
		},
		Define:   []*expr.Doc{expr.NewDoc(call("eq", v, number(1))), nil, expr.NewDoc(call("eq", v, number(2)))},
		Measures: []expr.Doc{{Expr: reference(0)}, {Expr: reference(1)}, {Expr: reference(2)}},
		Skip:     match.ToNext, WithinMillis: 10_000, Time: 2,
	}
}
