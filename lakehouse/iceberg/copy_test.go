package iceberg_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestCopiedRowsAreEqual: rows of all types are what they were after their files
// were written anew: without a row of theirs, and by a compaction.
func TestCopiedRowsAreEqual(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		schema, text, want := typedRows()
		if version == "2" {
			schema, text = withoutNanos(schema, text)
			for i := range want {
				words := strings.Split(want[i], " ")
				at := slices.IndexFunc(words, func(s string) bool { return strings.Contains(s, ".000000005") || strings.Contains(s, ".999999999") })
				if at < 0 {
					at = len(words) - 4 // NULL in all columns
				}
				want[i] = strings.Join(slices.Delete(words, at, at+1), " ")
			}
		}
		fields := append([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, schema.Fields()...)
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		tbl := eventTable(w, "types", map[string]string{"format-version": version, "write.upsert.enabled": "true", "write.upsert.mode": "copy-on-write"})
		tbl.Schema, tbl.PrimaryKey = job.Schema{Schema: arrow.NewSchema(fields, nil)}, []string{"id"}
		var before map[int64]string
		for e := range stream.Epoch(2) { // the second time the last row gets another place
			ids := array.NewInt64Builder(memory.DefaultAllocator)
			from := int64(e) * (rec.NumRows() - 1)
			for i := from; i < rec.NumRows(); i++ {
				ids.Append(i)
			}
			cols := append([]arrow.Array{ids.NewArray()}, rec.NewSlice(from, rec.NumRows()).Columns()...)
			upsertBatch(t, w, tbl, e+1, array.NewRecordBatch(tbl.Schema.Schema, cols, rec.NumRows()-from))
			if version == "3" && e == 0 {
				before = lineage(t, w, "types")
			}
		}
		if version == "3" {
			after := lineage(t, w, "types")
			delete(after, 2)
			delete(before, 2)
			if diff := cmp.Diff(before, after); diff != "" || len(after) != 2 {
				t.Errorf("ids of rows: -want +got:\n%s", diff)
			}
		}
		check := func(after string) {
			t.Helper()
			scan := w.scan(t, "types", slices.Collect(func(yield func(string) bool) {
				for _, f := range schema.Fields() {
					if !yield(f.Name) {
						return
					}
				}
			})...)
			got := drain(t, iceberg.Connector(w.env), scan, -1)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after %s: -want +got:\n%s", after, diff)
			}
		}
		check("a row was replaced")
		if done, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "types", maintain.Rewrite{All: true}); err != nil || done.Files != 2 {
			t.Fatalf("%+v, %v", done, err)
		}
		check("a compaction")
		if done, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "types", maintain.Rewrite{All: true, Sort: "id desc"}); err != nil || done.Files != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		check("a compaction in order")
	})
}

// withoutNanos leaves out the column that tables of format 2 cannot have.
func withoutNanos(schema *arrow.Schema, text string) (*arrow.Schema, string) {
	fields := slices.DeleteFunc(schema.Fields(), func(f arrow.Field) bool { return f.Name == "ns" })
	for _, v := range []string{`"2020-02-29T01:02:03.000000005"`, `null`, `"1969-12-31T23:59:59.999999999"`} {
		text = strings.Replace(text, `"ns":`+v+`,`, "", 1)
	}
	return arrow.NewSchema(fields, nil), text
}

// upsertBatch commits one batch as an epoch.
func upsertBatch(t *testing.T, w *warehouse, tbl job.Table, e stream.Epoch, rec arrow.RecordBatch) {
	t.Helper()
	s := newSink(t, w, tbl)
	wr, err := s.Writer(t.Context(), forgetful{runtime{memory.DefaultAllocator}})
	if err != nil {
		t.Fatal(err)
	}
	defer wr.Close()
	if err := wr.Write(t.Context(), stream.NewBatch(rec)); err != nil {
		t.Fatal(err)
	}
	cs, err := wr.Prepare(t.Context(), e, false)
	if err != nil {
		t.Fatal(err)
	}
	c := committer(t, s, "a")
	defer c.Close()
	if _, err := c.Commit(t.Context(), []ops.Pending{{Epoch: e, Committables: cs}}, true); err != nil {
		t.Fatal(err)
	}
}
