package task

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// timesOf are watermarks of rows that are their own, in milliseconds; a split is idle
// after a second.
func timesOf(t *testing.T, clock Clock) (w *watermarks, batch func(millis ...int64) *stream.Batch) {
	t.Helper()
	of := &arrow.TimestampType{Unit: arrow.Millisecond}
	schema := arrow.NewSchema([]arrow.Field{{Name: "ts", Type: of}}, nil)
	spec := &ops.WatermarkSpec{Expr: &expr.Doc{Expr: &expr.Column{Index: 0, Of: of}}, IdleMillis: 1000}
	w, err := newWatermarks(spec, schema, stream.Start, clock)
	if err != nil {
		t.Fatal(err)
	}
	return w, func(millis ...int64) *stream.Batch {
		b := array.NewTimestampBuilder(memory.DefaultAllocator, of)
		for _, m := range millis {
			b.Append(arrow.Timestamp(m))
		}
		return stream.NewBatch(array.NewRecordBatch(schema, []arrow.Array{b.NewArray()}, int64(len(millis))))
	}
}

// TestUntimedSplits: event time waits for the end of a split whose rows do not count,
// however long it is silent.
func TestUntimedSplits(t *testing.T) {
	clock := &still{time.UnixMilli(0)}
	w, batch := timesOf(t, clock)
	w.add(ops.Split{ID: "history", Untimed: true}, clock.now)
	w.add(ops.Split{ID: "live"}, clock.now)
	for _, id := range []string{"live", "history"} {
		if err := w.mark(memory.DefaultAllocator, id, batch(500, 100), clock.now); err != nil {
			t.Fatal(err)
		}
		if wm, moved := w.advance(); moved {
			t.Fatalf("event time is at %v while history is read", wm.Time)
		}
	}
	clock.now = clock.now.Add(time.Hour)
	if w.rest(clock.now) {
		t.Fatal("the task is idle while it reads history")
	}
	w.remove("history", clock.now)
	w.splits["live"].idle = false
	if wm, moved := w.advance(); !moved || wm.Time != 500 {
		t.Fatalf("%v, %v behind history, want 500", wm.Time, moved)
	}
}

// TestTasksWithoutSplits: a task is idle when it has had no split for as long as a split
// may be silent, and at once when it ends without one.
func TestTasksWithoutSplits(t *testing.T) {
	clock := &still{time.UnixMilli(0)}
	w, _ := timesOf(t, clock)
	w.add(ops.Split{ID: "file"}, clock.now)
	clock.now = clock.now.Add(10 * time.Second)
	w.remove("file", clock.now)
	if w.rest(clock.now) || w.rest(clock.now.Add(999*time.Millisecond)) {
		t.Fatal("the next split may come yet")
	}
	if !w.rest(clock.now.Add(time.Second)) {
		t.Fatal("no split has come for a second")
	}
	w, _ = timesOf(t, clock)
	if !w.unused() || w.unused() {
		t.Fatal("a task that has had no split says once that it is idle")
	}
	w.add(ops.Split{ID: "file"}, clock.now)
	if w.unused() {
		t.Fatal("a task with a split is not idle because it ends")
	}
}
