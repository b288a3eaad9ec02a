package iceberg_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/hadoop"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// warehouse is a place for tables in a test.
type warehouse struct {
	dir     string
	kind    string // jdbc or hadoop
	env     catalog.Env
	options map[string]string
}

func newWarehouse(t *testing.T, kind string) *warehouse {
	dir := t.TempDir()
	w := &warehouse{dir: dir, kind: kind, env: catalog.Env{Stores: objstore.New(objstore.Options{})}}
	w.options = map[string]string{"catalog-type": kind, "warehouse": "file://" + dir + "/wh"}
	if kind == "jdbc" {
		w.options["uri"] = "jdbc:sqlite:" + dir + "/cat.db"
	}
	return w
}

func (w *warehouse) open(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Open(t.Context(), "cat", w.options, w.env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// other opens the catalog with iceberg-go, as a reader that is not ours.
func (w *warehouse) other(t *testing.T) icecatalog.Catalog {
	t.Helper()
	if w.kind == "hadoop" {
		c, err := hadoop.NewCatalog("cat", w.dir+"/wh", nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "cat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := sqlcatalog.NewCatalog("cat", db, sqlcatalog.SQLite, ice.Properties{"warehouse": "file://" + w.dir + "/wh"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ids reads the column id with iceberg-go and returns its sorted values.
func (w *warehouse) ids(t *testing.T, name string) []int64 {
	t.Helper()
	tbl, err := w.other(t).LoadTable(t.Context(), table.Identifier{"default", name})
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	_, records, err := tbl.Scan(table.WithSelectedFields("id")).ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, rec.Column(0).(*array.Int64).Int64Values()...)
		rec.Release()
	}
	slices.Sort(ids)
	return ids
}

var eventSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "name", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Nullable: true},
	{Name: "small", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
}, nil)

// events makes rows with the ids [from, to).
func events(mem memory.Allocator, from, to int64) *stream.Batch {
	b := array.NewRecordBuilder(mem, eventSchema)
	defer b.Release()
	for id := from; id < to; id++ {
		b.Field(0).(*array.Int64Builder).Append(id)
		if id%7 == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringViewBuilder).Append(fmt.Sprintf("event number %d", id))
		}
		b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() + id*3_600_000))
		b.Field(3).(*array.Int16Builder).Append(int16(id))
	}
	return stream.NewBatch(b.NewRecordBatch())
}

func eventTable(w *warehouse, name string, options map[string]string) job.Table {
	t := job.Table{
		Ident:     job.Ident{Catalog: "cat", Database: "default", Name: name},
		Schema:    job.Schema{Schema: eventSchema},
		Connector: "iceberg",
		Options:   map[string]string{"connector": "iceberg", "create-table": "true", "catalog-name": "cat"},
	}
	for k, v := range w.options {
		t.Options[k] = v
	}
	for k, v := range options {
		t.Options[k] = v
	}
	return t
}

func newSink(t *testing.T, w *warehouse, tbl job.Table) ops.Sink {
	t.Helper()
	s, err := iceberg.Connector(w.env).Sink(t.Context(), tbl)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// runtime is what a writer needs of the engine.
type runtime struct{ mem memory.Allocator }

func (runtime) Task() ops.TaskInfo                     { return ops.TaskInfo{Job: "j", UID: "s", Parallelism: 1} }
func (runtime) Table(ops.TableSpec) (ops.Table, error) { panic("not used") }
func (runtime) Durable() bool                          { return true }
func (runtime) Watermark() stream.Timestamp            { return stream.Start }
func (r runtime) Allocator() memory.Allocator          { return r.mem }
func (runtime) Counter(string) ops.Counter             { return nothing{} }

type nothing struct{}

func (nothing) Add(int64) {}

// stage writes the ids [from, to) as one epoch.
func stage(t *testing.T, s ops.Sink, e stream.Epoch, from, to int64) ops.Pending {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	w, err := s.Writer(t.Context(), runtime{mem})
	if err != nil {
		t.Fatal(err)
	}
	for at := from; at < to; at += 100 {
		if err := w.Write(t.Context(), events(mem, at, min(at+100, to))); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := w.Prepare(t.Context(), e, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return ops.Pending{Epoch: e, Committables: cs}
}

func committer(t *testing.T, s ops.Sink, id string) ops.Committer {
	t.Helper()
	c, err := s.Committer(t.Context(), ops.SinkID{Job: "job-" + id, Sink: "sink"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func span(from, to int64) []int64 {
	var ids []int64
	for id := from; id < to; id++ {
		ids = append(ids, id)
	}
	return ids
}

func wantIDs(t *testing.T, w *warehouse, name string, want []int64) {
	t.Helper()
	if got := w.ids(t, name); !slices.Equal(got, want) {
		t.Errorf("table %s holds %d rows, want %d: %.100s", name, len(got), len(want), fmt.Sprint(got))
	}
}

var background = context.Background()
