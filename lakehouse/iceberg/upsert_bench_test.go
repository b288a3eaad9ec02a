package iceberg_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// forgetful is a runtime whose tables of state keep nothing.
type forgetful struct{ runtime }

func (forgetful) Table(ops.TableSpec) (ops.Table, error) { return noTable{}, nil }
func (forgetful) Durable() bool                          { return false }

type noTable struct{}

func (noTable) Upsert(arrow.RecordBatch) error    { return nil }
func (noTable) Delete(arrow.RecordBatch) error    { return nil }
func (noTable) DropBefore(stream.Timestamp) error { return nil }
func (noTable) Scan(context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(func(arrow.RecordBatch, error) bool) {}
}

// BenchmarkUpsert writes and commits rows of a million keys with deletion
// vectors, a commit every 32 batches: rows per second of the processor.
func BenchmarkUpsert(b *testing.B) {
	dir := b.TempDir()
	w := &warehouse{dir: dir, kind: "jdbc", env: catalog.Env{Stores: objstore.New(objstore.Options{})}}
	w.options = map[string]string{"catalog-type": "jdbc", "warehouse": "file://" + dir + "/wh", "uri": "jdbc:sqlite:" + filepath.Join(dir, "cat.db")}
	s, err := iceberg.Connector(w.env).Sink(b.Context(), upsertTable(w, map[string]string{"format-version": "3"}))
	if err != nil {
		b.Fatal(err)
	}
	wr, err := s.Writer(b.Context(), forgetful{runtime{memory.DefaultAllocator}})
	if err != nil {
		b.Fatal(err)
	}
	defer wr.Close()
	c, err := s.Committer(b.Context(), ops.SinkID{Job: "j", Sink: "s"})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const rows, keys, batches = 16 << 10, 1 << 20, 32
	rng := rand.New(rand.NewPCG(1, 2))
	var made []arrow.RecordBatch
	for range batches {
		rb := array.NewRecordBuilder(memory.DefaultAllocator, upsertSchema)
		for i := range rows {
			rb.Field(0).(*array.Int64Builder).Append(rng.Int64N(keys))
			rb.Field(1).(*array.StringViewBuilder).Append(fmt.Sprint("value number ", i))
			rb.Field(2).(*array.Int32Builder).Append(int32(i))
		}
		made = append(made, rb.NewRecordBatch())
	}
	before := processor()
	b.ResetTimer()
	n, epoch := 0, stream.Epoch(0)
	for b.Loop() {
		for _, rec := range made {
			rec.Retain()
			if err := wr.Write(b.Context(), stream.NewBatch(rec)); err != nil {
				b.Fatal(err)
			}
		}
		n += batches * rows
		epoch++
		cs, err := wr.Prepare(b.Context(), epoch, false)
		if err == nil {
			_, err = c.Commit(b.Context(), []ops.Pending{{Epoch: epoch, Committables: cs}}, true)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/(processor()-before), "rows/cpu-s")
}

// processor is how many seconds of the processor this process has used.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}
