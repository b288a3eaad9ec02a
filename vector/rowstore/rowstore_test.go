package rowstore_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// types are those that rows can have.
var types = append([]arrow.DataType{
	arrow.Null,
	arrow.ListOf(arrow.BinaryTypes.StringView),
	arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Float64)),
	arrow.MapOf(arrow.BinaryTypes.StringView, arrow.PrimitiveTypes.Int32),
	arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
		arrow.Field{Name: "b", Type: arrow.BinaryTypes.BinaryView, Nullable: true},
		arrow.Field{Name: "c", Type: arrow.ListOf(&arrow.Decimal128Type{Precision: 20, Scale: 2}), Nullable: true},
		arrow.Field{Name: "d", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true},
	),
}, arraytest.Scalars...)

// stamp is the tests' own part of the extra bytes.
const (
	stampAt = rowstore.ChainBytes
	extra   = stampAt + 8
)

// model is a store as a list of rows, beside the store.
type model struct {
	store  *rowstore.Store
	chains *rowstore.Chains
	types  []arrow.DataType
	rows   map[uint32]row
	dirty  map[uint32]bool
	next   int64
}

type row struct {
	text  string // all columns
	key   string // the first column
	stamp int64  // when it came
}

func (m *model) stamp(id uint32) *int64 {
	return (*int64)(unsafe.Add(m.store.Extra(id), stampAt))
}

func show(cols []arrow.Array, r int) string {
	var b strings.Builder
	for _, c := range cols {
		b.WriteString(arraytest.Show(c, r))
		b.WriteByte('|')
	}
	return b.String()
}

func (m *model) draw(t *rapid.T, alloc memory.Allocator) (cols []arrow.Array, sel, rows vector.Sel) {
	n := arraytest.DrawRows(t)
	for _, dt := range m.types {
		cols = append(cols, arraytest.Draw(t, alloc, dt, n))
	}
	sel = arraytest.DrawSel(t, n)
	if rows = sel; sel == nil {
		rows = vector.All(nil, n)
	}
	return cols, sel, rows
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}

func (m *model) append(t *rapid.T, cols []arrow.Array, sel, rows vector.Sel) {
	ids := make([]uint32, len(rows))
	m.store.Append(cols, sel, ids)
	for i, id := range ids {
		if _, ok := m.rows[id]; ok || int(id) >= m.store.IDs() {
			t.Fatalf("id %d given twice, or not below %d", id, m.store.IDs())
		}
		if *m.stamp(id) != 0 {
			t.Fatalf("id %d begins with dirty extra bytes", id)
		}
		m.next++
		*m.stamp(id) = m.next
		m.rows[id] = row{show(cols, int(rows[i])), arraytest.Show(cols[0], int(rows[i])), m.next}
		m.dirty[id] = true
	}
	m.chains.Add(cols[:1], sel, ids)
	m.store.Mark(ids)
}

func (m *model) remove(ids []uint32) {
	m.chains.Remove(ids)
	m.store.Free(ids)
	for _, id := range ids {
		delete(m.rows, id)
		delete(m.dirty, id)
	}
}

// claim takes back rows of a batch that are mostly there.
func (m *model) claim(t *rapid.T, alloc memory.Allocator) {
	ids := slices.Sorted(maps.Keys(m.rows))
	if len(ids) == 0 {
		return
	}
	var pick []uint32
	for _, at := range arraytest.DrawIndex(t, len(ids)) {
		pick = append(pick, ids[at])
	}
	cols := m.store.Take(alloc, pick)
	defer release(cols)
	by := map[string][]uint32{}
	for _, id := range ids {
		by[m.rows[id].text] = append(by[m.rows[id].text], id)
	}
	for _, list := range by {
		slices.SortFunc(list, func(a, b uint32) int { return int(m.rows[a].stamp - m.rows[b].stamp) })
	}
	first, got := make([]uint32, len(pick)), make([]uint32, len(pick))
	m.store.Find(cols, nil, first)
	oldest := map[string]uint32{}
	for text, list := range by {
		oldest[text] = list[0]
	}
	m.store.Claim(cols, nil, got)
	var freed []uint32
	for i := range pick {
		text, want := show(cols, i), rowstore.None
		if first[i] != oldest[text] {
			t.Fatalf("found %d, want %d", first[i], oldest[text])
		}
		if list := by[text]; len(list) > 0 {
			want, by[text] = list[0], list[1:]
			freed = append(freed, want)
		}
		if got[i] != want {
			t.Fatalf("claimed %d, want %d", got[i], want)
		}
	}
	m.remove(freed)
}

