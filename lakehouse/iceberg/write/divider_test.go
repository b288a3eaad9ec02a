package write

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/vector"
)

// BenchmarkDivider divides rows by an hour, and by ranges of a text.
func BenchmarkDivider(b *testing.B) {
	const rows = 8 << 10
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Microsecond}},
		{Name: "name", Type: arrow.BinaryTypes.StringView},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i := range rows {
		builder.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(i) * 1e9)
		builder.Field(1).(*array.StringViewBuilder).Append(fmt.Sprintf("customer-%08d", i*7919%1000003))
	}
	rec := builder.NewRecordBatch()
	defer rec.Release()
	hour := &Divider{mem: memory.DefaultAllocator, keys: []transformed{{transform: ice.HourTransform{}, exact: true, path: []int{0}}}}
	name := &Divider{mem: memory.DefaultAllocator, keys: []transformed{{transform: ice.IdentityTransform{}, exact: true, path: []int{1}}}, orders: make([]vector.Order, 1), ranges: newRanges(4)}
	for what, d := range map[string]*Divider{"hash[hour(ts)]": hour, "range[name]": name} {
		d.bind(schema)
		b.Run(what, func(b *testing.B) {
			var groups []uint16
			for b.Loop() {
				var err error
				if groups, err = d.KeyGroups(groups, rec, 128); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
