package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi"
)

// FlightsOptions say what to compare with DuckDB.
type FlightsOptions struct {
	// File is a Parquet file of flights: date TIMESTAMP, delay, distance
	// numbers, origin, destination strings.
	File string
	// Queries are names of FlightsQueries; none means all.
	Queries []string
}

// FlightsQuery is one measured query: with a Sink, the columns of the table that
// it writes.
type FlightsQuery struct {
	Name, Sink, Select string
}

func (q FlightsQuery) name() string { return q.Name }

// FlightsQueries are what is run in both engines; $FILE stands for the file.
// Those without a sink give rows, which both engines fetch as Arrow; the others
// write all rows.
var FlightsQueries = []FlightsQuery{
	{Name: "filter", Select: "SELECT ~date~, origin, distance * 2 + delay AS score FROM read_parquet('$FILE') WHERE delay > 30"},
	{Name: "groupby", Select: "SELECT CAST(~date~ AS DATE) AS d, origin, COUNT(*) AS n, SUM(delay) AS delay, MAX(distance) AS distance FROM read_parquet('$FILE') GROUP BY CAST(~date~ AS DATE), origin"},
	{Name: "parquet", Sink: "'connector' = 'filesystem', 'format' = 'parquet', 'parquet.compression' = 'zstd', 'path' = '$OUT'", Select: "SELECT * FROM read_parquet('$FILE')"},
	{Name: "iceberg", Sink: "'write.parquet.compression-codec' = 'zstd'", Select: "SELECT * FROM read_parquet('$FILE')"},
}

// checks compare results: sums over all rows of a query or of written files.
var checks = map[string]string{
	"filter":  "SELECT COUNT(*), SUM(score), MIN(origin), MAX(origin) FROM (%s) t",
	"groupby": "SELECT COUNT(*), SUM(n), SUM(delay), SUM(distance) FROM (%s) t",
	"parquet": "SELECT COUNT(*), SUM(delay), SUM(distance), SUM(hash(\"date\", delay, distance, origin, destination)) FROM (%s) t",
	"iceberg": "SELECT COUNT(*), SUM(delay), SUM(distance), SUM(hash(\"date\", delay, distance, origin, destination)) FROM (%s) t",
}

