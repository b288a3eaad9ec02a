package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// lender is the Runtime of a reader under test.
type lender struct{ alloc memory.Allocator }

func (l lender) Task() ops.TaskInfo                     { return ops.TaskInfo{} }
func (l lender) Table(ops.TableSpec) (ops.Table, error) { panic("a reader keeps no state") }
func (l lender) Durable() bool                          { return false }
func (l lender) Watermark() (t stream.Timestamp)        { return t }
func (l lender) Allocator() memory.Allocator            { return l.alloc }
func (l lender) Counter(string) ops.Counter             { panic("a reader counts nothing") }

// shelf is a memory store with Parquet files in it.
type shelf struct {
	t      *testing.T
	stores *objstore.Stores
	bucket *objstore.Bucket
}

func newShelf(t *testing.T) *shelf {
	stores := objstore.New(objstore.Options{})
	b, err := stores.Open(t.Context(), "mem://shelf", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{t, stores, b}
}

// put writes a file with the columns n (values from..to-1), their text, and
// an array column for each further name.
func (s *shelf) put(name string, schema *arrow.Schema, from, to int64) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := from; i < to; i++ {
		for k := range schema.NumFields() {
			switch b := b.Field(k).(type) {
			case *array.Int64Builder:
				b.Append(i)
			case *array.Int32Builder:
				b.Append(int32(i))
			case *array.StringViewBuilder:
				b.Append(fmt.Sprintf("row number %d", i))
			case *array.StructBuilder:
				b.Append(true)
				b.FieldBuilder(0).(*array.Int64Builder).Append(-i)
			}
		}
	}
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, schema, parquet.WriterOptions{RowGroupRows: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := w.Write(b.NewRecordBatch()); err != nil {
		s.t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	if err := s.bucket.Put(s.t.Context(), name, file.Bytes()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) table(options ...string) job.Table {
	t := job.Table{Ident: job.Ident{Name: "t"}, Connector: "parquet", Options: map[string]string{"path": "mem://shelf/*.parquet"}}
	for i := 0; i < len(options); i += 2 {
		t.Options[options[i]] = options[i+1]
	}
	return t
}

var (
	number = arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	word   = arrow.Field{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true}
	nested = arrow.Field{Name: "r", Nullable: true, Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64})}
)

func (s *shelf) source(scan ops.Scan) ops.Source {
	c := parquet.NewConnector(s.stores)
	t, err := c.Resolve(s.t.Context(), scan.Table)
	if err != nil {
		s.t.Fatal(err)
	}
	scan.Table = t
	src, err := c.Source(s.t.Context(), scan)
	if err != nil {
		s.t.Fatal(err)
	}
	return src
}

// splits lists what the enumerator finds now.
func (s *shelf) splits(src ops.Source, state []byte) (splits []ops.Split, e ops.SplitEnumerator, err error) {
	if e, err = src.Enumerator(s.t.Context(), state); err != nil {
		return nil, nil, err
	}
	_, err = e.Discover(s.t.Context())
	return e.Take(0, 1, 1000), e, err
}

// read reads splits to their end, or until most batches came; it returns the
// rows and the positions behind the last.
func (s *shelf) read(src ops.Source, splits []ops.Split, most int) (rows []string, left []ops.Split, err error) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(s.t, 0)
	r, err := src.Reader(s.t.Context(), lender{alloc})
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if err := r.Assign(splits); err != nil {
		return nil, nil, err
	}
	left = slices.Clone(splits)
	for len(left) > 0 && most > 0 {
		f, err := r.Fetch(context.Background())
		if err != nil {
			return rows, left, err
		}
		if f.Batch != nil {
			rows = append(rows, lines(f.Batch.Rows)...)
			if !f.Batch.Rows.Schema().Equal(src.Schema()) {
				s.t.Errorf("batch has %v, the source %v", f.Batch.Rows.Schema(), src.Schema())
			}
			f.Batch.Release()
			most--
		}
		at := slices.IndexFunc(left, func(x ops.Split) bool { return x.ID == f.After.ID })
		if left[at] = f.After; f.Done {
			left = slices.Delete(left, at, at+1)
		}
	}
	return rows, left, nil
}

func TestConnectorReadsFilesInOrder(t *testing.T) {
	s := newShelf(t)
	two := arrow.NewSchema([]arrow.Field{number, nested}, nil)
	s.put("b.parquet", two, 250, 400)
	s.put("a.parquet", two, 0, 250)
	s.put("other.txt", two, 0, 1)
	src := s.source(ops.Scan{Table: s.table(), Columns: [][]string{{"r", "x"}, {"n"}}})
	if got := src.Schema().Field(0); got.Name != "r.x" || !got.Nullable {
		t.Errorf("first column is %v", got)
	}
	splits, e, err := s.splits(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := s.read(src, splits, 1e9)
	if err != nil || len(rows) != 400 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		if r != fmt.Sprintf("%d %d ", -i, i) {
			t.Fatalf("row %d is %q", i, r)
		}
	}
	state, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := s.splits(src, state); err != nil || len(again) != 0 {
		t.Errorf("after a restart %v, %v", again, err)
	}
}

