package rowstore_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/rowstore"
)

// TestPicks mixes rows of a batch and of a store.
func TestPicks(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true}}, nil)
	batch := func(values ...string) arrow.RecordBatch {
		b := array.NewRecordBuilder(alloc, schema)
		defer b.Release()
		b.Field(0).(*array.StringViewBuilder).AppendStringValues(values, nil)
		return b.NewRecordBatch()
	}
	s, err := rowstore.New(rowstore.Options{}, []arrow.DataType{arrow.BinaryTypes.StringView}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	kept := batch("kept 0", "kept 1 is longer than a view")
	defer kept.Release()
	ids := make([]uint32, 2)
	s.Append(kept.Columns(), nil, ids)
	rec := batch("a", "b", "c")
	defer rec.Release()

	var p rowstore.Picks
	for _, c := range []struct{ picks, want string }{
		{"abc", "a,b,c"},
		{"ac", "a,c"},
		{"bbb", "b,b,b"},
		{"1a0c1", "kept 1 is longer than a view,a,kept 0,c,kept 1 is longer than a view"},
		{"0", "kept 0"},
		{"", ""},
	} {
		for _, pick := range c.picks {
			if pick >= 'a' {
				p.Row(uint32(pick - 'a'))
			} else {
				p.Stored(ids[pick-'0'])
			}
		}
		got := p.Take(alloc, s, rec)
		var all []string
		for i := range int(got.NumRows()) {
			all = append(all, got.Column(0).ValueStr(i))
		}
		if strings.Join(all, ",") != c.want {
			t.Errorf("%q: %q, want %q", c.picks, all, c.want)
		}
		if same := got == rec; same != (c.picks == "abc") {
			t.Errorf("%q: the batch itself: %v", c.picks, same)
		}
		got.Release()
	}
}