// check compares all rows, and the chains.
func (m *model) check(t *rapid.T, alloc memory.Allocator) {
	ids := slices.Sorted(maps.Keys(m.rows))
	if got := m.store.Live(nil); !slices.Equal(got, ids) || m.store.Len() != len(ids) {
		t.Fatalf("%d live rows, want %d", len(got), len(ids))
	}
	if got := m.store.Dirty(nil); !slices.Equal(got, slices.Sorted(maps.Keys(m.dirty))) {
		t.Fatalf("dirty %v, want %v", got, m.dirty)
	}
	pick := append([]uint32{rowstore.None}, ids...)
	cols := m.store.Take(alloc, pick)
	defer release(cols)
	keys := map[string][]uint32{}
	for i, id := range ids {
		if got := show(cols, i+1); got != m.rows[id].text || *m.stamp(id) != m.rows[id].stamp {
			t.Fatalf("row %d is %s, want %s", id, got, m.rows[id].text)
		}
		keys[m.rows[id].key] = append(keys[m.rows[id].key], id)
	}
	for i, c := range cols {
		if !arrow.TypeEqual(c.DataType(), m.types[i]) || (!c.IsNull(0) && c.DataType().ID() != arrow.NULL) {
			t.Fatalf("column %d is %v, want %v, and NULL first", i, c.DataType(), m.types[i])
		}
	}
	equal := make([]bool, len(pick))
	m.store.Equal(cols, nil, pick, equal)
	if slices.Contains(equal[1:], false) || equal[0] {
		t.Fatal("a row does not equal itself")
	}
	numbers := make([]uint32, len(pick))
	m.chains.Find(cols[:1], nil, numbers)
	for i, id := range ids {
		list := keys[m.rows[id].key]
		slices.SortFunc(list, func(a, b uint32) int { return int(m.rows[a].stamp - m.rows[b].stamp) })
		k := numbers[i+1]
		if k == rowstore.None || m.chains.Head(k) != list[0] || m.chains.Tail(k) != list[len(list)-1] || m.chains.Count(k) != len(list) || m.chains.KeyOf(id) != k {
			t.Fatalf("chain of %s is not %v", m.rows[id].key, list)
		}
		at := slices.Index(list, id)
		next, prev := rowstore.None, rowstore.None
		if at+1 < len(list) {
			next = list[at+1]
		}
		if at > 0 {
			prev = list[at-1]
		}
		if m.chains.Next(id) != next || m.chains.Prev(id) != prev {
			t.Fatalf("row %d stands between %d and %d", id, m.chains.Prev(id), m.chains.Next(id))
		}
	}
}

func TestStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arraytest.Checked(t, func(alloc memory.Allocator) {
			dts := []arrow.DataType{rapid.SampledFrom(arraytest.Scalars).Draw(t, "key")}
			if id := dts[0].ID(); id == arrow.FLOAT32 || id == arrow.FLOAT64 {
				dts[0] = arrow.PrimitiveTypes.Int64 // as keys, -0 and 0 are equal
			}
			for range rapid.SampledFrom([]int{0, 1, 3, 70}).Draw(t, "columns") {
				dts = append(dts, rapid.SampledFrom(types).Draw(t, "type"))
			}
			pool := mem.New(mem.Options{Poison: true})
			s, err := rowstore.New(rowstore.Options{Pool: pool, Reserve: 1 << 16, Index: true}, dts, extra)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Release()
			c, err := rowstore.NewChains(pool, s, 0, dts[:1], 0)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Release()
			m := &model{store: s, chains: c, types: dts, rows: map[uint32]row{}, dirty: map[uint32]bool{}}
			t.Repeat(map[string]func(*rapid.T){
				"": func(t *rapid.T) { m.check(t, alloc) },
				"append": func(t *rapid.T) {
					cols, sel, rows := m.draw(t, alloc)
					defer release(cols)
					m.append(t, cols, sel, rows)
				},
				"claim": func(t *rapid.T) { m.claim(t, alloc) },
				"free": func(t *rapid.T) {
					rnd := arraytest.NewRand(rapid.Uint64().Draw(t, "seed"))
					var ids []uint32
					for _, id := range slices.Sorted(maps.Keys(m.rows)) {
						if rnd.N(3) == 0 {
							ids = append(ids, id)
						}
					}
					m.remove(ids)
				},
				"clear dirty": func(*rapid.T) {
					s.ClearDirty()
					clear(m.dirty)
				},
				"reset": func(*rapid.T) {
					s.Reset()
					c.Reset()
					clear(m.rows)
					clear(m.dirty)
				},
			})
		})
	})
}

func TestStringsOfFreedRowsGoAway(t *testing.T) {
	s, err := rowstore.New(rowstore.Options{}, []arrow.DataType{arrow.BinaryTypes.StringView}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	col := stringColumn(1000, 1000)
	defer col.Release()
	ids := make([]uint32, 1000)
	for range 20 {
		s.Append([]arrow.Array{col}, nil, ids)
		s.Free(ids[:990])
	}
	if n := s.Bytes(); n > 6<<20 {
		t.Errorf("200 rows of 1000 bytes take %d", n)
	}
	back := s.Take(memory.DefaultAllocator, s.Live(nil))
	defer release(back)
	if want := strings.Repeat("x", 1000); back[0].ValueStr(7) != want {
		t.Errorf("a string has become %q", back[0].ValueStr(7))
	}
}

func stringColumn(rows, size int) arrow.Array {
	b := array.NewStringViewBuilder(memory.DefaultAllocator)
	defer b.Release()
	for range rows {
		b.Append(strings.Repeat("x", size))
	}
	return b.NewArray()
}

func TestTypesThatCannotBeKept(t *testing.T) {
	for _, dt := range []arrow.DataType{arrow.BinaryTypes.String, arrow.ListOf(arrow.BinaryTypes.String)} {
		if _, err := rowstore.New(rowstore.Options{}, []arrow.DataType{dt}, 0); err == nil {
			t.Errorf("a store of %v", dt)
		}
	}
}

func TestChainsWithoutKeys(t *testing.T) {
	s, err := rowstore.New(rowstore.Options{}, []arrow.DataType{arrow.BinaryTypes.StringView}, rowstore.ChainBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	c, err := rowstore.NewChains(nil, s, 0, nil, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	col := stringColumn(3, 20)
	defer col.Release()
	ids, key := make([]uint32, 3), make([]uint32, 1)
	c.Find(nil, nil, key)
	if key[0] != rowstore.None {
		t.Error("a key without rows is there")
	}
	s.Append([]arrow.Array{col}, nil, ids)
	c.Add(nil, nil, ids)
	c.Find(nil, nil, key)
	*(*int64)(c.Acc(key[0])) = 7
	c.Unlink(ids[1])
	if c.Count(key[0]) != 2 || c.Next(ids[0]) != ids[2] || *(*int64)(c.Acc(key[0])) != 7 {
		t.Error("the chain of all rows is not whole")
	}
	c.Remove([]uint32{ids[0], ids[2]})
	if c.Keys().Len() != 0 {
		t.Error("a key is left without rows")
	}
}