// TestConnectorResumes stops after every number of batches and goes on with a
// new reader at the positions.
func TestConnectorResumes(t *testing.T) {
	s := newShelf(t)
	s.put("a.parquet", arrow.NewSchema([]arrow.Field{number, word}, nil), 0, 350)
	src := s.source(ops.Scan{Table: s.table()})
	splits, _, err := s.splits(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole, _, err := s.read(src, splits, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		first, left, err := s.read(src, splits, n)
		if err != nil {
			t.Fatal(err)
		}
		rest, _, err := s.read(src, left, 1e9)
		if err != nil || !slices.Equal(append(first, rest...), whole) {
			t.Errorf("stopped after %d batches: %d and %d rows, %v", n, len(first), len(rest), err)
		}
	}
}

func TestConnectorFilters(t *testing.T) {
	s := newShelf(t)
	s.put("a.parquet", arrow.NewSchema([]arrow.Field{number, word}, nil), 0, 350)
	filter := &expr.Call{Func: "ge", Of: arrow.FixedWidthTypes.Boolean, Args: []expr.Expr{
		&expr.Column{Index: 1, Name: "n", Of: number.Type}, &expr.Literal{Value: int64(310), Of: number.Type},
	}}
	src := s.source(ops.Scan{Table: s.table(), Columns: [][]string{{"s"}, {"n"}}, Filter: expr.NewDoc(filter)})
	splits, _, err := s.splits(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, left, err := s.read(src, splits, 1e9)
	if err != nil || len(rows) != 50 || len(left) != 0 {
		t.Errorf("%d rows, %d splits left, %v", len(rows), len(left), err)
	}
}

// TestConnectorSchemas reads files that lack columns, or have narrower types.
func TestConnectorSchemas(t *testing.T) {
	s := newShelf(t)
	small := number
	small.Type = arrow.PrimitiveTypes.Int32
	s.put("a.parquet", arrow.NewSchema([]arrow.Field{number, word}, nil), 0, 1)
	s.put("b.parquet", arrow.NewSchema([]arrow.Field{small}, nil), 1, 2)
	s.put("c.parquet", arrow.NewSchema([]arrow.Field{word}, nil), 2, 3)
	src := s.source(ops.Scan{Table: s.table()})
	splits, _, err := s.splits(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := s.read(src, splits, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"0 x726f77206e756d6265722030 ", "1 null ", "null x726f77206e756d6265722032 "}
	if !slices.Equal(rows, want) {
		t.Errorf("got %q", rows)
	}
	wrong := word
	wrong.Name = "n"
	s.put("d.parquet", arrow.NewSchema([]arrow.Field{wrong}, nil), 3, 4)
	_, _, err = s.splits(src, nil)
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "d.parquet") || !strings.Contains(err.Error(), `"n"`) {
		t.Errorf("got %v, want an error that names the file and the column", err)
	}
}

// TestConnectorPartitions reads a column that only the paths have.
func TestConnectorPartitions(t *testing.T) {
	s := newShelf(t)
	schema := arrow.NewSchema([]arrow.Field{number}, nil)
	s.put("day=2020-01-02/k=a%20b/1.parquet", schema, 0, 1)
	s.put("day=__HIVE_DEFAULT_PARTITION__/k=c/1.parquet", schema, 1, 2)
	day := arrow.Field{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true}
	key := arrow.Field{Name: "k", Type: arrow.BinaryTypes.StringView, Nullable: true}
	table := s.table("path", "mem://shelf/**/*.parquet")
	table.PartitionedBy = []string{"day", "k"}
	table.Schema = job.Schema{Schema: arrow.NewSchema([]arrow.Field{day, number, key, word}, nil)}
	src := s.source(ops.Scan{Table: table})
	splits, _, err := s.splits(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := s.read(src, splits, 1e9)
	if want := []string{"18263 0 x612062 null ", "null 1 x63 null "}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("got %q, %v", rows, err)
	}
}

func TestConnectorNoticesReplacedFile(t *testing.T) {
	s := newShelf(t)
	schema := arrow.NewSchema([]arrow.Field{number}, nil)
	s.put("a.parquet", schema, 0, 10)
	src := s.source(ops.Scan{Table: s.table()})
	splits, _, err := s.splits(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.put("a.parquet", schema, 5, 15)
	_, _, err = s.read(src, splits, 1e9)
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "a.parquet was replaced") {
		t.Errorf("got %v", err)
	}
}

// TestConnectorDiscovers looks for new files, across a restart of the enumerator too.
func TestConnectorDiscovers(t *testing.T) {
	s := newShelf(t)
	schema := arrow.NewSchema([]arrow.Field{number}, nil)
	s.put("a.parquet", schema, 0, 10)
	src := s.source(ops.Scan{Table: s.table("source.monitor-interval", "5 s")})
	if src.Bounded() || src.(ops.Discoverer).DiscoveryInterval().Seconds() != 5 {
		t.Error("not a stream that looks every 5 s")
	}
	splits, e, err := s.splits(src, nil)
	if err != nil || len(splits) != 1 {
		t.Fatalf("%v, %v", splits, err)
	}
	s.put("b.parquet", schema, 10, 20)
	if done, err := e.Discover(t.Context()); done || err != nil {
		t.Fatal(done, err)
	}
	state, err := e.Snapshot() // b is found and not taken
	if err != nil {
		t.Fatal(err)
	}
	s.put("0.parquet", schema, 20, 30)
	found, _, err := s.splits(src, state)
	if err != nil || len(found) != 2 || !strings.Contains(found[0].ID, "b.parquet#0-1@") || !strings.Contains(found[1].ID, "0.parquet") {
		t.Fatalf("%v, %v", found, err)
	}
}

func TestConnectorRefuses(t *testing.T) {
	s := newShelf(t)
	s.put("a.parquet", arrow.NewSchema([]arrow.Field{number}, nil), 0, 1)
	c := parquet.NewConnector(s.stores)
	for want, table := range map[string]job.Table{
		"option 'path' is missing": s.table("path", ""),
		"no file matches":          s.table("path", "mem://shelf/none*.parquet"),
		"is not parquet":           s.table("format", "csv"),
		"write it as":              s.table("source.monitor-interval", "often"),
	} {
		if _, err := c.Resolve(t.Context(), table); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
