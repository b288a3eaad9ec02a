package bench

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
)

// TPCHOptions say what to compare with DuckDB.
type TPCHOptions struct {
	// Dir holds the eight tables as Parquet files, lineitem.parquet and so on.
	Dir string
	// Queries are q01 to q22; none means all.
	Queries []string
	// Parallelism is how many threads each engine has; 1 if 0.
	Parallelism int
}

// TPCHQuery is one of the benchmark's queries (tpc.org), with the substitution
// parameters of its validation, in the SQL that both engines read.
type TPCHQuery struct{ Name, SQL string }

func (q TPCHQuery) name() string { return q.Name }

//go:embed tpch
var tpchFiles embed.FS

// TPCHQueries are the 22 queries.
var TPCHQueries = func() []TPCHQuery {
	entries, err := tpchFiles.ReadDir("tpch")
	if err != nil {
		panic(err) // they are part of the binary
	}
	var all []TPCHQuery
	for _, e := range entries {
		text, err := tpchFiles.ReadFile("tpch/" + e.Name())
		if err != nil {
			panic(err)
		}
		all = append(all, TPCHQuery{strings.TrimSuffix(e.Name(), ".sql"), strings.TrimSuffix(strings.TrimSpace(string(text)), ";")})
	}
	return all
}()

var tpchTables = []string{"customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"}

// TPCH runs each query in both engines, five times after a first run that warms
// up, and reports the medians, and behind them the geometric mean of the ratios.
// It fails when the engines give different numbers of rows.
func TPCH(ctx context.Context, o TPCHOptions, report Report) error {
	queries, err := choose(TPCHQueries, o.Queries)
	if err != nil {
		return err
	}
	t := &tpch{dir: o.Dir, parallelism: max(o.Parallelism, 1), rows: map[string]int64{}}
	for _, name := range tpchTables {
		if _, err := os.Stat(t.file(name)); err != nil {
			return fmt.Errorf("%w: no table %s; make it with: tpchgen-cli parquet -s 1 --output-dir=%s", job.ErrInvalid, t.file(name), o.Dir)
		}
		if t.rows[name], err = rowsOf(ctx, t.file(name)); err != nil {
			return err
		}
	}
	if t.duck, err = newDuck(ctx); err != nil {
		return err
	}
	defer func() { _ = t.duck.close() }()
	logs := 0.0
	for _, q := range queries {
		ours, theirs, err := t.compare(ctx, q)
		if err != nil {
			return fmt.Errorf("measure %s: %w", q.Name, err)
		}
		logs += math.Log(ours.Ratio)
		for _, r := range []Result{theirs, ours} {
			if err := report(ctx, r); err != nil {
				return err
			}
		}
	}
	mean := Result{Suite: "tpch", Query: "geometric mean", Engine: "wadi", Parallelism: t.parallelism, Ratio: math.Exp(logs / float64(len(queries)))}
	return report(ctx, mean)
}

type tpch struct {
	dir         string
	parallelism int
	rows        map[string]int64
	duck        *duck
}

func (t *tpch) file(table string) string { return filepath.Join(t.dir, table+".parquet") }

// events is how many rows the tables have that a query names.
func (t *tpch) events(q TPCHQuery) (n int64) {
	for _, name := range tpchTables {
		if regexp.MustCompile(`\b` + name + `\b`).MatchString(q.SQL) {
			n += t.rows[name]
		}
	}
	return n
}

func (t *tpch) compare(ctx context.Context, q TPCHQuery) (ours, theirs Result, err error) {
	ours = Result{Suite: "tpch", Query: q.Name, Engine: "wadi", Events: t.events(q), Parallelism: t.parallelism}
	theirs = ours
	var views strings.Builder
	fmt.Fprintf(&views, "SET threads = %d;", t.parallelism)
	for _, name := range tpchTables {
		fmt.Fprintf(&views, "CREATE OR REPLACE VIEW %s AS SELECT * FROM read_parquet('%s');", name, t.file(name))
	}
	var d duckTimes
	if err := t.duck.ask(duckAsk{SQL: views.String() + q.SQL, Fetch: true}, &d); err != nil {
		return ours, theirs, err
	}
	theirs.Engine, theirs.WallSeconds, theirs.CPUSeconds, theirs.RowsOut = "duckdb "+d.Version, d.Wall, d.CPU, d.Rows
	theirs.rate()
	runs := make([]Result, 6)
	for i := range runs {
		runs[i] = ours
		if err := t.run(ctx, q, &runs[i]); err != nil {
			return ours, theirs, err
		}
	}
	slices.SortFunc(runs[1:], func(a, b Result) int { return cmp.Compare(a.CPUSeconds, b.CPUSeconds) })
	ours = runs[3]
	ours.Ratio = theirs.CPUSeconds / ours.CPUSeconds
	if ours.RowsOut != theirs.RowsOut {
		return ours, theirs, fmt.Errorf("%d rows, DuckDB gives %d", ours.RowsOut, theirs.RowsOut)
	}
	return ours, theirs, nil
}

// run runs a query once, planning included.
func (t *tpch) run(ctx context.Context, q TPCHQuery, r *Result) error {
	env, err := wadi.Local(wadi.Options{Parallelism: t.parallelism, Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		return err
	}
	defer func() { _ = env.Close() }()
	var script strings.Builder
	for _, name := range tpchTables {
		fmt.Fprintf(&script, "CREATE TEMPORARY VIEW %s AS SELECT * FROM read_parquet('%s');\n", name, t.file(name))
	}
	return measure(r, func() error {
		return env.Execute(ctx, script.String()+q.SQL, func(o wadi.Outcome) error {
			if o.Query == nil {
				return nil
			}
			return fetch(ctx, o.Query, r)
		})
	})
}
