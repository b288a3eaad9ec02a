package hashtable_test

import (
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
)

// TestPaged counts keys in a table of which little is in memory.
func TestPaged(t *testing.T) {
	pool := mem.New(mem.Options{})
	if err := pool.SetPaging(mem.Paging{Resident: 4 << 20, Dirs: []string{t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"int64", "string"} {
		t.Run(kind, func(t *testing.T) {
			batches := benchBatches(kind, 300_000)[:24]
			types := []arrow.DataType{batches[0][0].DataType()}
			table, err := hashtable.New(hashtable.Options{Pool: pool}, types, 8)
			if err != nil {
				t.Fatal(err)
			}
			defer table.Free()
			want := map[string]uint64{}
			gids := make([]uint32, batchRows)
			for _, cols := range batches {
				table.FindOrInsert(cols, nil, gids)
				for i, g := range gids {
					*table.Word(g)++
					want[arraytest.Show(cols[0], i)]++
				}
			}
			if !pool.Cold() || table.Len() != len(want) {
				t.Fatalf("%d keys, want %d; cold %v", table.Len(), len(want), pool.Cold())
			}
			all := table.Live(nil)
			keys := table.Keys(memory.DefaultAllocator, all)[0]
			for i, g := range all {
				if k := arraytest.Show(keys, i); *table.Word(g) != want[k] {
					t.Fatalf("key %s counts %d, want %d", k, *table.Word(g), want[k])
				}
			}
		})
	}
	if pool.AllocatedBytes() != 0 {
		t.Errorf("%d bytes are left", pool.AllocatedBytes())
	}
}

// TestOrder inserts rows in their order and finds them in the order of their
// rows: equal keys together, in the order in which they came.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		arraytest.Checked(rt, func(alloc memory.Allocator) {
			types := rapid.SampledFrom([][]arrow.DataType{
				{arrow.PrimitiveTypes.Int64},
				{arrow.BinaryTypes.StringView},
				{arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.StringView, &arrow.Decimal128Type{Precision: 20, Scale: 2}},
			}).Draw(rt, "types")
			n := rapid.IntRange(1, 2000).Draw(rt, "rows")
			cols := make([]arrow.Array, len(types))
			for i, dt := range types {
				cols[i] = arraytest.Draw(rt, alloc, dt, n)
				defer cols[i].Release()
			}
			o, err := hashtable.NewOrder(types)
			if err != nil {
				rt.Fatal(err)
			}
			sel := o.Sort(nil, cols)
			table, err := hashtable.New(hashtable.Options{}, types, int(unsafe.Sizeof(uint64(0))))
			if err != nil {
				rt.Fatal(err)
			}
			defer table.Free()
			gids := make([]uint32, n)
			table.FindOrInsert(cols, sel, gids)
			seen := make(vector.Sel, n)
			last := map[uint32]uint32{}
			for i, r := range sel {
				seen[r]++
				if before, ok := last[gids[i]]; ok && before > r {
					rt.Fatalf("row %d comes behind row %d, which has its key", before, r)
				}
				last[gids[i]] = r
			}
			for r, k := range seen {
				if k != 1 {
					rt.Fatalf("row %d comes %d times", r, k)
				}
			}
		})
	})
}
