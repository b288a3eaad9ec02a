package durable

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/stream"
)

// memStore is a store in a map.
type memStore map[string][]byte

func (m memStore) Get(_ context.Context, name string) ([]byte, error) { return m[name], nil }
func (m memStore) GetRange(_ context.Context, name string, at, n int64) ([]byte, error) {
	return m[name][at : at+n], nil
}

func (m memStore) Put(_ context.Context, name string, data []byte) error {
	m[name] = append([]byte(nil), data...)
	return nil
}
func (m memStore) PutIfAbsent(context.Context, string, []byte) (bool, error) { panic("not used") }
func (m memStore) List(context.Context, string) ([]string, error)            { panic("not used") }
func (m memStore) Delete(context.Context, string) error                      { panic("not used") }

func sample(alloc memory.Allocator) *stream.Batch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(alloc, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, []bool{true, false, true})
	b.Field(1).(*array.StringViewBuilder).AppendValues([]string{"short", "a text that does not fit a view", ""}, []bool{true, true, false})
	return &stream.Batch{
		Rows:  b.NewRecordBatch(),
		Kinds: []stream.RowKind{stream.Insert, stream.UpdateBefore, stream.Delete},
		Marks: []stream.Mark{{Row: 1, Time: -5}, {Row: 3, Time: 1 << 40}},
	}
}

func TestEveryElementComesBack(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	store := make(memStore)
	sender := checkpoint.TaskID{Vertex: 0, Index: 2}
	out := NewOutput(Name{Epoch: 7, Task: sender, Attempt: "a"}, store, alloc, Inline)
	w := out.Channel("0.0-1.0", 1)
	b := sample(alloc)
	defer b.Release()
	want := []stream.Element{
		b.Share(),
		stream.Watermark{Time: stream.Start},
		stream.Idle{},
		stream.Tick{Now: 5},
		stream.Watermark{Time: stream.End},
		stream.Barrier{Epoch: 7, Kind: stream.Stop},
	}
	for _, e := range want {
		if err := w.Send(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	sent, err := out.Seal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGate([]Channel{{"0.0-1.0", sender, 1}}, []Sent{sent}, store, alloc)
	for i, e := range want {
		got, ch, err := g.Next(ctx)
		if err != nil || ch != 0 {
			t.Fatalf("element %d: channel %d, %v", i, ch, err)
		}
		gb, ok := got.(*stream.Batch)
		if !ok {
			if got != e {
				t.Errorf("element %d: %v, want %v", i, got, e)
			}
			continue
		}
		if !array.RecordEqual(gb.Rows, b.Rows) || !reflect.DeepEqual(gb.Kinds, b.Kinds) || !reflect.DeepEqual(gb.Marks, b.Marks) {
			t.Errorf("batch %v %v %v", gb.Rows, gb.Kinds, gb.Marks)
		}
		gb.Release()
	}
	if _, _, err := g.Next(ctx); !errors.Is(err, exchange.ErrSealed) {
		t.Errorf("behind the last element: %v, want ErrSealed", err)
	}
}

// TestDamageIsFound: no bit of a segment can change unnoticed.
func TestDamageIsFound(t *testing.T) {
	b := sample(memory.DefaultAllocator)
	defer b.Release()
	seg, err := appendFrame(appendHeader(nil), b)
	if err != nil {
		t.Fatal(err)
	}
	seg = appendSum(seg)
	for i := range seg {
		bad := append([]byte(nil), seg...)
		bad[i] ^= 1 << (i % 8)
		if _, err := frames(bad); err == nil {
			t.Fatalf("a changed bit in byte %d of %d is not noticed", i, len(seg))
		}
		if _, err := frames(seg[:i]); err == nil {
			t.Fatalf("a segment cut to %d bytes is not noticed", i)
		}
	}
}

// FuzzSegment: whatever bytes are found where a segment should be, reading them
// ends with an error that says so, or with elements. What lies behind a right
// checksum was written by appendFrame.
func FuzzSegment(f *testing.F) {
	b := sample(memory.DefaultAllocator)
	defer b.Release()
	for _, e := range []stream.Element{b, stream.Barrier{Epoch: 1}, stream.EndOfInput{}} {
		seg, err := appendFrame(appendHeader(nil), e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(appendSum(seg))
	}
	f.Fuzz(func(t *testing.T, segment []byte) {
		data, err := frames(segment)
		for err == nil && len(data) > 0 {
			var e stream.Element
			if e, data, err = nextFrame(data, memory.DefaultAllocator); err == nil {
				if b, ok := e.(*stream.Batch); ok {
					b.Release()
				}
			}
		}
		if err != nil && !strings.Contains(err.Error(), "corrupt") {
			t.Fatalf("error %v does not say that the segment is corrupt", err)
		}
	})
}
