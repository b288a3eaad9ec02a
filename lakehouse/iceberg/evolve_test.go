package iceberg_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// change commits a change of a table by iceberg-go.
func (w *warehouse) change(t *testing.T, name string, f func(tx *table.Transaction) error) {
	t.Helper()
	tx := w.loadOther(t, name).NewTransaction()
	if err := f(tx); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// described is the table as the catalog describes it now, with more options.
func (w *warehouse) described(t *testing.T, name string, options ...string) job.Table {
	t.Helper()
	tbl, err := w.open(t).Table(t.Context(), "default", name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(options); i += 2 {
		tbl.Options[options[i]] = options[i+1]
	}
	return tbl
}

// readJSON writes the rows of a JSON text as one committed epoch.
func writeJSON(t *testing.T, w *warehouse, tbl job.Table, e stream.Epoch, text string) {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, tbl.Schema.Schema, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s := newSink(t, w, tbl)
	wr, err := s.Writer(t.Context(), runtime{memory.DefaultAllocator})
	if err != nil {
		t.Fatal(err)
	}
	if err := wr.Write(t.Context(), stream.NewBatch(rec)); err != nil {
		t.Fatal(err)
	}
	cs, err := wr.Prepare(t.Context(), e, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := wr.Close(); err != nil {
		t.Fatal(err)
	}
	c := committer(t, s, "a")
	defer c.Close()
	if _, err := c.Commit(t.Context(), []ops.Pending{{Epoch: e, Committables: cs}}, true); err != nil {
		t.Fatal(err)
	}
}

// TestSourceEvolves: files of older schemas are read by the ids of their
// columns, before and after a snapshot has the new one.
func TestSourceEvolves(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	nullable := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	tbl := eventTable(w, "old", nil)
	tbl.Schema = job.Schema{Schema: arrow.NewSchema([]arrow.Field{
		nullable("id", arrow.PrimitiveTypes.Int32), nullable("name", arrow.BinaryTypes.StringView), nullable("gone", arrow.PrimitiveTypes.Float32),
		nullable("at", arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Float32), nullable("y", arrow.PrimitiveTypes.Int32))),
		nullable("list", arrow.ListOfField(nullable("element", arrow.PrimitiveTypes.Int32))),
	}, nil)}
	writeJSON(t, w, tbl, 1, `[{"id":1,"name":"a","gone":1.5,"at":{"x":0.5,"y":7},"list":[1,2]},{"id":2,"name":"b","gone":null,"at":null,"list":null}]`)
	w.change(t, "old", func(tx *table.Transaction) error {
		u := tx.UpdateSchema(true, false)
		return u.RenameColumn([]string{"name"}, "label").DeleteColumn([]string{"gone"}).
			AddColumn([]string{"gone"}, ice.PrimitiveTypes.String, "", false, nil).
			AddColumn([]string{"at", "z"}, ice.PrimitiveTypes.String, "", false, nil).
			RenameColumn([]string{"at", "y"}, "why").
			UpdateColumn([]string{"id"}, table.ColumnUpdate{FieldType: ice.Optional[ice.Type]{Val: ice.PrimitiveTypes.Int64, Valid: true}}).
			UpdateColumn([]string{"at", "x"}, table.ColumnUpdate{FieldType: ice.Optional[ice.Type]{Val: ice.PrimitiveTypes.Float64, Valid: true}}).
			UpdateColumn([]string{"list", "element"}, table.ColumnUpdate{FieldType: ice.Optional[ice.Type]{Val: ice.PrimitiveTypes.Int64, Valid: true}}).
			MoveFirst([]string{"at"}).Commit()
	})
	con := iceberg.Connector(w.env)
	columns := [][]string{{"id"}, {"label"}, {"gone"}, {"at"}, {"list"}, {"at", "z"}, {"at", "why"}}
	want := []string{`1 a (null) {"why":7,"x":0.5,"z":null} [1,2] (null) 7`, `2 b (null) (null) (null) (null) (null)`}
	now := w.described(t, "old")
	if diff := cmp.Diff(want, drain(t, con, ops.Scan{Table: now, Columns: columns}, 1)); diff != "" {
		t.Errorf("before a new snapshot: -want +got:\n%s", diff)
	}
	writeJSON(t, w, now, 2, `[{"at":{"x":1.25,"why":8,"z":"zed"},"id":5000000000,"label":"c","gone":"new","list":[6000000000]}]`)
	want = append(want, `5000000000 c new {"why":8,"x":1.25,"z":"zed"} [6000000000] zed 8`)
	got := drain(t, con, ops.Scan{Table: w.described(t, "old"), Columns: columns}, 1)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// A filter by the new name and type prunes the old file by its id.
	column := func(i int, dt arrow.DataType) expr.Expr { return &expr.Column{Index: i, Of: dt} }
	filter := &expr.Call{Func: "gt", Args: []expr.Expr{column(0, arrow.PrimitiveTypes.Int64), &expr.Literal{Value: int64(10), Of: arrow.PrimitiveTypes.Int64}}, Of: arrow.FixedWidthTypes.Boolean}
	got = drain(t, con, ops.Scan{Table: w.described(t, "old"), Columns: columns[:2], Filter: expr.NewDoc(filter)}, -1)
	if diff := cmp.Diff([]string{"5000000000 c"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSourceLeavesDeletedRowsOut: deletes of every kind, by other writers.
func TestSourceLeavesDeletedRowsOut(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		for _, partitioning := range []string{"", "bucket(2, id)"} {
			t.Run("v"+version+partitioning, func(t *testing.T) {
				w := manySmall(t, "jdbc", version, partitioning) // positions, or deletion vectors
				w.change(t, "events", func(tx *table.Transaction) error {
					return tx.CommitEqualityDeletes(t.Context(), []int{1}, ids(t, 30, 35), nil)
				})
				s := newSink(t, w, eventTable(w, "events", nil))
				c := committer(t, s, "b")
				defer c.Close()
				if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, 1, 32, 34)}, true); err != nil {
					t.Fatal(err) // rows that come behind the deletes are not deleted
				}
				var want []string
				for _, id := range append([]int64{25, 26, 27, 28, 29, 32, 33}, span(35, 100)...) {
					want = append(want, fmt.Sprint(id))
				}
				con := iceberg.Connector(w.env)
				for _, crash := range []int{-1, 1} {
					got := drain(t, con, ops.Scan{Table: w.described(t, "events"), Columns: [][]string{{"id"}}}, crash)
					slices.SortFunc(got, func(a, b string) int { return len(a) - len(b) + 10*strings.Compare(a, b) })
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("-want +got:\n%s", diff)
					}
				}
				// The column that tells them apart need not be read.
				names := drain(t, con, ops.Scan{Table: w.described(t, "events"), Columns: [][]string{{"small"}}}, -1)
				if len(names) != len(want) {
					t.Errorf("%d rows, want %d", len(names), len(want))
				}
				if n := len(drain(t, con, ops.Scan{Table: w.described(t, "events"), Columns: [][]string{}}, -1)); n != len(want) {
					t.Errorf("%d rows without columns, want %d", n, len(want))
				}
			})
		}
	}
}

