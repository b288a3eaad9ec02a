package state

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

var everyType = ops.TableSpec{
	Name: "t", Keys: 1, Partition: 1,
	Schema: arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.PrimitiveTypes.Int64},
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "i8", Type: arrow.PrimitiveTypes.Int8},
		{Name: "f", Type: arrow.PrimitiveTypes.Float64},
		{Name: "d", Type: &arrow.Decimal128Type{Precision: 38, Scale: 2}},
		{Name: "s", Type: arrow.BinaryTypes.StringView},
		{Name: "y", Type: arrow.BinaryTypes.BinaryView},
		{Name: "date", Type: arrow.FixedWidthTypes.Date32},
		{Name: "time", Type: arrow.FixedWidthTypes.Time32ms},
		{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Nanosecond}},
		{Name: "ltz", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}},
		{Name: "months", Type: arrow.FixedWidthTypes.MonthInterval},
		{Name: "dur", Type: arrow.FixedWidthTypes.Duration_ms},
		{Name: "list", Type: arrow.ListOf(arrow.BinaryTypes.StringView)},
		{Name: "map", Type: arrow.MapOf(arrow.BinaryTypes.StringView, arrow.PrimitiveTypes.Int32)},
		{Name: "row", Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.BinaryView, Nullable: true})},
	}, nil),
}

const everyRow = `{"k":1,"b":true,"i8":-8,"f":1.5,"d":"12.34","s":"a long string, not inline","y":"aGVsbG8=","date":"2020-01-02","time":"01:02:03.004",
  "ts":"2020-01-02 03:04:05.000000006","ltz":"2020-01-02 03:04:05.006Z","months":{"months":14},"dur":"5ms","list":["x",null,"y"],"map":[{"key":"m","value":1}],"row":{"a":"aGk="}}`

