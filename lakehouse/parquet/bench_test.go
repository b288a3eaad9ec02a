package parquet_test

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
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

// cpuSeconds is what the process has used so far; on a shared machine it says
// more than the clock.
func cpuSeconds() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
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
			rows, began := int64(0), cpuSeconds()
			for b.Loop() {
				_, err := scan(b.Context(), path, parquet.ReadOptions{Columns: columns, Alloc: mem.Default()},
					func(r arrow.RecordBatch) { rows += r.NumRows() })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)/(cpuSeconds()-began)/1e6, "Mrows/cpu-s")
		})
	}
}

func BenchmarkWriteFlights(b *testing.B) {
	path := flights(b)
	var recs []arrow.RecordBatch
	schema, err := scan(b.Context(), path, parquet.ReadOptions{Alloc: mem.Default()}, func(r arrow.RecordBatch) {
		r.Retain()
		recs = append(recs, r)
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, codec := range []string{"zstd", "snappy", "none"} {
		b.Run(codec, func(b *testing.B) {
			b.ReportAllocs()
			var m parquet.Metrics
			began := cpuSeconds()
			for b.Loop() {
				w, err := parquet.NewWriter(io.Discard, schema, parquet.WriterOptions{Compression: codec})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range recs {
					if err := w.Write(r); err != nil {
						b.Fatal(err)
					}
				}
				if m, err = w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(m.Rows)*float64(b.N)/(cpuSeconds()-began)/1e6, "Mrows/cpu-s")
			b.ReportMetric(float64(m.Bytes)/1e6, "MB")
		})
	}
}
