package opstest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/stream"
)

// running emits, for each row, the sum of its column v by k so far. Each bug
// is one that the variations have to find.
type running struct {
	bug   string
	alloc memory.Allocator
	table ops.Table
	sums  map[string]int64
	wm    stream.Timestamp
	leak  arrow.RecordBatch
}

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "k", Type: arrow.BinaryTypes.StringView},
	{Name: "v", Type: arrow.PrimitiveTypes.Int64},
}, nil)

func (r *running) Open(ctx context.Context, rt ops.Runtime) error {
	r.alloc, r.sums, r.wm = rt.Allocator(), map[string]int64{}, rt.Watermark()
	partition := 1
	if r.bug == "not partitioned" {
		partition = 0
	}
	var err error
	r.table, err = rt.Table(ops.TableSpec{Name: "sums", Schema: schema, Keys: 1, Partition: partition})
	if err != nil {
		return err
	}
	for rec, err := range r.table.Scan(ctx) {
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			r.sums[rec.Column(0).(*array.StringView).Value(i)] = rec.Column(1).(*array.Int64).Value(i)
		}
	}
	return nil
}

func (r *running) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if r.bug == "keeps a batch" && r.leak == nil {
		b.Rows.Retain()
		r.leak = b.Rows
	}
	rb := array.NewRecordBuilder(r.alloc, schema)
	defer rb.Release()
	for i := range b.Len() {
		k := b.Rows.Column(0).(*array.StringView).Value(i)
		if r.bug == "late by batch" && r.wm > 0 {
			continue
		}
		v := b.Rows.Column(1).(*array.Int64)
		if v.IsNull(i) {
			continue
		}
		r.sums[strings.Clone(k)] += v.Value(i)
		rb.Field(0).(*array.StringViewBuilder).Append(k)
		rb.Field(1).(*array.Int64Builder).Append(r.sums[k])
	}
	return out.Emit(ctx, ops.Main, stream.NewBatch(rb.NewRecordBatch()))
}

func (r *running) Advance(_ context.Context, wm stream.Watermark, _ ops.Output) error {
	r.wm = wm.Time
	return nil
}

func (r *running) Flush(context.Context, stream.Epoch, ops.Output) error {
	if r.bug == "forgets its state" {
		return nil
	}
	rb := array.NewRecordBuilder(r.alloc, schema)
	defer rb.Release()
	for k, v := range r.sums {
		rb.Field(0).(*array.StringViewBuilder).Append(k)
		rb.Field(1).(*array.Int64Builder).Append(v)
	}
	rec := rb.NewRecordBatch()
	defer rec.Release()
	return r.table.Upsert(rec)
}

func (r *running) Close() error { return nil }

const script = `
+I a 1
+I b 10
+I a 2
wm 00:01
+I c 3
+I b 4
barrier
+I a 5
+I c 9
`

func TestVariationsFindBugs(t *testing.T) {
	for bug, want := range map[string]string{
		"":                  "",
		"forgets its state": "other answer",
		"late by batch":     "other answer",
		"not partitioned":   "other answer",
		"keeps a batch":     "memory is not released",
	} {
		c := opstest.Case{New: func() (ops.Operator, error) { return &running{bug: bug}, nil }, Keys: []int{0}}
		err := opstest.Check(c, schema, script)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("bug %q: %v, want %q", bug, err, want)
		}
	}
}

func TestNet(t *testing.T) {
	in := []string{"+I a 1", "+I b 1", "-U a 1", "+U a 2", "-D b 1", "+I c 1", "+I c 1"}
	if got := strings.Join(opstest.Net(in, []int{0}), "; "); got != "a 2; c 1" && got != "c 1; a 2" {
		t.Errorf("by key: %s", got)
	}
	if got := strings.Join(opstest.Net(in, nil), "; "); got != "1 × a 2; 2 × c 1" && got != "2 × c 1; 1 × a 2" {
		t.Errorf("counted: %s", got)
	}
}
