// Package restore runs operators on the engine's own state backend.
package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/builtin"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/sort"
	"github.com/wadi-engine/wadi/ops/window"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/agg"
)

const keyGroups = 16

var rows = arrow.NewSchema([]arrow.Field{
	{Name: "ts", Type: arrow.FixedWidthTypes.Timestamp_ms},
	{Name: "k", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "v", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "d", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true},
}, nil)

// files is a checkpoint.Store in memory.
type files map[string][]byte

func (f files) Get(_ context.Context, name string) ([]byte, error)             { return f[name], nil }
func (f files) GetRange(context.Context, string, int64, int64) ([]byte, error) { panic("unused") }
func (f files) Put(_ context.Context, name string, data []byte) error          { f[name] = data; return nil }
func (f files) PutIfAbsent(context.Context, string, []byte) (bool, error)      { panic("unused") }
func (f files) List(context.Context, string) ([]string, error)                 { panic("unused") }
func (f files) Delete(context.Context, string) error                           { panic("unused") }

// task is the Runtime and the Output of one incarnation of an operator.
type task struct {
	ops.Operator
	alloc memory.Allocator
	state *state.Memory
	wm    stream.Timestamp
	out   *[]string
}

func (t *task) Task() ops.TaskInfo {
	return ops.TaskInfo{UID: "op", Parallelism: 1, Groups: keyGroups, KeyGroups: stream.RangeOf(keyGroups, 1, 0)}
}
func (t *task) Table(spec ops.TableSpec) (ops.Table, error) { return t.state.Table("op", spec) }
func (t *task) Durable() bool                               { return true }
func (t *task) Watermark() stream.Timestamp                 { return t.wm }
func (t *task) Allocator() memory.Allocator                 { return t.alloc }
func (t *task) Counter(string) ops.Counter                  { return none{} }

type none struct{}

func (none) Add(int64) {}

func (t *task) Emit(_ context.Context, p ops.Port, b *stream.Batch) error {
	defer b.Release()
	for i := range b.Len() {
		line := fmt.Sprint(p, b.Kind(i))
		for _, c := range b.Rows.Columns() {
			line += " " + c.ValueStr(i)
		}
		*t.out = append(*t.out, line)
	}
	return nil
}

// run feeds epochs of random rows to the operator of v; with restarts set it
// begins again from the checkpoint after each, with others in turn.
func run(t *testing.T, v job.Vertex, restarts bool, others ...job.Vertex) []string {
	ctx := context.Background()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	var registry ops.Registry
	builtin.Register(&registry)
	rnd := rand.New(rand.NewPCG(7, 7))
	var out []string
	var tables []checkpoint.TableState
	store, wm := files{}, stream.Start
	var cur *task
	inputs := []*arrow.Schema{rows}
	if v.Kind == join.Kind {
		inputs = append(inputs, rows)
	}
	turns := append([]job.Vertex{v}, others...)
	begin := func() {
		v := turns[0]
		turns = append(turns[1:], v)
		op, err := registry.Operator(v, inputs)
		if err != nil {
			t.Fatal(err)
		}
		cur = &task{Operator: op, alloc: alloc, wm: wm, out: &out, state: state.NewMemory(state.Options{
			Generation: 1, Groups: stream.RangeOf(keyGroups, 1, 0), KeyGroups: keyGroups, Durable: true,
			Restored: tables, Store: store, Allocator: alloc,
		})}
		if err := op.Open(ctx, cur); err != nil {
			t.Fatal(err)
		}
	}
	end := func() {
		if err := errors.Join(cur.Close(), cur.state.Close()); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	for e := stream.Epoch(1); e <= 12; e++ {
		if err := cur.Process(ctx, int(e)%len(inputs), batch(alloc, rnd, int64(e)), cur); err != nil {
			t.Fatal(err)
		}
		wm = stream.Timestamp(int64(e)*1000 - 1500)
		if e == 12 {
			wm = stream.End
		}
		if err := errors.Join(cur.Advance(ctx, stream.Watermark{Time: wm}, cur), cur.Flush(ctx, e, cur)); err != nil {
			t.Fatal(err)
		}
		frozen, err := cur.state.Freeze(e)
		if err != nil {
			t.Fatal(err)
		}
		if tables, err = frozen.Upload(ctx, store); err != nil {
			t.Fatal(err)
		}
		frozen.Release()
		cur.state.Confirm(e)
		if restarts {
			end()
			begin()
		}
	}
	end()
	slices.Sort(out)
	return out
}

func batch(alloc memory.Allocator, rnd *rand.Rand, e int64) *stream.Batch {
	rb := array.NewRecordBuilder(alloc, rows)
	defer rb.Release()
	for range 200 {
		rb.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(e*1000 + rnd.Int64N(3000) - 2000))
		if rnd.IntN(9) == 0 {
			rb.Field(1).AppendNull()
		} else {
			rb.Field(1).(*array.StringViewBuilder).Append(fmt.Sprintf("%0*d", 1+rnd.IntN(2)*20, rnd.IntN(9)))
		}
		rb.Field(2).(*array.Int32Builder).Append(int32(rnd.IntN(50)))
		if rnd.IntN(9) == 0 {
			rb.Field(3).AppendNull()
		} else {
			rb.Field(3).(*array.Decimal128Builder).Append(decimal128.FromI64(rnd.Int64N(1000)))
		}
	}
	return stream.NewBatch(rb.NewRecordBatch())
}

