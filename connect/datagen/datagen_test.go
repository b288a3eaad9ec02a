package datagen_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/datagen"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "r", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int16, Nullable: true}), Nullable: true},
	{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int8), Nullable: true},
}, nil)

// runtime lends a reader its allocator, which is all that it asks for.
type runtime struct {
	ops.Runtime
	alloc memory.Allocator
}

func (r runtime) Allocator() memory.Allocator { return r.alloc }

func options(more map[string]string) map[string]string {
	o := map[string]string{
		"connector": "datagen", "rows-per-second": "0", "fields.id.kind": "sequence", "fields.id.start": "1", "fields.id.end": "10007",
		"fields.a.min": "3", "fields.a.max": "5", "fields.s.length": "6", "fields.s.null-rate": "0.3", "fields.r.null-rate": "0.5",
	}
	maps.Copy(o, more)
	return o
}

func resolve(more map[string]string) (job.Table, error) {
	return datagen.Connector().Resolve(context.Background(), job.Table{Options: options(more), Schema: job.Schema{Schema: schema}})
}

// read gives every row as a line; with restart, each batch has a reader of its own.
func read(t *testing.T, readers int, restart bool, columns ...[]string) map[string]int {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ctx := context.Background()
	table, err := resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	src, err := datagen.Connector().Source(ctx, ops.Scan{Table: table, Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	enum, err := src.Enumerator(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(map[string]int)
	for i := range readers {
		s := enum.Take(i, readers, 1)[0]
		for done := false; !done; {
			r, err := src.Reader(ctx, runtime{alloc: alloc})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Assign([]ops.Split{s}); err != nil {
				t.Fatal(err)
			}
			for more := true; more; more = !restart && !done {
				f, err := r.Fetch(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if s, done = f.After, f.Done; f.Batch != nil {
					count(lines, f.Batch.Rows)
					f.Batch.Release()
				}
			}
		}
	}
	return lines
}

func count(lines map[string]int, rec arrow.RecordBatch) {
	for i := range int(rec.NumRows()) {
		var b strings.Builder
		for c := range int(rec.NumCols()) {
			fmt.Fprintf(&b, "%s|", rec.Column(c).ValueStr(i))
		}
		lines[b.String()]++
	}
}

func TestSameRowsHoweverRead(t *testing.T) {
	want := read(t, 1, false)
	if len(want) != 10007 { // the sequence makes every row another
		t.Fatalf("%d different rows, want 10007", len(want))
	}
	for _, readers := range []int{1, 3} {
		if got := read(t, readers, true); !maps.Equal(got, want) {
			t.Errorf("%d readers, restarted: other rows", readers)
		}
	}
}

func TestValuesObeyTheOptions(t *testing.T) {
	values := read(t, 1, false, []string{"a"})
	if len(values) != 3 || values["3|"] < 3000 || values["5|"] < 3000 {
		t.Errorf("values of a: %v, want 3, 4 and 5, evenly", values)
	}
	if n := read(t, 1, false, []string{"s"})[array.NullValueStr+"|"]; n < 2800 || n > 3200 {
		t.Errorf("%d NULLs in s, want about 3000", n)
	}
	if n := read(t, 1, false, []string{"r", "x"})[array.NullValueStr+"|"]; n < 4800 || n > 5200 {
		t.Errorf("%d NULLs in r.x, want about 5000", n)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"number-of-row", "1", "'number-of-rows'"},
		{"fields.b.min", "1", "unknown option"},
		{"fields.a.max", "2", "whole number from 3"},
		{"fields.s.null-rate", "2", "from 0 to 1"},
		{"fields.a.kind", "many", "random or sequence"},
	} {
		_, err := resolve(map[string]string{c.key: c.value})
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: error %v, want one with %q", c.key, c.value, err, c.want)
		}
	}
}
