package sql_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
)

// source is a table of the tests: it has a schema and no rows.
type source struct {
	ops.Source
	schema  *arrow.Schema
	bounded bool
}

func (s source) Schema() *arrow.Schema { return s.schema }
func (s source) Bounded() bool         { return s.bounded }

// scanned is the schema of what a scan asks for.
func scanned(scan ops.Scan) (*arrow.Schema, error) {
	if scan.Columns == nil {
		return scan.Table.Schema.Schema, nil
	}
	var fields []arrow.Field
	for _, path := range scan.Columns {
		at, ok := scan.Table.Schema.FieldsByName(path[0])
		if !ok {
			return nil, fmt.Errorf("%w: no column %q", job.ErrInvalid, path)
		}
		f := at[0]
		for _, name := range path[1:] {
			st := f.Type.(*arrow.StructType)
			i, _ := st.FieldIdx(name)
			nullable := f.Nullable
			f = st.Field(i)
			f.Nullable = f.Nullable || nullable
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(fields, nil), nil
}

// rowsInPath takes the number at the end of a path for how many rows there are.
func rowsInPath(_ context.Context, s ops.Scan) ops.Estimate {
	path := s.Table.Options["path"]
	rows, err := strconv.ParseFloat(path[strings.LastIndexByte(path, '/')+1:], 64)
	return ops.Estimate{Rows: rows, Known: err == nil}
}

func connector(name string, c ops.Connector) *ops.Connector {
	c.Name = name
	return &c
}

func reads(bounded bool) func(context.Context, ops.Scan) (ops.Source, error) {
	return func(_ context.Context, scan ops.Scan) (ops.Source, error) {
		s, err := scanned(scan)
		return source{schema: s, bounded: bounded || scan.Table.Options["bounded"] == "true"}, err
	}
}

// upserting is a source of which a row says what the one of its key is now.
type upserting struct{ source }

func (upserting) Updating() bool { return true }
func (upserting) Upserts() bool  { return true }

func upserts(_ context.Context, scan ops.Scan) (ops.Source, error) {
	return upserting{source{schema: scan.Table.Schema.Schema}}, nil
}

// option reports whether an option of a table is true.
func option(key string) func(job.Table) bool {
	return func(t job.Table) bool { return t.Options[key] == "true" }
}

func writes(context.Context, job.Table) (ops.Sink, error) { return nil, nil }

// resolveFiles gives files without declared columns those of a test.
func resolveFiles(_ context.Context, t job.Table) (job.Table, error) {
	if t.Options["path"] == "" {
		return t, fmt.Errorf("%w: option 'path' is missing", job.ErrInvalid)
	}
	if t.Schema.Schema == nil {
		t.Schema.Schema = arrow.NewSchema([]arrow.Field{
			datatype.ArrowField("date", datatype.TimestampOf(6)),
			datatype.ArrowField("delay", datatype.Of(datatype.Int)),
			datatype.ArrowField("distance", datatype.Of(datatype.Double)),
			datatype.ArrowField("origin", datatype.String),
			datatype.ArrowField("destination", datatype.String),
		}, nil)
	}
	return t, nil
}

func registry() *ops.Registry {
	return &ops.Registry{Connectors: map[string]*ops.Connector{
		"nexmark":    connector("nexmark", ops.Connector{Source: reads(false), Projects: true, Metadata: []string{"partition", "off"}}),
		"datagen":    connector("datagen", ops.Connector{Source: reads(false)}),
		"filesystem": connector("filesystem", ops.Connector{Rows: rowsInPath, Source: reads(true), Sink: writes, Resolve: resolveFiles, Projects: true, Filters: true}),
		"iceberg":    connector("iceberg", ops.Connector{Sink: writes}),
		"print":      connector("print", ops.Connector{Sink: writes, Changelog: true}),
		"blackhole":  connector("blackhole", ops.Connector{Sink: writes, Changelog: true}),
		"upserts":    connector("upserts", ops.Connector{Source: upserts, Sink: writes, Changelog: true, KeyDeletes: option("delete-by-key"), Retracts: option("before")}),
		"collect":    connector("collect", ops.Connector{Sink: writes, Changelog: true}),
	}}
}

func newSession(t testing.TB) *sql.Session {
	t.Helper()
	s, err := sql.New(sql.Options{Registry: registry()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show prints a result as the golden files have it.
func show(s *sql.Session, stmt ast.Statement, r sql.Result) string {
	switch r := r.(type) {
	case *sql.Done:
		return r.Message + "\n"
	case *sql.Rows:
		defer r.Record.Release()
		var b strings.Builder
		for i := range int(r.Record.NumRows()) {
			for c, col := range r.Record.Columns() {
				if c > 0 {
					b.WriteString(" | ")
				}
				b.WriteString(col.ValueStr(i))
			}
			b.WriteString("\n")
		}
		return b.String()
	case *sql.Plan:
		text := "job " + r.Graph.Name
		if r.Bounded {
			text += ", bounded"
		}
		if r.Updating {
			text += ", updating"
		}
		if q, err := s.Explain(context.Background(), stmt); err == nil {
			_, q, _ = strings.Cut(q, "== Optimized Physical Plan ==\n")
			q, _, _ = strings.Cut(q, "\n== Optimized Execution Plan ==")
			text += "\n" + q
		}
		return text
	}
	return fmt.Sprintf("%T\n", r)
}

// TestPlans runs the files of testdata/plan. Each is a session; the command
// sql executes a script, uids shows the identities of its last job's vertices.
func TestPlans(t *testing.T) {
	datadriven.Walk(t, "testdata/plan", func(t *testing.T, path string) {
		s := newSession(t)
		datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			err := s.Script(context.Background(), d.Input, func(stmt ast.Statement, r sql.Result) error {
				if d.Cmd == "uids" {
					p, ok := r.(*sql.Plan)
					if !ok {
						return nil
					}
					for _, v := range p.Graph.Vertices {
						fmt.Fprintf(&out, "%s x%d\n", v.UID, v.Parallelism)
					}
					return nil
				}
				out.WriteString(show(s, stmt, r))
				return nil
			})
			if err != nil {
				out.WriteString("error: " + err.Error() + "\n")
			}
			return out.String()
		})
	})
}

// TestNexmarkPlans plans the official queries: each must plan, or say what is
// not there yet.
func TestNexmarkPlans(t *testing.T) {
	dir := corpora.Path(t, "flink_nexmark_golden")
	ddl, err := os.ReadFile(filepath.Join(dir, "ddl.sql"))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "q*.sql"))
	extra, _ := filepath.Glob(filepath.Join(dir, "extra", "*.sql"))
	for _, f := range append(files, extra...) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s := newSession(t)
		tables := strings.ReplaceAll(string(ddl), "'csvlookup', 'path'", "'filesystem', 'format' = 'csv', 'path'")
		tables = strings.ReplaceAll(tables, "'side_input.csv'", "'"+filepath.Join(dir, "side_input.csv")+"'")
		err = s.Script(context.Background(), tables, func(ast.Statement, sql.Result) error { return nil })
		if err != nil {
			t.Fatalf("ddl: %v", err)
		}
		err = s.Script(context.Background(), string(text), func(ast.Statement, sql.Result) error { return nil })
		switch {
		case err == nil:
			t.Logf("%s planned", filepath.Base(f))
		case strings.Contains(err.Error(), "not supported yet"), strings.Contains(err.Error(), "already exists: table side_input"):
			t.Logf("%s: %s", filepath.Base(f), strings.SplitN(err.Error(), "\n", 2)[0])
		default:
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
	}
}
