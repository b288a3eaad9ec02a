package builtin_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/builtin"
	"github.com/wadi-engine/wadi/ops/calc"
	"github.com/wadi-engine/wadi/ops/changelog"
	"github.com/wadi-engine/wadi/ops/dedup"
	"github.com/wadi-engine/wadi/ops/expand"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/match"
	"github.com/wadi-engine/wadi/ops/materialize"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/ops/over"
	"github.com/wadi-engine/wadi/ops/rank"
	"github.com/wadi-engine/wadi/ops/sort"
	"github.com/wadi-engine/wadi/ops/unnest"
	"github.com/wadi-engine/wadi/ops/window"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// TestRegister builds every kind from a graph that has been a document, with
// the types of its output.
func TestRegister(t *testing.T) {
	in := arrow.NewSchema([]arrow.Field{
		{Name: "ts", Type: arrow.FixedWidthTypes.Timestamp_ms},
		{Name: "k", Type: arrow.PrimitiveTypes.Int64},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)},
		{Name: "s", Type: arrow.BinaryTypes.StringView},
	}, nil)
	count := []agg.Spec{{Func: "count", Filter: -1}}
	k, n := in.Field(1), arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64}
	end := arrow.Field{Name: "e", Type: arrow.FixedWidthTypes.Timestamp_ms}
	configs := map[string]struct {
		config any
		out    []arrow.Field
	}{
		"changelog-normalize": {normalize.Config{Keys: []int{1}}, in.Fields()},
		"calc":                {calc.Config{Exprs: []expr.Doc{{Expr: &expr.Column{Index: 1, Name: "k", Of: k.Type}}}}, []arrow.Field{k}},
		"window-agg":          {window.Config{SizeMillis: 1000, Keys: []int{1}, Aggs: count, Properties: []window.Property{window.End}}, []arrow.Field{k, n, end}},
		"window-assign":       {window.Config{SizeMillis: 1000, Properties: []window.Property{window.End}}, append(in.Fields(), end)},
		"group-agg":           {group.Config{Keys: []int{1}, Aggs: count}, []arrow.Field{k, n}},
		"window-emit":         {group.EmitConfig{Config: group.Config{Keys: []int{1, 0}, Aggs: count}, Time: 1, Width: 4, Pick: []int{0, 2}}, []arrow.Field{k, n}},
		"session-agg":         {window.Config{GapMillis: 1000, Keys: []int{1}, Aggs: count, Properties: []window.Property{window.End}}, []arrow.Field{k, n, end}},
		"session-assign":      {window.Config{GapMillis: 1000, Properties: []window.Property{window.End}}, append(in.Fields(), end)},
		"expand":              {expand.Config{Nulls: [][]int{{}, {1}}}, append(in.Fields(), n)},
		"from-changelog":      {changelog.Config{Column: 3}, in.Fields()[:3]},
		"to-changelog":        {changelog.Config{}, append([]arrow.Field{k}, in.Fields()...)},
		"sink-materialize":    {materialize.Config{Keys: []int{1}}, in.Fields()},
		"sort-limit":          {sort.Config{Keys: []sort.Key{{Column: 1}}, Limit: -1}, in.Fields()},
		"limit":               {sort.LimitConfig{Limit: 3}, in.Fields()},
		"rank":                {rank.Config{Function: rank.RowNumber, From: 1, To: 2, Number: true}, append(in.Fields(), n)},
		"deduplicate":         {dedup.Config{Keys: []int{1}, Last: true}, in.Fields()},
		"match":               {match.Config{Pattern: []match.Part{{Min: 1, Max: 1}}, Define: []*expr.Doc{nil}, Partition: []int{1}}, []arrow.Field{k}},
		"over-table":          {over.Config{Calls: []over.Call{{Spec: agg.Spec{Func: "row_number", Filter: -1}}}}, append(in.Fields(), n)},
		"over-stream":         {over.Config{Order: []over.Key{{}}, Calls: []over.Call{{Spec: agg.Spec{Func: "row_number", Filter: -1}}}}, append(in.Fields(), n)},
		"unnest":              {unnest.Config{Column: 2, Keep: []int{1}}, []arrow.Field{k, n}},
		"union":               {nil, in.Fields()},
		"interval-join":       {join.IntervalConfig{Config: join.Config{Type: join.Inner, LeftKeys: []int{1}, RightKeys: []int{1}}}, append(in.Fields(), in.Fields()...)},
		"window-join":         {join.WindowConfig{Config: join.Config{Type: join.Anti, LeftKeys: []int{0}, RightKeys: []int{0}}}, in.Fields()},
		"temporal-join":       {join.TemporalConfig{Config: join.Config{Type: join.Inner, LeftKeys: []int{1}, RightKeys: []int{1}}}, append(in.Fields(), in.Fields()...)},
		"lookup-join":         {join.LookupConfig{Config: join.Config{Type: join.Left, LeftKeys: []int{1}, RightKeys: []int{1}}, Right: job.Schema{Schema: in}}, append(in.Fields(), in.Fields()...)},
		"reject":              {calc.RejectConfig{}, in.Fields()},
		"lookup-by-key":       {join.ByKeyConfig{Config: join.Config{Type: join.Left, LeftKeys: []int{1}, RightKeys: []int{1}}, Right: job.Schema{Schema: in}, Ask: ops.Asking{Scan: ops.Scan{Table: job.Table{Connector: "asked"}}, By: []int{1}}}, append(in.Fields(), in.Fields()...)},
		"join":                {join.Config{Type: join.Semi, LeftKeys: []int{1}, RightKeys: []int{1}}, in.Fields()},
	}
	r := ops.Registry{Connectors: map[string]*ops.Connector{"asked": {Name: "asked", Lookup: func(context.Context, ops.Asking) (ops.Lookup, error) { return nothing{}, nil }}}}
	builtin.Register(&r)
	if got, want := slices.Sorted(maps.Keys(r.Operators)), slices.Sorted(maps.Keys(configs)); !slices.Equal(got, want) {
		t.Fatalf("kinds %q, want %q", got, want)
	}
	for kind, c := range configs {
		doc, err := json.Marshal(c.config)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(job.Vertex{Name: kind, Kind: kind, Config: doc, Output: job.Schema{Schema: arrow.NewSchema(c.out, nil)}})
		if err != nil {
			t.Fatal(err)
		}
		var v job.Vertex
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		inputs := []*arrow.Schema{in}
		if strings.HasSuffix(kind, "join") && kind != join.LookupKind {
			inputs = append(inputs, in)
		}
		op, err := r.Operator(v, inputs)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if err := op.Close(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// nothing is a table that has no rows.
type nothing struct{}

func (nothing) Find(context.Context, []arrow.Array, func(arrow.RecordBatch) error) error { return nil }
func (nothing) Close() error                                                             { return nil }
