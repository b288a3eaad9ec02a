package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// ranged is a store in memory that notes what is read.
type ranged struct {
	checkpoint.Store
	files map[string][]byte
	reads []string
	bytes int64
}

func (r *ranged) Put(_ context.Context, name string, data []byte) error {
	r.files[name] = slices.Clone(data)
	return nil
}

func (r *ranged) Get(_ context.Context, name string) ([]byte, error) {
	r.reads, r.bytes = append(r.reads, "all"), r.bytes+int64(len(r.files[name]))
	return r.files[name], nil
}

func (r *ranged) GetRange(_ context.Context, name string, at, n int64) ([]byte, error) {
	r.reads, r.bytes = append(r.reads, "range"), r.bytes+n
	return r.files[name][at : at+n], nil
}

// TestParts: of a long run, a task that has some of its key groups reads only what
// holds them, with two requests at most, and notices damage in it.
func TestParts(t *testing.T) {
	const rows, groups = 20_000, 64
	schema := arrow.NewSchema([]arrow.Field{{Name: "k", Type: arrow.PrimitiveTypes.Int64}, {Name: "v", Type: arrow.PrimitiveTypes.Int64}}, nil)
	spec := ops.TableSpec{Name: "t", Schema: schema, Keys: 1, Partition: 1}
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	store := &ranged{files: map[string][]byte{}}
	all := stream.KeyGroupRange{End: groups}
	options := state.Options{Groups: all, KeyGroups: groups, Durable: true, Store: store, Allocator: alloc, PartRows: 1000, PieceRows: 100}
	whole := func() checkpoint.TableState {
		m := state.NewMemory(options)
		defer m.Close()
		table, err := m.Table("op", spec)
		if err != nil {
			t.Fatal(err)
		}
		b := array.NewRecordBuilder(alloc, schema)
		defer b.Release()
		for i := range int64(rows) {
			b.Field(0).(*array.Int64Builder).Append(i)
			b.Field(1).(*array.Int64Builder).Append(-i)
		}
		rec := b.NewRecordBatch()
		defer rec.Release()
		if err := table.Upsert(rec); err != nil {
			t.Fatal(err)
		}
		f, err := m.Freeze(1)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Release()
		states, err := f.Upload(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		return states[0]
	}()
	run := whole.Runs[0]
	if n := len(run.Parts); n < 10 || n > 20 {
		t.Fatalf("%d parts of %d rows", n, rows)
	}
	restore := func(g stream.KeyGroupRange) (found int, err error) {
		store.reads, store.bytes = nil, 0
		o := options
		o.Groups, o.Restored = g, []checkpoint.TableState{whole}
		m := state.NewMemory(o)
		defer m.Close()
		table, err := m.Table("op", spec)
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range table.Scan(t.Context()) {
			if err != nil {
				return found, err
			}
			found += int(rec.NumRows())
		}
		return found, nil
	}
	total := 0
	for i := range 8 {
		n, err := restore(stream.RangeOf(groups, 8, i))
		if err != nil {
			t.Fatal(err)
		}
		if total += n; n == 0 || len(store.reads) > 2 || slices.Contains(store.reads, "all") || store.bytes > run.Bytes/3 {
			t.Errorf("task %d: %d rows, by %v, %d of %d bytes", i, n, store.reads, store.bytes, run.Bytes)
		}
	}
	if n, err := restore(all); err != nil || n != rows || total != rows || fmt.Sprint(store.reads) != "[all]" {
		t.Errorf("%d rows and %d, want %d; %v %v", total, n, rows, store.reads, err)
	}
	part := run.Parts[3]
	store.files[run.File][part.At+part.Bytes/2] ^= 1
	if _, err := restore(part.Groups); !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("damage: %v", err)
	}
	if n, err := restore(run.Parts[6].Groups); err != nil || n == 0 {
		t.Errorf("damage elsewhere: %d rows, %v", n, err)
	}
}
