package hashtable_test

import (
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
)

// model is a table as a map from the key's encoding, beside the table.
type model struct {
	table *hashtable.Table
	types []arrow.DataType
	rows  map[string]*row
	dirty map[uint32]bool
}

type row struct {
	gid   uint32
	count int64
}

func (m *model) count(gid uint32) *int64 {
	return (*int64)(unsafe.Add(m.table.Row(gid), m.table.AccOffset()))
}

// draw draws key columns and a selection, and the selected row numbers.
func (m *model) draw(t *rapid.T, alloc memory.Allocator) (cols []arrow.Array, sel vector.Sel, rows vector.Sel) {
	n := arraytest.DrawRows(t)
	for _, dt := range m.types {
		cols = append(cols, arraytest.Draw(t, alloc, dt, n))
	}
	sel = arraytest.DrawSel(t, n)
	rows = sel
	if sel == nil {
		rows = vector.All(nil, n)
	}
	return cols, sel, rows
}

func (m *model) insert(t *rapid.T, cols []arrow.Array, sel, rows vector.Sel) {
	gids := make([]uint32, len(rows))
	inserted := map[uint32]bool{}
	for _, g := range m.table.FindOrInsert(cols, sel, gids) {
		if inserted[g] {
			t.Fatalf("gid %d inserted twice", g)
		}
		if *m.count(g) != 0 {
			t.Fatalf("gid %d begins with dirty accumulators", g)
		}
		inserted[g] = true
	}
	used := map[uint32]bool{}
	for _, r := range m.rows {
		used[r.gid] = true
	}
	for i, r := range rows {
		key := string(vector.AppendKey(nil, cols, int(r)))
		old := m.rows[key]
		if old == nil {
			if !inserted[gids[i]] || used[gids[i]] {
				t.Fatalf("new key %x has gid %d", key, gids[i])
			}
			delete(inserted, gids[i])
			used[gids[i]] = true
			old = &row{gid: gids[i]}
			m.rows[key] = old
		}
		if old.gid != gids[i] {
			t.Fatalf("key %x has gid %d, want %d", key, gids[i], old.gid)
		}
		old.count++
		*m.count(gids[i])++
		m.dirty[gids[i]] = true
	}
	m.table.Mark(gids)
	if len(inserted) > 0 {
		t.Fatalf("inserted without a row: %v", inserted)
	}
}

func (m *model) find(t *rapid.T, cols []arrow.Array, sel, rows vector.Sel) {
	gids := make([]uint32, len(rows))
	m.table.Find(cols, sel, gids)
	for i, r := range rows {
		want := hashtable.None
		if old := m.rows[string(vector.AppendKey(nil, cols, int(r)))]; old != nil {
			want = old.gid
		}
		if gids[i] != want {
			t.Fatalf("row %d has gid %d, want %d", r, gids[i], want)
		}
	}
}

func (m *model) delete(t *rapid.T) {
	share := rapid.SampledFrom([]int{10, 50, 100}).Draw(t, "deleted %")
	rnd := arraytest.NewRand(rapid.Uint64().Draw(t, "seed"))
	var gids []uint32
	keys := make([]string, 0, len(m.rows))
	for k := range m.rows {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if rnd.N(100) < share {
			gids = append(gids, m.rows[k].gid)
			delete(m.dirty, m.rows[k].gid)
			delete(m.rows, k)
		}
	}
	m.table.Delete(gids)
}

// check compares everything that can be read.
func (m *model) check(t *rapid.T, alloc memory.Allocator) {
	if m.table.Len() != len(m.rows) {
		t.Fatalf("%d rows, want %d", m.table.Len(), len(m.rows))
	}
	live := m.table.Live(nil)
	if len(live) != len(m.rows) {
		t.Fatalf("%d live gids, want %d", len(live), len(m.rows))
	}
	keys := m.table.Keys(alloc, live)
	for i, c := range keys {
		defer c.Release()
		if !arrow.TypeEqual(c.DataType(), m.types[i]) || c.Len() != len(live) {
			t.Fatalf("key column %d is %v, want %v", i, c.DataType(), m.types[i])
		}
	}
	for i, g := range live {
		old := m.rows[string(vector.AppendKey(nil, keys, i))]
		if old == nil || old.gid != g || old.count != *m.count(g) {
			t.Fatalf("gid %d, key %v: count %d, want %+v", g, keys, *m.count(g), old)
		}
	}
	dirty := m.table.Dirty(nil)
	if len(dirty) != len(m.dirty) || !slices.IsSorted(dirty) {
		t.Fatalf("%d dirty rows, want %d", len(dirty), len(m.dirty))
	}
	for _, g := range dirty {
		if !m.dirty[g] {
			t.Fatalf("gid %d is dirty", g)
		}
	}
}

func TestTable(t *testing.T) {
	sets := [][]arrow.DataType{
		{arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int64},
		{arrow.BinaryTypes.StringView, arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.BinaryView},
		{&arrow.Decimal128Type{Precision: 20, Scale: 2}, arrow.FixedWidthTypes.Boolean, arrow.Null},
	}
	for _, dt := range arraytest.Scalars {
		sets = append(sets, []arrow.DataType{dt})
	}
	for _, types := range sets {
		t.Run(fmt.Sprint(types), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				arraytest.Checked(t, func(alloc memory.Allocator) { history(t, alloc, types) })
			})
		})
	}
}