// Flights runs each query in both engines, five times after a first run that
// warms up, and reports the medians. It fails when the results differ.
func Flights(ctx context.Context, o FlightsOptions, report Report) error {
	queries, err := choose(FlightsQueries, o.Queries)
	if err != nil {
		return err
	}
	f := &flights{file: o.File}
	if f.events, err = rowsOf(ctx, o.File); err != nil {
		return err
	}
	if f.dir, err = os.MkdirTemp("", "wadi-bench"); err != nil {
		return fmt.Errorf("make a directory for what is written: %w", err)
	}
	defer func() { _ = os.RemoveAll(f.dir) }()
	if f.duck, err = newDuck(ctx); err != nil {
		return err
	}
	defer func() { _ = f.duck.close() }()
	for _, q := range queries {
		ours, theirs, err := f.compare(ctx, q)
		if err != nil {
			return fmt.Errorf("measure %s: %w", q.Name, err)
		}
		for _, r := range []Result{theirs, ours} {
			if err := report(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsOf counts the rows of a Parquet file.
func rowsOf(ctx context.Context, file string) (int64, error) {
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { _ = env.Close() }()
	var n int64
	err = env.Execute(ctx, "SELECT COUNT(*) FROM read_parquet('"+file+"')", func(o wadi.Outcome) error {
		row, err := firstRow(ctx, o.Query)
		if err == nil {
			_, err = fmt.Sscan(row[0], &n)
		}
		return err
	})
	return n, err
}

type flights struct {
	file, dir string
	events    int64
	duck      *duck
}

func (f *flights) compare(ctx context.Context, q FlightsQuery) (ours, theirs Result, err error) {
	ours = Result{Suite: "flights", Query: q.Name, Engine: "wadi", Events: f.events, Parallelism: 1}
	theirs = ours
	sql := strings.ReplaceAll(strings.ReplaceAll(q.Select, "$FILE", f.file), "~", `"`)
	ask := duckAsk{SQL: sql, Fetch: q.Sink == ""}
	out := filepath.Join(f.dir, "duckdb.parquet")
	if q.Sink != "" {
		ask.SQL = fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet, COMPRESSION zstd)", sql, out)
	}
	var t duckTimes
	if err := f.duck.ask(ask, &t); err != nil {
		return ours, theirs, err
	}
	theirs.Engine, theirs.WallSeconds, theirs.CPUSeconds, theirs.RowsOut = "duckdb "+t.Version, t.Wall, t.CPU, t.Rows
	theirs.rate()
	runs := make([]Result, 6)
	var written string
	for i := range runs {
		runs[i] = ours
		if written, err = f.run(ctx, q, i, &runs[i]); err != nil {
			return ours, theirs, err
		}
	}
	slices.SortFunc(runs[1:], func(a, b Result) int {
		if a.CPUSeconds < b.CPUSeconds {
			return -1
		}
		return 1
	})
	ours = runs[3]
	ours.Ratio = theirs.CPUSeconds / ours.CPUSeconds
	return ours, theirs, f.same(ctx, q, sql, out, written)
}

// run runs a query once and returns the pattern of the files it wrote.
func (f *flights) run(ctx context.Context, q FlightsQuery, turn int, r *Result) (string, error) {
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		return "", err
	}
	defer func() { _ = env.Close() }()
	out := filepath.Join(f.dir, fmt.Sprintf("%s%d", q.Name, turn))
	script := strings.ReplaceAll(strings.ReplaceAll(q.Select, "$FILE", f.file), "~", "`")
	if q.Sink != "" {
		with := strings.ReplaceAll(q.Sink, "$OUT", out)
		table := "CREATE TABLE sink (~date~ TIMESTAMP(6), delay %s, distance %[1]s, origin STRING, destination STRING) WITH (" + with + ");\n"
		if q.Name == "iceberg" {
			table = "CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '" + out + "');\n" +
				"CREATE DATABASE lake.db;\nUSE CATALOG lake;\nUSE db;\n" + table
		}
		script = strings.ReplaceAll(fmt.Sprintf(table, "BIGINT"), "~", "`") + "INSERT INTO sink " + script
	}
	err = env.Execute(ctx, script, func(o wadi.Outcome) error {
		switch {
		case o.Query != nil:
			return measure(r, func() error { return fetch(ctx, o.Query, r) })
		case o.Pipeline != nil:
			return measure(r, func() error { return finish(ctx, o.Pipeline, r, false) })
		}
		return nil
	})
	return filepath.Join(out, "**", "*.parquet"), err
}

// fetch takes all rows of a query.
func fetch(ctx context.Context, q *wadi.Query, r *Result) error {
	r.RowsOut = 0
	for rec, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		r.RowsOut += rec.NumRows()
	}
	return nil
}

// same compares what the engines gave.
func (f *flights) same(ctx context.Context, q FlightsQuery, sql, theirs, ours string) error {
	if q.Sink == "" {
		want, err := f.duck.check(fmt.Sprintf(checks[q.Name], sql))
		if err != nil {
			return err
		}
		env, err := wadi.Local(wadi.Options{})
		if err != nil {
			return err
		}
		defer func() { _ = env.Close() }()
		text := strings.ReplaceAll(fmt.Sprintf(checks[q.Name], sql), `"`, "`")
		return env.Execute(ctx, text, func(o wadi.Outcome) error {
			got, err := firstRow(ctx, o.Query)
			return equal(got, want, err)
		})
	}
	want, err := f.duck.check(fmt.Sprintf(checks[q.Name], "SELECT * FROM read_parquet('"+theirs+"')"))
	if err != nil {
		return err
	}
	got, err := f.duck.check(fmt.Sprintf(checks[q.Name], "SELECT * FROM read_parquet('"+ours+"')"))
	return equal(got, want, err)
}

func equal(got, want []string, err error) error {
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("the sums of the result are %v, those of DuckDB %v", got, want)
	}
	return err
}

func firstRow(ctx context.Context, q *wadi.Query) (row []string, err error) {
	for rec, err := range q.All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, c := range rec.Columns() {
			row = append(row, strings.Clone(c.ValueStr(0))) // it is a view of the batch
		}
		break
	}
	return row, nil
}
