package vector_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/arraytest"
	"github.com/wadi-engine/wadi/vector"
)

// hasType reports whether a type of one of the ids occurs in t.
func hasType(t arrow.DataType, ids ...arrow.Type) bool {
	for _, id := range ids {
		if t.ID() == id {
			return true
		}
	}
	if n, ok := t.(arrow.NestedType); ok {
		for _, f := range n.Fields() {
			if hasType(f.Type, ids...) {
				return true
			}
		}
	}
	return false
}

func TestEdge(t *testing.T) {
	eachType(t, arraytest.Types, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		n := arraytest.DrawRows(t)
		a := arraytest.Draw(t, alloc, dt, n)
		defer a.Release()
		meta := arrow.NewMetadata([]string{"wadi.type"}, []string{"X"})
		schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: dt, Nullable: true, Metadata: meta}}, nil)
		rec := array.NewRecordBatch(schema, []arrow.Array{a}, int64(n))
		defer rec.Release()
		in := vector.Internalize(alloc, rec)
		defer in.Release()
		if it := in.Schema().Field(0).Type; hasType(it, arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.DICTIONARY, arrow.FIXED_SIZE_BINARY) {
			t.Fatalf("internal type %v", it)
		}
		out := vector.Externalize(alloc, in)
		defer out.Release()
		if ot := out.Schema().Field(0).Type; hasType(ot, arrow.STRING_VIEW, arrow.BINARY_VIEW) {
			t.Fatalf("external type %v", ot)
		}
		if v, _ := out.Schema().Field(0).Metadata.GetValue("wadi.type"); v != "X" {
			t.Fatal("the field lost its metadata")
		}
		for i := range n {
			want := text(a, i)
			if g := text(in.Column(0), i); g != want {
				t.Fatalf("row %d inside is %s, want %s", i, g, want)
			}
			if g := text(out.Column(0), i); g != want {
				t.Fatalf("row %d outside is %s, want %s", i, g, want)
			}
		}
	})
}

// text shows a row without the difference between strings and bytes.
func text(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.BinaryView:
		return fmt.Sprintf("%q", a.Value(i))
	case *array.Binary:
		return fmt.Sprintf("%q", a.Value(i))
	case *array.LargeBinary:
		return fmt.Sprintf("%q", a.Value(i))
	case *array.FixedSizeBinary:
		return fmt.Sprintf("%q", a.Value(i))
	case *array.LargeString:
		return "'" + a.Value(i) + "'"
	}
	return arraytest.Show(a, i)
}

func TestCompactViews(t *testing.T) {
	eachType(t, arraytest.Types, func(t *rapid.T, alloc memory.Allocator, dt arrow.DataType) {
		a := arraytest.Draw(t, alloc, dt, arraytest.DrawRows(t))
		defer a.Release()
		few := vector.Take(alloc, a, arraytest.DrawIndex(t, a.Len()))
		defer few.Release()
		got := vector.CompactViews(alloc, few)
		defer got.Release()
		for i := range few.Len() {
			if g, w := arraytest.Show(got, i), arraytest.Show(few, i); g != w {
				t.Fatalf("row %d is %s, want %s", i, g, w)
			}
		}
	})
}

func TestCompactViewsLetsGo(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	b := array.NewStringViewBuilder(alloc)
	defer b.Release()
	for range 1000 {
		b.Append(strings.Repeat("x", 1000))
	}
	a := b.NewArray()
	two := vector.Take(alloc, a, vector.Sel{3, 999})
	a.Release()
	small := vector.CompactViews(alloc, two)
	two.Release()
	if n := alloc.CurrentAlloc(); n > 4096 {
		t.Errorf("two rows hold %d bytes", n)
	}
	if got := small.(*array.StringView).Value(1); got != strings.Repeat("x", 1000) {
		t.Errorf("got %q", got)
	}
	small.Release()
}
