package join_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
)

// asked is a table that remembers what it was asked for. It gives every row that it
// has with an id that is asked for, or one above it, as a database that compares
// loosely does.
type asked struct {
	alloc  memory.Allocator
	schema *arrow.Schema
	rows   map[int64][]string
	fail   error
	log    []string
	closed bool
}

func (a *asked) Find(_ context.Context, keys []arrow.Array, f func(arrow.RecordBatch) error) error {
	if a.fail != nil {
		return a.fail
	}
	ids := slices.Clone(keys[0].(*array.Int64).Int64Values())
	slices.Sort(ids)
	a.log = append(a.log, fmt.Sprint(ids))
	b := array.NewRecordBuilder(a.alloc, a.schema)
	defer b.Release()
	for _, id := range ids {
		for _, k := range []int64{id, id + 1} {
			if k != id && slices.Contains(ids, k) {
				continue
			}
			for _, v := range a.rows[k] {
				b.Field(0).(*array.Int64Builder).Append(k)
				b.Field(1).(*array.StringViewBuilder).Append(v)
			}
		}
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	return f(rec)
}

func (a *asked) Close() error { a.closed = true; return nil }

// byKey is a LEFT JOIN with a table that is asked.
type byKey struct {
	t     *testing.T
	table *asked
	task  *opstest.Task
	got   []string
	alloc *memory.CheckedAllocator
	left  *arrow.Schema
}

func newByKey(t *testing.T, cache *ops.LookupCache, how join.Type) *byKey {
	t.Helper()
	long, text := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.StringView
	x := &byKey{t: t, alloc: memory.NewCheckedAllocator(memory.NewGoAllocator())}
	x.left = arrow.NewSchema([]arrow.Field{{Name: "k", Type: long, Nullable: true}}, nil)
	right := arrow.NewSchema([]arrow.Field{{Name: "id", Type: long, Nullable: true}, {Name: "v", Type: text, Nullable: true}}, nil)
	x.table = &asked{alloc: x.alloc, schema: right, rows: map[int64][]string{1: {"a value that is long", "x"}, 2: {"y"}}}
	doc, err := json.Marshal(join.ByKeyConfig{
		Config: join.Config{Type: how, LeftKeys: []int{0}, RightKeys: []int{0}}, Right: job.Schema{Schema: right}, Cache: cache,
		Ask: ops.Asking{Scan: ops.Scan{Table: job.Table{Connector: "asked"}}, By: []int{0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	build := join.ByKeyWith(&ops.Registry{Connectors: map[string]*ops.Connector{
		"asked": {Name: "asked", Lookup: func(context.Context, ops.Asking) (ops.Lookup, error) { return x.table, nil }},
	}})
	op, err := build(job.Vertex{Name: "lookup", Config: doc}, []*arrow.Schema{x.left})
	if err != nil {
		t.Fatal(err)
	}
	if x.task, err = opstest.NewTask(t.Context(), op, x.alloc); err != nil {
		t.Fatal(err)
	}
	x.task.Emitted = func(_ ops.Port, b *stream.Batch) error {
		for i := range b.Len() {
			x.got = append(x.got, b.Rows.Column(0).ValueStr(i)+" "+b.Rows.Column(2).ValueStr(i))
		}
		b.Release()
		return nil
	}
	return x
}

// rows joins a batch of keys and a NULL, and compares what comes out and what was asked.
func (x *byKey) rows(keys []int64, want, asked []string) {
	x.t.Helper()
	b := array.NewRecordBuilder(x.alloc, x.left)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(keys, nil)
	b.Field(0).AppendNull()
	x.got, x.table.log = nil, nil
	if err := x.task.Batch(x.t.Context(), 0, stream.NewBatch(b.NewRecordBatch())); err != nil {
		x.t.Fatal(err)
	}
	slices.Sort(x.got)
	slices.Sort(want)
	if !slices.Equal(x.got, want) || !slices.Equal(x.table.log, asked) {
		x.t.Errorf("keys %v: got %q, want %q; asked %q, want %q", keys, x.got, want, x.table.log, asked)
	}
}

func (x *byKey) tick(seconds int64) {
	x.t.Helper()
	if err := x.task.Tick(x.t.Context(), stream.Timestamp(seconds*1000)); err != nil {
		x.t.Fatal(err)
	}
}

func (x *byKey) close() {
	x.t.Helper()
	if err := x.task.Close(); err != nil {
		x.t.Fatal(err)
	}
	if !x.table.closed {
		x.t.Error("the table is not closed")
	}
	x.alloc.AssertSize(x.t, 0)
}

// TestByKey: each batch asks once, for each of its keys once, and sees the table as it
// is then.
func TestByKey(t *testing.T) {
	x := newByKey(t, nil, join.Left)
	x.rows([]int64{1, 2, 1, 3}, []string{"1 a value that is long", "1 x", "1 a value that is long", "1 x", "2 y", "3 (null)", "(null) (null)"}, []string{"[1 2 3]"})
	x.table.rows = map[int64][]string{3: {"z"}}
	x.rows([]int64{1, 3}, []string{"1 (null)", "3 z", "(null) (null)"}, []string{"[1 3]"})
	x.rows(nil, []string{"(null) (null)"}, nil)
	x.table.fail = errors.New("gone")
	b := array.NewRecordBuilder(x.alloc, x.left)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(1)
	if err := x.task.Batch(t.Context(), 0, stream.NewBatch(b.NewRecordBatch())); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Error(err)
	}
	x.close()
	x = newByKey(t, nil, join.Inner)
	x.rows([]int64{2, 3}, []string{"2 y"}, []string{"[2 3]"})
	x.close()
}

// TestByKeyCache: what was found is kept for a while, as much as is allowed of it.
func TestByKeyCache(t *testing.T) {
	x := newByKey(t, &ops.LookupCache{AfterWriteMillis: 10_000, Missing: true}, join.Left)
	x.tick(100)
	x.rows([]int64{2, 3}, []string{"2 y", "3 (null)", "(null) (null)"}, []string{"[2 3]"})
	x.table.rows = map[int64][]string{2: {"new"}, 3: {"there"}}
	x.rows([]int64{2, 3}, []string{"2 y", "3 (null)", "(null) (null)"}, nil)
	x.tick(109)
	x.rows([]int64{2, 1}, []string{"2 y", "1 (null)", "(null) (null)"}, []string{"[1]"})
	x.tick(110)
	x.rows([]int64{2, 3, 1}, []string{"2 new", "3 there", "1 (null)", "(null) (null)"}, []string{"[2 3]"})
	x.tick(200)
	x.rows([]int64{2}, []string{"2 new", "(null) (null)"}, []string{"[2]"})
	x.close()

	x = newByKey(t, &ops.LookupCache{AfterAccessMillis: 10_000}, join.Left)
	for i := range int64(5) { // it stays while it is used; a key without rows is not kept
		want := []string{"[2 3]"}
		if i > 0 {
			want = []string{"[3]"}
		}
		x.tick(100 + 9*i)
		x.rows([]int64{2, 3}, []string{"2 y", "3 (null)", "(null) (null)"}, want)
	}
	x.tick(146)
	x.rows([]int64{2}, []string{"2 y", "(null) (null)"}, []string{"[2]"})
	x.close()

	x = newByKey(t, &ops.LookupCache{MaxKeys: 2, Missing: true}, join.Left)
	x.rows([]int64{1}, []string{"1 a value that is long", "1 x", "(null) (null)"}, []string{"[1]"})
	x.rows([]int64{2}, []string{"2 y", "(null) (null)"}, []string{"[2]"})
	x.rows([]int64{1}, []string{"1 a value that is long", "1 x", "(null) (null)"}, nil)
	x.rows([]int64{3}, []string{"3 (null)", "(null) (null)"}, []string{"[3]"}) // 2 goes
	x.rows([]int64{1, 3}, []string{"1 a value that is long", "1 x", "3 (null)", "(null) (null)"}, nil)
	x.rows([]int64{2}, []string{"2 y", "(null) (null)"}, []string{"[2]"})
	x.rows([]int64{4, 5, 6, 7}, []string{"4 (null)", "5 (null)", "6 (null)", "7 (null)", "(null) (null)"}, []string{"[4 5 6 7]"})
	x.close()
}
