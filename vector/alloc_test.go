package vector_test

import (
	"runtime"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
)

// TestSteadyStateAllocatesHeaders runs filter, projection, hash partition and
// aggregation of batches until the pool is warm: after that, a batch of 16 384
// rows costs the Go heap the headers of its arrays and nothing per row.
func TestSteadyStateAllocatesHeaders(t *testing.T) {
	const n = 16384
	pool := mem.New(mem.Options{})
	ids, names := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringViewBuilder(memory.DefaultAllocator)
	for i := range n {
		ids.Append(int64(i) * 31 % 1000)
		names.Append("a name that is out of line")
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "name", Type: arrow.BinaryTypes.StringView}}, nil)
	rec := array.NewRecordBatch(schema, []arrow.Array{ids.NewArray(), names.NewArray()}, n)
	table, err := hashtable.New(hashtable.Options{Pool: pool}, []arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.StringView}, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Free()
	var sel vector.Sel
	var hashes []uint64
	var target []uint16
	var channels []vector.Sel
	gids := make([]uint32, n)
	batch := func() {
		sel = vector.All(sel, n)[:n/10*9]
		few := vector.TakeRecord(pool, rec, sel)
		hashes = vector.KeyHash(hashes, few.Columns()[:1])
		target = vector.KeyGroups(target, hashes, 4)
		channels = vector.Partition(channels, target, 4)
		for _, part := range vector.Scatter(pool, few, channels) {
			table.FindOrInsert(part.Columns(), nil, gids[:part.NumRows()])
			part.Release()
		}
		few.Release()
	}
	for range 3 {
		batch()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const batches = 20
	for range batches {
		batch()
	}
	runtime.ReadMemStats(&after)
	perBatch := (after.TotalAlloc - before.TotalAlloc) / batches
	if perBatch > 12<<10 {
		t.Errorf("a batch allocates %d bytes on the Go heap", perBatch)
	}
	t.Logf("%d bytes in %d objects per batch", perBatch, (after.Mallocs-before.Mallocs)/batches)
}
