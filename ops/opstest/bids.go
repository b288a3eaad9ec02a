package opstest

import (
	"math/rand/v2"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Bids makes batches like Nexmark's: half of the bids go to the hot auction,
// which changes every 100, the others to one of the last 110; perMilli bids a
// millisecond. The columns are ts, auction and price.
func Bids(rows, batches, perMilli int) (*arrow.Schema, []arrow.RecordBatch) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "ts", Type: arrow.FixedWidthTypes.Timestamp_ms},
		{Name: "auction", Type: arrow.PrimitiveTypes.Int64},
		{Name: "price", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	rnd := rand.New(rand.NewPCG(1, 1))
	var out []arrow.RecordBatch
	n := 0
	for range batches {
		rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		rb.Reserve(rows)
		for range rows {
			last := n*3/46 + 1000
			auction := last / 100 * 100
			if rnd.IntN(2) == 0 {
				auction = last - 100 + rnd.IntN(110)
			}
			rb.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(n / perMilli))
			rb.Field(1).(*array.Int64Builder).Append(int64(auction))
			rb.Field(2).(*array.Int64Builder).Append(rnd.Int64N(1e6))
			n++
		}
		out = append(out, rb.NewRecordBatch())
	}
	return schema, out
}