// ids are records of one column, the field 1 called id.
func ids(t *testing.T, from, to int64) iter.Seq2[arrow.RecordBatch, error] {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{
		Name: "id", Type: arrow.PrimitiveTypes.Int64, Metadata: arrow.MetadataFrom(map[string]string{"PARQUET:field_id": "1"}),
	}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int64Builder).AppendValues(span(from, to), nil)
	rec := b.NewRecordBatch()
	return func(yield func(arrow.RecordBatch, error) bool) { yield(rec, nil) }
}

// TestSourceTravels: earlier states of a table are read.
func TestSourceTravels(t *testing.T) {
	w := manySmall(t, "jdbc", "2", "")
	tbl := w.loadOther(t, "events")
	snapshots := tbl.Metadata().Snapshots()
	third := snapshots[2]
	con := iceberg.Connector(w.env)
	count := func(options ...string) int {
		t.Helper()
		return len(drain(t, con, ops.Scan{Table: w.described(t, "events", options...), Columns: [][]string{{"id"}}}, -1))
	}
	if n := count("snapshot-id", fmt.Sprint(third.SnapshotID)); n != 30 {
		t.Errorf("%d rows, want 30", n)
	}
	if n := count("as-of-timestamp", fmt.Sprint(third.TimestampMs)); n != 30 {
		t.Errorf("%d rows, want 30", n)
	}
	if n := count("branch", "main"); n != 75 {
		t.Errorf("%d rows, want 75", n)
	}
	for _, c := range [][]string{
		{"snapshot-id", "5", "no snapshot 5"},
		{"as-of-timestamp", "1000", "no snapshot as old as 1970-01-01 00:00:01.000 UTC"},
		{"tag", "v1", `no tag "v1"`},
		{"as-of-timestamp", "yesterday", "want a number"},
	} {
		src, err := con.Source(t.Context(), ops.Scan{Table: w.described(t, "events", c[:2]...)})
		if err == nil {
			var en ops.SplitEnumerator
			if en, err = src.Enumerator(t.Context(), nil); err == nil {
				_, err = en.Discover(t.Context())
			}
		}
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(fmt.Sprint(err), c[2]) {
			t.Errorf("%q: %v", c, err)
		}
	}
	_, err := con.Source(t.Context(), ops.Scan{Table: w.described(t, "events", "tag", "a", "branch", "b")})
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "only one of them") {
		t.Error(err)
	}
}