// TestEveryType writes a row of each of the engine's types and reads it back.
func TestEveryType(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	b := array.NewRecordBuilder(alloc, everyType.Schema)
	if err := b.UnmarshalJSON([]byte(everyRow)); err != nil {
		t.Fatal(err)
	}
	for i := range everyType.Schema.NumFields() {
		if i == 0 {
			b.Field(0).(*array.Int64Builder).Append(2)
		} else {
			b.Field(i).AppendNull()
		}
	}
	rec := b.NewRecordBatch()
	b.Release()
	defer rec.Release()
	m := NewMemory(Options{Groups: stream.KeyGroupRange{End: 4}, KeyGroups: 4, Durable: true, Allocator: alloc})
	defer m.Close()
	tab, err := m.Table("op", everyType)
	if err != nil {
		t.Fatal(err)
	}
	if err := tab.Upsert(rec); err != nil {
		t.Fatal(err)
	}
	all := tab.(*table).gather([]sealed{{epoch: 1, log: tab.(*table).log}}, stream.Start)
	defer all.release()
	data, err := encodeRun(alloc, all, all.latest(m.o.Bugs), Zstd, []int{0, len(all.group)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeRun(context.Background(), alloc, "f", data, everyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer back.release()
	want := all.take(alloc, all.latest(m.o.Bugs))
	defer want.Release()
	for i, f := range everyType.Schema.Fields() {
		if !array.Equal(back.rec.Column(i), want.Column(i)) {
			t.Errorf("%s: %v became %v", f.Name, want.Column(i), back.rec.Column(i))
		}
	}
}

// TestColumnBegins: rows lack a column that is new, which a table may allow.
func TestColumnBegins(t *testing.T) {
	alloc := memory.DefaultAllocator
	key, sum := arrow.Field{Name: "k", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "sum", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	old := arrow.NewSchema([]arrow.Field{key, sum}, nil)
	rec, _, err := array.RecordFromJSON(alloc, old, strings.NewReader(`[{"k":1,"sum":10},{"k":2,"sum":20}]`))
	if err != nil {
		t.Fatal(err)
	}
	all := &rows{schema: old, keys: 1, rec: rec, group: []uint16{1, 1}, deleted: make([]bool, 2)}
	data, err := encodeRun(alloc, all, vector.Sel{0, 1}, Zstd, []int{0, 2})
	if err != nil {
		t.Fatal(err)
	}
	spec := ops.TableSpec{Name: "t", Keys: 1, Partition: 1, Schema: arrow.NewSchema([]arrow.Field{
		key, {Name: "max", Type: arrow.BinaryTypes.StringView, Nullable: true}, sum, {Name: "count", Type: arrow.PrimitiveTypes.Int64},
	}, nil)}
	if _, err := decodeRun(t.Context(), alloc, "f", data, spec, nil); err == nil || !strings.Contains(err.Error(), "no column max") {
		t.Errorf("a column that the rows lack: %v", err)
	}
	spec.Begins = true
	back, err := decodeRun(t.Context(), alloc, "f", data, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := back.rec.MarshalJSON()
	if want := `[{"count":null,"k":1,"max":null,"sum":10},{"count":null,"k":2,"max":null,"sum":20}]`; err != nil || string(bytes.Join(bytes.Fields(text), nil)) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	if counts := vector.Values[int64](back.rec.Column(3)); counts[0] != 0 || counts[1] != 0 {
		t.Errorf("counts begin at %v", counts)
	}
	back.release()
	spec.Keys, spec.Partition = 2, 2 // a column of the key cannot begin
	if _, err := decodeRun(t.Context(), alloc, "f", data, spec, nil); err == nil {
		t.Error("rows without a column of the key were taken")
	}
}

var rewrite = flag.Bool("rewrite", false, "write the files in testdata/compat anew")

// TestCompat reads a run of every version there was.
func TestCompat(t *testing.T) {
	spec := ops.TableSpec{Name: "t", Keys: 1, Partition: 1, Schema: arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
	}, nil)}
	want, _, err := array.RecordFromJSON(memory.DefaultAllocator, spec.Schema, strings.NewReader(`[{"k":1,"s":"one"},{"k":2,"s":"two, and not inline"},{"k":null,"s":null}]`))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "compat", "v1-run.parquet")
	if *rewrite {
		all := &rows{schema: spec.Schema, keys: 1, rec: want, group: []uint16{1, 1, 3}, deleted: []bool{false, false, true}}
		data, err := encodeRun(memory.DefaultAllocator, all, vector.Sel{0, 1, 2}, Zstd, []int{0, 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRun(context.Background(), memory.DefaultAllocator, file, data, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.release()
	if !array.RecordEqual(got.rec, want) || !slices.Equal(got.group, []uint16{1, 1, 3}) || !slices.Equal(got.deleted, []bool{false, false, true}) {
		t.Errorf("%v groups %v deleted %v", got.rec, got.group, got.deleted)
	}
	part, err := decodeRun(context.Background(), memory.DefaultAllocator, file, data, spec, &stream.KeyGroupRange{Start: 2, End: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer part.release()
	if len(part.group) != 1 || !part.deleted[0] {
		t.Errorf("of groups [2,4): %v", part.rec)
	}
}

// FuzzRun reads what may stand where a run should. The length and the checksum
// are checked before anything else looks at the bytes: the Parquet reader
// trusts the sizes that it finds in a file.
func FuzzRun(f *testing.F) {
	good, err := os.ReadFile(filepath.Join("testdata", "compat", "v1-run.parquet"))
	if err != nil {
		f.Fatal(err)
	}
	run := checkpoint.Run{File: "shared/run", Groups: stream.KeyGroupRange{End: 4}, Bytes: int64(len(good)), Sum: checkpoint.Sum(good)}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := fetchRun(context.Background(), holds{data: data}, run)
		switch {
		case err == nil && !bytes.Equal(got, good):
			t.Fatal("damage is not found")
		case err != nil && (!errors.Is(err, checkpoint.ErrCorrupt) || !strings.Contains(err.Error(), run.File)):
			t.Fatal(err)
		}
	})
}

// holds is a store of one object.
type holds struct {
	checkpoint.Store
	data []byte
}

func (h holds) Get(context.Context, string) ([]byte, error) { return h.data, nil }

func BenchmarkUpload(b *testing.B) {
	spec := ops.TableSpec{Name: "t", Keys: 1, Partition: 1, Schema: arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.PrimitiveTypes.Int64}, {Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "sum", Type: arrow.PrimitiveTypes.Int64},
	}, nil)}
	const rows = 100_000
	rb := array.NewRecordBuilder(memory.DefaultAllocator, spec.Schema)
	for i := range rows {
		for c := range 3 {
			rb.Field(c).(*array.Int64Builder).Append(int64(i*7919*(c+1)) % 1_000_003)
		}
	}
	rec := rb.NewRecordBatch()
	m := NewMemory(Options{Groups: stream.KeyGroupRange{End: 128}, KeyGroups: 128, Durable: true, MaxRuns: 1 << 30})
	t, err := m.Table("op", spec)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(rows * 24))
	for i := 0; b.Loop(); i++ {
		if err := t.Upsert(rec); err != nil {
			b.Fatal(err)
		}
		f, err := m.Freeze(stream.Epoch(i + 1))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Upload(context.Background(), discard{}); err != nil {
			b.Fatal(err)
		}
		f.Release()
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

type discard struct{ checkpoint.Store }

func (discard) Put(context.Context, string, []byte) error { return nil }
