package parquet_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector/mem"
)

// flights finds the file of 3 million flights, or skips the benchmark.
func flights(b testing.TB) string {
	dir := os.Getenv("WADI_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(dir, "flights-3m.parquet")
	if _, err := os.Stat(path); err != nil {
		b.Skipf("no flights: %v", err)
	}
	return path
}

func BenchmarkScanFlights(b *testing.B) {
	path := flights(b)
	for name, columns := range map[string][][]string{
		"all":     nil,
		"ints":    {{"delay"}, {"distance"}},
		"strings": {{"origin"}, {"destination"}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			rows := int64(0)
			for b.Loop() {
				_, err := scan(b.Context(), path, parquet.ReadOptions{Columns: columns, Alloc: mem.Default()},
					func(r arrow.RecordBatch) { rows += r.NumRows() })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