func TestRestore(t *testing.T) {
	aggs := []agg.Spec{
		{Func: "count", Filter: -1},
		{Func: "sum", Args: []int{2}, Filter: -1},
		{Func: "avg", Args: []int{3}, Filter: -1},
		{Func: "min", Args: []int{3}, Filter: -1},
		{Func: "max", Args: []int{1}, Filter: -1},
		{Func: "count", Args: []int{2}, Distinct: true, Filter: -1},
		{Func: "last_value", Args: []int{2}, Filter: -1},
	}
	retractable := aggs[:len(aggs)-1]
	for name, c := range map[string]struct {
		kind   string
		config any
	}{
		"tumble":   {window.Kind, window.Config{SizeMillis: 1000, Keys: []int{1}, Aggs: aggs, Properties: []window.Property{window.End}}},
		"hop":      {window.Kind, window.Config{SizeMillis: 3000, SlideMillis: 1000, Keys: []int{1}, Aggs: aggs, Properties: []window.Property{window.End}}},
		"shared":   {window.Kind, window.Config{SizeMillis: 300, SlideMillis: 100, Keys: []int{1}, Aggs: aggs, Properties: []window.Property{window.End}, OwnPanes: 2}},
		"global":   {window.Kind, window.Config{SizeMillis: 1000, Aggs: aggs, Properties: []window.Property{window.End}}},
		"updates":  {group.Kind, group.Config{Keys: []int{1}, Aggs: aggs, UpdateBefore: true}},
		"changes":  {group.Kind, group.Config{Keys: []int{1}, Aggs: retractable, UpdateBefore: true, Changelog: true}},
		"one":      {group.Kind, group.Config{Aggs: aggs}},
		"final":    {group.Kind, group.Config{Keys: []int{1}, Aggs: aggs, FinalOnly: true}},
		"distinct": {group.Kind, group.Config{Keys: []int{1, 2}}},
		"sort":     {sort.Kind, sort.Config{Keys: []sort.Key{{Column: 2, Desc: true}, {Column: 1}}, Limit: 100}},
		"limit":    {sort.LimitKind, sort.LimitConfig{Offset: 300, Limit: 700}},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := json.Marshal(c.config)
			if err != nil {
				t.Fatal(err)
			}
			v := job.Vertex{Name: name, Kind: c.kind, Config: doc}
			want, got := run(t, v, false), run(t, v, true)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%d rows with restarts, %d without; first of each:\n%q\n%q", len(got), len(want), first(got, want), first(want, got))
			}
		})
	}
}

// first is the first of a that is not in b.
func first(a, b []string) string {
	for _, x := range a {
		if !slices.Contains(b, x) {
			return x
		}
	}
	return ""
}
