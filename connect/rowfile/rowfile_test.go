package rowfile_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/rowfile"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

type counter int64

func (c *counter) Add(n int64) { *c += counter(n) }

type runtime struct {
	ops.Runtime
	alloc memory.Allocator
	bad   *counter
}

func (r runtime) Allocator() memory.Allocator { return r.alloc }
func (r runtime) Counter(string) ops.Counter  { return r.bad }

// result is what a table gave.
type result struct {
	schema  string
	rows    []string
	letters []string
	bad     int64
}

// read reads a table of one format; with restart, every batch by a new reader.
func read(t *testing.T, format string, restart bool, o map[string]string, columns ...arrow.Field) (result, error) {
	t.Helper()
	ctx := context.Background()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	c := rowfile.Connectors(objstore.New(objstore.Options{}))[format]
	table := job.Table{Ident: job.Ident{Name: "t"}, Connector: format, Options: o}
	if columns != nil {
		table.Schema.Schema = arrow.NewSchema(columns, nil)
	}
	table, err := c.Resolve(ctx, table)
	if err != nil {
		return result{}, err
	}
	var res result
	for _, f := range table.Schema.Fields() {
		res.schema += fmt.Sprintf("%s %v, ", f.Name, f.Type)
	}
	src, err := c.Source(ctx, ops.Scan{Table: table})
	if err != nil {
		return res, err
	}
	enum, err := src.Enumerator(ctx, nil)
	if err != nil {
		return res, err
	}
	if _, err := enum.Discover(ctx); err != nil {
		return res, err
	}
	bad := new(counter)
	for {
		splits := enum.Take(0, 1, 1)
		if len(splits) == 0 {
			res.bad = int64(*bad)
			return res, nil
		}
		s := splits[0]
		for done := false; !done; {
			r, err := src.Reader(ctx, runtime{alloc: alloc, bad: bad})
			if err != nil {
				return res, err
			}
			if err := r.Assign([]ops.Split{s}); err != nil {
				return res, err
			}
			for {
				f, err := r.Fetch(ctx)
				if err != nil {
					return res, errors.Join(err, r.Close())
				}
				if f.Batch != nil {
					for i, row := range text(f.Batch.Rows) {
						if f.Batch.Kinds != nil {
							row = f.Batch.Kind(i).String() + " " + row
						}
						res.rows = append(res.rows, row)
					}
					f.Batch.Release()
				}
				if f.Errors != nil {
					res.letters = append(res.letters, text(f.Errors.Rows)...)
					f.Errors.Release()
				}
				if s, done = f.After, f.Done; done || restart {
					break
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func text(rec arrow.RecordBatch) []string {
	var out []string
	for i := range int(rec.NumRows()) {
		var cells []string
		for _, c := range rec.Columns() {
			v := c.ValueStr(i)
			if l, ok := c.(array.ListLike); ok && c.IsValid(i) {
				from, to := l.ValueOffsets(i)
				v = fmt.Sprint(to-from, " elements")
			}
			cells = append(cells, v)
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if strings.HasSuffix(name, ".gz") {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(content))
		_ = z.Close()
		content = b.String()
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	id    = arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	name  = arrow.Field{Name: "name", Type: arrow.BinaryTypes.StringView, Nullable: true}
	when  = arrow.Field{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Nullable: true}
	price = arrow.Field{Name: "price", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}, Nullable: true}
)

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		name, content string
		options       map[string]string
		columns       []arrow.Field
		want          []string
	}{
		{name: "declared columns go by order", content: "1,a,2020-01-01 00:00:01,1.5\n2,\"b, \"\"c\"\"\nd\",,\n", columns: []arrow.Field{id, name, when, price}, want: []string{
			"1|a|2020-01-01T00:00:01|1.5", "2|b, \"c\"\nd|(null)|(null)",
		}},
		{name: "with a header they go by name", content: "name;id\na;1\nb;2\n", options: map[string]string{"csv.header": "true", "csv.field-delimiter": ";"}, columns: []arrow.Field{id, name}, want: []string{"1|a", "2|b"}},
		{name: "null literal and comments", content: "# hello\nn/a,n/a\n1,\n", options: map[string]string{"csv.null-literal": "n/a", "csv.allow-comments": "true"}, columns: []arrow.Field{id, name}, want: []string{"(null)|(null)", "1|"}},
		{name: "another quote", content: "1,'a, ''b'' \"'\r\n\n2,c\"\n", options: map[string]string{"csv.quote-character": "'"}, columns: []arrow.Field{id, name}, want: []string{"1|a, 'b' \"", "2|c\""}},
		{name: "escapes", content: "1,\"a\\\"b\\\\\nc\"\n2,d\\,e\n3,\n", options: map[string]string{"csv.escape-character": `\`}, columns: []arrow.Field{id, name}, want: []string{"1|a\"b\\\nc", "2|d,e", "3|"}},
		{name: "no quotes", content: "1→\"a\n#x\n2→b\"\r\n3→\"", options: map[string]string{"csv.disable-quote-character": "true", "csv.field-delimiter": "→", "csv.allow-comments": "true"}, columns: []arrow.Field{id, name}, want: []string{"1|\"a", "2|b\"", "3|\""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, file := range []string{"t.csv", "t.csv.gz"} {
				o := map[string]string{"path": write(t, file, c.content)}
				for k, v := range c.options {
					o[k] = v
				}
				got, err := read(t, "csv", false, o, c.columns...)
				if err != nil || !slices.Equal(got.rows, c.want) {
					t.Errorf("%s: %q, %v; want %q", file, got.rows, err, c.want)
				}
			}
		})
	}
}

func TestColumnsAreFound(t *testing.T) {
	csv := write(t, "t.csv", "i,f,b,d,t,s,none\n1,1.5,true,2020-01-01,2020-01-01 00:00:00.5,x,\n-2,3,false,2020-01-02,2020-01-01 00:00:00,7,\n")
	got, err := read(t, "csv", false, map[string]string{"path": csv})
	if want := "i int64, f float64, b bool, d date32, t timestamp[ms], s string_view, none string_view, "; err != nil || got.schema != want {
		t.Errorf("csv: %s, %v; want %s", got.schema, err, want)
	}
	if want := []string{"1|1.5|true|2020-01-01|2020-01-01T00:00:00.5|x|", "-2|3|false|2020-01-02|2020-01-01T00:00:00|7|"}; !slices.Equal(got.rows, want) {
		t.Errorf("csv: %q, want %q", got.rows, want)
	}
	json := write(t, "t.jsonl", `{"i": 1, "r": {"x": "7", "y": [1.5]}}`+"\n\n"+`{"i": null, "s": "2020-01-01", "r": {"z": true}}`+"\n")
	got, err = read(t, "json", false, map[string]string{"path": json})
	if want := "i int64, r struct<x: string_view nullable, y: list<item: float64, nullable> nullable, z: bool nullable>, s date32, "; err != nil || got.schema != want {
		t.Errorf("json: %s, %v; want %s", got.schema, err, want)
	}
	if len(got.rows) != 2 {
		t.Errorf("json: %d rows", len(got.rows))
	}
}

func TestBadRows(t *testing.T) {
	json := `{"id": 1, "name": "a"}
{"id": "x"}
{"id": 2
[1]
{"id": 9223372036854775808}
{"id": 3, "name": {"n": 1}}
`
	path := write(t, "t.jsonl", json)
	_, err := read(t, "json", false, map[string]string{"path": path}, id, name)
	if err == nil || !strings.Contains(err.Error(), "row 2") || !strings.Contains(err.Error(), "field id") {
		t.Errorf("policy fail: %v; want an error that names row 2 and field id", err)
	}
	got, err := read(t, "json", false, map[string]string{"path": path, "error.policy": "dead-letter"}, id, name)
	if want := []string{"1|a", `3|{"n": 1}`}; err != nil || !slices.Equal(got.rows, want) || got.bad != 4 {
		t.Errorf("rows %q, %d bad, %v; want %q", got.rows, got.bad, err, want)
	}
	if len(got.letters) != 4 || !strings.Contains(got.letters[0], `|2|field id`) {
		t.Errorf("dead letters %q", got.letters)
	}
	csv := write(t, "t.csv", "1,a\nx,b\n2\n3,c\n")
	got, err = read(t, "csv", false, map[string]string{"path": csv, "csv.ignore-parse-errors": "true"}, id, name)
	if want := []string{"1|a", "3|c"}; err != nil || !slices.Equal(got.rows, want) || got.bad != 2 {
		t.Errorf("csv: rows %q, %d bad, %v; want %q", got.rows, got.bad, err, want)
	}
	_, err = read(t, "csv", false, map[string]string{"path": csv}, id, name)
	if err == nil || !strings.Contains(err.Error(), `column id: "x"`) {
		t.Errorf("csv: %v; want an error that names column id and x", err)
	}
}

// TestBadQuotes: what is wrong in a row ends with its line.
func TestBadQuotes(t *testing.T) {
	path := write(t, "t.csv", "1,'a'x\n2,'b'\n3,'c'\\\n4,'d'\n5,'e\n")
	got, err := read(t, "csv", false, map[string]string{"path": path, "csv.quote-character": "'", "csv.escape-character": `\`, "error.policy": "skip"}, id, name)
	if want := []string{"2|b", "4|d"}; err != nil || !slices.Equal(got.rows, want) || got.bad != 3 {
		t.Errorf("rows %q, %d bad, %v; want %q", got.rows, got.bad, err, want)
	}
}

// TestResume: a reader that goes on at a position gives exactly the rest.
func TestResume(t *testing.T) {
	var csv, json strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&csv, "%d,\"row\n%d\"\n", i, i)
		fmt.Fprintf(&json, "{\"id\": %d, \"name\": \"row %d\"}\n", i, i)
	}
	for file, content := range map[string]string{"t.csv": csv.String(), "t2.csv": csv.String(), "t.csv.gz": csv.String(), "t.json": json.String(), "t.json.gz": json.String()} {
		format := strings.Split(file, ".")[1]
		o := map[string]string{"path": write(t, file, content)}
		for k, v := range map[string]string{"t.csv": "", "t2.csv": "\\"} {
			if k == file {
				o["csv.escape-character"] = v
			}
		}
		whole, err := read(t, format, false, o, id, name)
		if err != nil || len(whole.rows) != 20_000 {
			t.Fatalf("%s: %d rows, %v", file, len(whole.rows), err)
		}
		pieces, err := read(t, format, true, o, id, name)
		if err != nil || !slices.Equal(whole.rows, pieces.rows) {
			t.Errorf("%s: %d rows after restarts, %v; want the same %d", file, len(pieces.rows), err, len(whole.rows))
		}
	}
}

func TestClearErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		options map[string]string
		want    string
	}{
		{map[string]string{}, "'path' is missing"},
		{map[string]string{"path": filepath.Join(dir, "*.csv")}, "no file matches"},
		{map[string]string{"path": dir, "csv.field-delimeter": ";"}, "'csv.field-delimiter'"},
		{map[string]string{"path": dir, "error.policy": "ignore"}, "fail, skip or dead-letter"},
		{map[string]string{"path": dir, "source.monitor-interval": "soon"}, "a duration"},
	} {
		_, err := read(t, "csv", false, c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v; want an error with %q", c.options, err, c.want)
		}
	}
}

func TestReplacedFile(t *testing.T) {
	ctx := context.Background()
	path := write(t, "t.csv", "1,a\n")
	c := rowfile.Connectors(objstore.New(objstore.Options{}))["csv"]
	table := job.Table{Connector: "csv", Options: map[string]string{"path": path}, Schema: job.Schema{Schema: arrow.NewSchema([]arrow.Field{id, name}, nil)}}
	src, err := c.Source(ctx, ops.Scan{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	enum, _ := src.Enumerator(ctx, nil)
	if _, err := enum.Discover(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("other rows\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := src.Reader(ctx, runtime{alloc: memory.DefaultAllocator, bad: new(counter)})
	_ = r.Assign(enum.Take(0, 1, 1))
	if _, err := r.Fetch(ctx); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("error %v, want one that says that the file was replaced", err)
	}
}

func TestArrow(t *testing.T) {
	row := arrow.Field{Name: "r", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true}
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, row}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	path := filepath.Join(t.TempDir(), "t.arrow")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(schema))
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		b.Field(0).(*array.Int64Builder).AppendValues([]int64{2 * i, 2*i + 1}, nil)
		b.Field(1).(*array.StructBuilder).Append(true)
		b.Field(1).(*array.StructBuilder).FieldBuilder(0).(*array.StringBuilder).Append("a longer text than fits")
		b.Field(1).AppendNull()
		if err := w.Write(b.NewRecordBatch()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, restart := range []bool{false, true} {
		got, err := read(t, "arrow", restart, map[string]string{"path": path})
		if want := "id int64, r struct<x: string_view nullable>, "; err != nil || got.schema != want || len(got.rows) != 6 {
			t.Errorf("restart %v: %s %q, %v; want %s and 6 rows", restart, got.schema, got.rows, err, want)
		}
	}
}