func history(t *rapid.T, alloc memory.Allocator, types []arrow.DataType) {
	pool := mem.New(mem.Options{})
	// A small reservation makes rows and arenas move.
	table, err := hashtable.New(hashtable.Options{Pool: pool, Reserve: 1 << 16}, types, 12)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{table: table, types: types, rows: map[string]*row{}, dirty: map[uint32]bool{}}
	for range rapid.IntRange(1, 6).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"insert", "insert", "find", "delete", "clear dirty", "reset", "merge"}).Draw(t, "step") {
		case "insert":
			cols, sel, rows := m.draw(t, alloc)
			m.insert(t, cols, sel, rows)
			releaseAll(cols)
		case "find":
			cols, sel, rows := m.draw(t, alloc)
			m.find(t, cols, sel, rows)
			releaseAll(cols)
		case "delete":
			m.delete(t)
		case "clear dirty":
			table.ClearDirty()
			clear(m.dirty)
		case "reset":
			table.Reset()
			clear(m.rows)
			clear(m.dirty)
		case "merge":
			m.merge(t, alloc, pool)
		}
		m.check(t, alloc)
	}
	if table.Bytes() == 0 {
		t.Fatal("a table holds memory")
	}
	table.Free()
	table.Free()
	if pool.AllocatedBytes() != 0 {
		t.Fatalf("%d bytes leaked", pool.AllocatedBytes())
	}
}

// merge inserts the keys of a second table both ways.
func (m *model) merge(t *rapid.T, alloc memory.Allocator, pool *mem.Pool) {
	o, err := hashtable.New(hashtable.Options{Pool: pool}, m.types, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Free()
	cols, sel, rows := m.draw(t, alloc)
	defer releaseAll(cols)
	o.FindOrInsert(cols, sel, make([]uint32, len(rows)))
	from := o.Live(nil)
	gids := make([]uint32, len(from))
	m.table.FindOrInsertFrom(o, nil, gids)
	keys := o.Keys(alloc, from)
	defer releaseAll(keys)
	for i := range from {
		key := string(vector.AppendKey(nil, keys, i))
		if m.rows[key] == nil {
			m.rows[key] = &row{gid: gids[i]}
		}
		if m.rows[key].gid != gids[i] {
			t.Fatalf("merged key %x has gid %d, want %d", key, gids[i], m.rows[key].gid)
		}
	}
}

func releaseAll(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}

// TestGrowth fills tables past the cache, so that the three passes and the
// moves of slots and rows are seen, and empties them again.
func TestGrowth(t *testing.T) {
	for _, types := range [][]arrow.DataType{
		{arrow.PrimitiveTypes.Int64},
		{arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int64},
		{arrow.BinaryTypes.StringView},
	} {
		t.Run(fmt.Sprint(types), func(t *testing.T) {
			pool := mem.New(mem.Options{})
			table, err := hashtable.New(hashtable.Options{Pool: pool, Reserve: 1 << 20}, types, 8)
			if err != nil {
				t.Fatal(err)
			}
			defer table.Free()
			const n, batch = 300_000, 10_000
			for round := range 2 {
				for from := 0; from < n; from += batch {
					if from == n/10 {
						table.Reserve(n)
						table.Reserve(from) // there is more
					}
					cols := sequence(types, from, batch)
					gids := make([]uint32, batch)
					inserted := table.FindOrInsert(cols, nil, gids)
					if want := batch * (1 - round); len(inserted) != want {
						t.Fatalf("round %d: %d inserted, want %d", round, len(inserted), want)
					}
					for i, g := range gids {
						if int(g) != from+i {
							t.Fatalf("key %d has gid %d", from+i, g)
						}
					}
				}
			}
			all := table.Live(nil)
			table.Delete(all[:n-1])
			if table.Len() != 1 || table.Gids() != n {
				t.Fatalf("%d rows of %d gids", table.Len(), table.Gids())
			}
			gids := make([]uint32, 1)
			if table.Find(sequence(types, n-1, 1), nil, gids); gids[0] != n-1 {
				t.Fatalf("the last key has gid %d", gids[0])
			}
			if table.Find(sequence(types, 0, 1), nil, gids); gids[0] != hashtable.None {
				t.Fatalf("a deleted key has gid %d", gids[0])
			}
		})
	}
}

// sequence returns key columns for n numbers, beginning with from.
func sequence(types []arrow.DataType, from, n int) []arrow.Array {
	var cols []arrow.Array
	for _, dt := range types {
		b := array.NewBuilder(memory.DefaultAllocator, dt)
		for i := from; i < from+n; i++ {
			switch b := b.(type) {
			case *array.Int64Builder:
				b.Append(int64(i))
			case *array.StringViewBuilder:
				b.Append(fmt.Sprintf("the key of number %d", i))
			}
		}
		cols = append(cols, b.NewArray())
	}
	return cols
}

func TestNewRefuses(t *testing.T) {
	for want, types := range map[string][]arrow.DataType{
		"a row table takes 1 to 64 key columns, not 0":              {},
		"key column 1: list<item: int64, nullable> cannot be a key": {arrow.PrimitiveTypes.Int64, arrow.ListOf(arrow.PrimitiveTypes.Int64)},
	} {
		if _, err := hashtable.New(hashtable.Options{}, types, 8); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
