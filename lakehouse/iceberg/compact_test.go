package iceberg_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
)

// lineage reads with iceberg-go which id each row has, and at which sequence number
// it was changed last.
func lineage(t *testing.T, w *warehouse, name string) map[int64]string {
	t.Helper()
	_, records, err := w.loadOther(t, name).Scan(table.WithRowLineage()).ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[int64]string{}
	for rec, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		at := func(column string) *array.Int64 {
			return rec.Column(rec.Schema().FieldIndices(column)[0]).(*array.Int64)
		}
		for i := range int(rec.NumRows()) {
			out[at("id").Value(i)] = fmt.Sprintf("row %d of %d", at("_row_id").Value(i), at("_last_updated_sequence_number").Value(i))
		}
		rec.Release()
	}
	return out
}

// TestCompactionKeepsRowIDs: rows keep their ids and sequence numbers, also when
// files that hold them are written anew, with files that do not.
func TestCompactionKeepsRowIDs(t *testing.T) {
	w := manySmall(t, "jdbc", "3", "bucket(2, id)")
	want := lineage(t, w, "events")
	if len(want) != 75 {
		t.Fatalf("%d rows, want 75", len(want))
	}
	c := w.open(t)
	for i, how := range []maintain.Rewrite{{MinInputFiles: 2}, {All: true, Sort: "small desc"}, {All: true}} {
		if done, err := maintain.RewriteDataFiles(t.Context(), c, "events", how); err != nil || done.Added != 2 {
			t.Fatalf("%+v, %v", done, err)
		}
		if diff := cmp.Diff(want, lineage(t, w, "events")); diff != "" {
			t.Errorf("compaction %d: -want +got:\n%s", i, diff)
		}
		// The next one meets rows that have no id of their own, and deleted ones.
		s := newSink(t, w, eventTable(w, "events", nil))
		commit(t, s, fmt.Sprint("later", i), 1, int64(100+10*i), int64(110+10*i))
		w.change(t, "events", deleteWhere(t, idsBetween(int64(40+i), int64(41+i))))
		next := lineage(t, w, "events")
		kept := maps.Clone(want)
		delete(kept, int64(40+i))
		for id, is := range next {
			if id >= int64(100+10*i) {
				kept[id] = is
			}
		}
		if diff := cmp.Diff(kept, next); diff != "" {
			t.Errorf("before compaction %d: -want +got:\n%s", i+1, diff)
		}
		want = next
	}
	if got := w.ids(t, "events"); len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}

// TestCompactionKeepsValuesOfOthers: values that other writers can write and SQL
// cannot hold are what they were.
func TestCompactionKeepsValuesOfOthers(t *testing.T) {
	w := newWarehouse(t, "hadoop")
	w.open(t)
	schema := ice.NewSchema(0,
		ice.NestedField{ID: 1, Name: "id", Type: ice.PrimitiveTypes.Int64, Required: true},
		ice.NestedField{ID: 2, Name: "u", Type: ice.PrimitiveTypes.UUID},
		ice.NestedField{ID: 3, Name: "at", Type: ice.PrimitiveTypes.Time},
		ice.NestedField{ID: 4, Name: "six", Type: ice.FixedTypeOf(6)},
		ice.NestedField{ID: 5, Name: "all", Type: &ice.ListType{ElementID: 6, Element: ice.PrimitiveTypes.UUID}},
	)
	spec := ice.NewPartitionSpec(ice.PartitionField{SourceIDs: []int{2}, FieldID: 1000, Name: "b", Transform: ice.BucketTransform{NumBuckets: 2}})
	tbl, err := w.other(t).CreateTable(t.Context(), table.Identifier{"default", "theirs"}, schema, icecatalog.WithPartitionSpec(&spec))
	if err != nil {
		t.Fatal(err)
	}
	fields, err := table.SchemaToArrowSchema(schema, nil, true, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`[{"id":1,"u":"00010203-0405-0607-0809-0a0b0c0d0eff","at":"12:34:56.789012","six":"AQIDBAUG","all":["f0010203-0405-0607-0809-0a0b0c0d0e01",null]},{"id":2,"u":null,"at":null,"six":null,"all":null}]`,
		`[{"id":3,"u":"f0010203-0405-0607-0809-0a0b0c0d0e01","at":"00:00:00.000001","six":"AAAAAAAA","all":[]}]`,
	} {
		rows, err := array.TableFromJSON(memory.DefaultAllocator, fields, []string{text})
		if err != nil {
			t.Fatal(err)
		}
		if tbl, err = tbl.AppendTable(t.Context(), rows, 10, nil); err != nil {
			t.Fatal(err)
		}
	}
	read := func() map[string]bool {
		out := map[string]bool{}
		_, records, err := w.loadOther(t, "theirs").Scan().ToArrowRecords(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range records {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(rec.NumRows()) {
				var row []string
				for _, c := range rec.Columns() {
					row = append(row, fmt.Sprintf("%s %s", c.DataType(), c.ValueStr(i)))
				}
				out[strings.Join(row, ", ")] = true
			}
			rec.Release()
		}
		return out
	}
	want := read()
	if len(want) != 3 {
		t.Fatalf("rows %v", want)
	}
	for _, how := range []maintain.Rewrite{{All: true}, {All: true, Sort: "six desc, id"}} {
		done, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "theirs", how)
		if err != nil || done.Files < 2 {
			t.Fatalf("%+v, %v", done, err)
		}
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", how, diff)
		}
	}
	if _, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "theirs", maintain.Rewrite{All: true, Sort: "u"}); err != nil {
		t.Error(err)
	}
}
