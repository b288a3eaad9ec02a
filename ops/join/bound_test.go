package join

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/stream"
)

// Rows that can find no more partners are freed, and their memory is used again,
// whether they are in chains or not.
func TestForget(t *testing.T) {
	for name, indexed := range map[string]bool{"scanned": false, "indexed": true} {
		t.Run(name, func(t *testing.T) {
			alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer alloc.AssertSize(t, 0)
			s := &side{
				name: "left", keys: []int{1}, horizon: newHorizon(&Bound{KeepMillis: 10_000}),
				schema: arrow.NewSchema([]arrow.Field{
					{Name: "at", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true}, {Name: "k", Type: arrow.PrimitiveTypes.Int64},
				}, nil),
			}
			if err := s.open(); err != nil {
				t.Fatal(err)
			}
			defer s.close()
			for second := range int64(100) {
				b := array.NewRecordBuilder(alloc, s.schema)
				for i := range int64(100) {
					b.Field(0).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{arrow.Timestamp(second*1000 + i)}, []bool{i > 0})
					b.Field(1).(*array.Int64Builder).Append(i % 7)
				}
				rec := b.NewRecordBatch()
				b.Release()
				s.place(rec.Columns(), nil, s.append(rec.Columns(), nil, 100))
				rec.Release()
				for range maxScans + 1 {
					if indexed {
						s.ready(alloc)
					}
				}
				s.forget(stream.Timestamp(second * 1000))
				if n := s.store.Len(); n > 1400 {
					t.Fatalf("after %d seconds there are %d rows, want those of 10 seconds and of a bucket", second, n)
				}
			}
			if n := s.store.Len(); n < 1000 {
				t.Errorf("there are %d rows, want those of 10 seconds", n)
			}
			if n := s.store.IDs(); n > 1500 {
				t.Errorf("there is memory for %d rows", n)
			}
			if keys := s.chains.Keys().Len(); (keys == 7) != indexed {
				t.Errorf("%d keys have chains", keys)
			}
		})
	}
}
