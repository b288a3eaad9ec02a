package jdbc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wadi-engine/wadi/connect/jdbc"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// runtime is that of a job with checkpoints.
type runtime struct{ ops.Runtime }

func (runtime) Durable() bool               { return true }
func (runtime) Allocator() memory.Allocator { return memory.DefaultAllocator }
func (runtime) Counter(string) ops.Counter  { return counter{} }

type counter struct{}

func (counter) Add(int64) {}

func start(t *testing.T, setup ...string) (address string, conn *pgconn.PgConn) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a database")
	}
	address = testserver.Postgres(t)
	conn, err := pgconn.Connect(t.Context(), "postgres://postgres@"+address+"/postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, s := range setup {
		if _, err := conn.Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return address, conn
}

func table(address, name string, key []string, options ...string) job.Table {
	o := map[string]string{"connector": "jdbc", "url": "jdbc:postgresql://" + address + "/postgres", "username": "postgres", "table-name": name}
	for _, option := range options {
		k, v, _ := strings.Cut(option, "=")
		o[k] = v
	}
	return job.Table{
		Ident: job.Ident{Name: name}, Connector: "jdbc", Options: o, PrimaryKey: key,
		Schema: job.Schema{Schema: arrow.NewSchema([]arrow.Field{
			{Name: "a", Type: arrow.BinaryTypes.StringView, Nullable: true}, {Name: "b", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		}, nil)},
	}
}

// TestResume: a split that is read on from any of its positions gives every row
// once, with a primary key and without one.
func TestResume(t *testing.T) {
	address, _ := start(
		t, "CREATE TABLE pairs (a text, b bigint)",
		"INSERT INTO pairs SELECT CASE WHEN i % 10 = 0 THEN NULL ELSE 'it''s ' || (i % 7) END, i FROM generate_series(1, 200) AS i",
		"INSERT INTO pairs SELECT 'twice', 7 FROM generate_series(1, 20)",
		"CREATE TABLE keyed (a text, b bigint, PRIMARY KEY (a, b))", "INSERT INTO keyed SELECT 'k' || (i % 7), i * 9007199254740993 FROM generate_series(1, 200) AS i",
	)
	for _, c := range []struct {
		table job.Table
		rows  int
	}{
		{table(address, "pairs", nil, "scan.fetch-size=7"), 220},
		{table(address, "keyed", []string{"a", "b"}, "scan.fetch-size=7"), 200},
	} {
		t.Run(c.table.Ident.Name, func(t *testing.T) {
			src := source(t, ops.Scan{Table: c.table})
			first := splits(t, src)[0]
			all, positions := read(t, src, first)
			if len(all) != c.rows || len(positions) < 20 {
				t.Fatalf("%d rows on %d pages", len(all), len(positions))
			}
			seen := 0
			for _, p := range positions {
				rest, _ := read(t, src, p.split)
				seen += p.rows
				if got := slices.Concat(all[:seen], rest); !slices.Equal(got, all) {
					t.Fatalf("behind %d rows, at %s: %d rows", seen, p.split.Position, len(rest))
				}
			}
		})
	}
}

// TestPushed: conditions reach the database as far as they can be told there.
func TestPushed(t *testing.T) {
	address, _ := start(t, "CREATE TABLE pairs (a text, b bigint)", "INSERT INTO pairs SELECT 'x' || i, i FROM generate_series(1, 50) AS i")
	b := &expr.Column{Index: 0, Name: "b", Of: arrow.PrimitiveTypes.Int64}
	filter := &expr.Call{Func: "and", Of: arrow.FixedWidthTypes.Boolean, Args: []expr.Expr{
		&expr.Call{Func: "gt", Of: arrow.FixedWidthTypes.Boolean, Args: []expr.Expr{b, &expr.Literal{Value: int64(45), Of: b.Of}}},
		&expr.Call{Func: "unknown", Of: arrow.FixedWidthTypes.Boolean, Args: []expr.Expr{b}},
	}}
	src := source(t, ops.Scan{Table: table(address, "pairs", nil), Columns: [][]string{{"b"}}, Filter: expr.NewDoc(filter)})
	rows, _ := read(t, src, splits(t, src)[0])
	if want := []string{"46", "47", "48", "49", "50"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

func source(t *testing.T, scan ops.Scan) ops.Source {
	t.Helper()
	src, err := jdbc.Connector().Source(t.Context(), scan)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func splits(t *testing.T, src ops.Source) []ops.Split {
	t.Helper()
	enum, err := src.Enumerator(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := enum.Discover(t.Context()); !done || err != nil {
		t.Fatal(done, err)
	}
	return enum.Take(0, 1, 100)
}

// at is a position behind so many more rows.
type at struct {
	split ops.Split
	rows  int
}

// read reads a split to its end.
func read(t *testing.T, src ops.Source, split ops.Split) (rows []string, positions []at) {
	t.Helper()
	r, err := src.Reader(t.Context(), runtime{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Assign([]ops.Split{split}); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := r.Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Done {
			return rows, positions
		}
		if f.Batch == nil {
			<-f.Ready
			continue
		}
		for row := range f.Batch.Len() {
			var cells []string
			for _, c := range f.Batch.Rows.Columns() {
				cells = append(cells, c.ValueStr(row))
			}
			rows = append(rows, strings.Join(cells, " "))
		}
		positions = append(positions, at{f.After, f.Batch.Len()})
		f.Batch.Release()
	}
}

func pairs(t *testing.T, kinds []stream.RowKind, rows ...string) *stream.Batch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, table("", "t", nil).Schema.Schema)
	defer b.Release()
	for _, r := range rows {
		var a string
		var n int64
		if _, err := fmt.Sscan(r, &a, &n); err != nil {
			t.Fatal(err)
		}
		b.Field(0).(*array.StringViewBuilder).Append(a)
		b.Field(1).(*array.Int64Builder).Append(n)
	}
	out := stream.NewBatch(b.NewRecordBatch())
	out.Kinds = kinds
	return out
}

// contents are the rows of a table.
func contents(t *testing.T, conn *pgconn.PgConn, name string) string {
	t.Helper()
	res, err := conn.Exec(t.Context(), "SELECT json_agg(q.a || ' ' || q.b) FROM (SELECT * FROM "+name+" ORDER BY a, b) AS q").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	if text := res[0].Rows[0][0]; text != nil {
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(all, ", ")
}

// TestSinkKeepsTheLastChange: of what is gathered, the last change of each key
// counts; a connection that is lost is opened again, and rows that wait are sent in
// time.
func TestSinkKeepsTheLastChange(t *testing.T) {
	address, conn := start(t, "CREATE TABLE target (a text PRIMARY KEY, b bigint)", "INSERT INTO target VALUES ('old', 0), ('gone', 0)")
	sink, err := jdbc.Connector().Sink(t.Context(), table(address, "target", []string{"a"}, "sink.buffer-flush.interval=20 ms", "sink.buffer-flush.max-rows=0"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(t.Context(), runtime{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	write := func(kinds []stream.RowKind, rows ...string) {
		if err := w.Write(t.Context(), pairs(t, kinds, rows...)); err != nil {
			t.Fatal(err)
		}
	}
	write([]stream.RowKind{stream.Insert, stream.UpdateBefore, stream.UpdateAfter, stream.Delete, stream.Delete, stream.Insert},
		"x 1", "x 1", "x 2", "gone 0", "y 1", "y 5")
	for deadline := time.Now().Add(10 * time.Second); contents(t, conn, "target") != "old 0, x 2, y 5"; {
		if time.Now().After(deadline) {
			t.Fatalf("the table has %s", contents(t, conn, "target"))
		}
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'").ReadAll(); err != nil {
		t.Fatal(err)
	}
	write(nil, "z 1")
	if _, err := w.Prepare(t.Context(), 1, true); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, conn, "target"); got != "old 0, x 2, y 5, z 1" {
		t.Errorf("the table has %s", got)
	}
}
