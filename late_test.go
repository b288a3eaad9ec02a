package wadi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestLateTable: rows that come too late for a window go to the table that the
// source names, once, with the columns that it has.
func TestLateTable(t *testing.T) {
	dir := t.TempDir()
	text := "1,a,2020-01-01 00:00:01\n2,b,2020-01-01 00:00:30\n3,a,2020-01-01 00:00:09\n4,b,2020-01-01 00:00:31\n5,a,2020-01-01 00:00:02\n"
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, query := range map[string]string{
		"tumble":  "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE rows_in, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end",
		"legacy":  "SELECT COUNT(*) FROM seen WHERE id > 0 GROUP BY k, HOP(ts, INTERVAL '5' SECOND, INTERVAL '10' SECOND)",
		"rollup":  "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE rows_in, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, ROLLUP (k)",
		"session": "SELECT COUNT(*) FROM TABLE(SESSION(TABLE rows_in PARTITION BY k, DESCRIPTOR(ts), INTERVAL '9' SECOND)) GROUP BY window_start, window_end, k",
		"rows":    "SELECT id FROM TABLE(SESSION(TABLE seen PARTITION BY k, DESCRIPTOR(ts), INTERVAL '9' SECOND))",
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			env, err := wadi.Local(wadi.Options{Config: map[string]string{"pipeline.auto-watermark-interval": "0 ms"}})
			if err != nil {
				t.Fatal(err)
			}
			defer env.Close()
			sqltest.Run(t, env, fmt.Sprintf(`
				CREATE TABLE too_late (k STRING, id BIGINT, note STRING) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/late');
				CREATE TABLE good (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/good');
				CREATE TABLE rows_in (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
					WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '%[2]s', 'late.table' = 'too_late');
				CREATE VIEW seen AS SELECT id, k, ts FROM rows_in;
				INSERT INTO good %[3]s;`, out, dir, query))
			got := sqltest.Texts(t, env, "SELECT k || CAST(id AS STRING) FROM too_late WHERE note IS NULL")
			if want := []string{"a3", "a5"}; !slices.Equal(got, want) {
				t.Errorf("late rows %q, want %q", got, want)
			}
		})
	}
}

// TestLatePolicy: late rows are dead letters with all of their columns, or fail the job,
// as the table of the source says; otherwise they are left out.
func TestLatePolicy(t *testing.T) {
	dir := t.TempDir()
	text := "1,a,2020-01-01 00:00:01\n2,b,2020-01-01 00:00:30\n3,a,2020-01-01 00:00:09\n4,b,2020-01-01 00:00:31\n5,a,2020-01-01 00:00:02\n"
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const query = "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE rows_in, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end"
	for _, c := range []struct {
		options, query, problem string
		want                    []string
	}{
		{options: "'late.policy' = 'skip'", query: query},
		{options: "'late.policy' = 'dead-letter', 'error.table' = 'dead'", query: query, want: []string{
			"`default_catalog`.`default_database`.`rows_in` it is late: the watermark has passed its windows 3 a 2020-01-01T00:00:09",
			"`default_catalog`.`default_database`.`rows_in` it is late: the watermark has passed its windows 5 a 2020-01-01T00:00:02",
		}},
		{
			options: "'late.policy' = 'dead-letter', 'error.policy' = 'dead-letter', 'error.table' = 'dead'",
			query:   "SELECT COUNT(*) FROM rows_in GROUP BY k, SESSION(ts, INTERVAL '9' SECOND)", want: []string{
				"`default_catalog`.`default_database`.`rows_in` it is late: the watermark has passed its windows 3 a 2020-01-01T00:00:09",
				"`default_catalog`.`default_database`.`rows_in` it is late: the watermark has passed its windows 5 a 2020-01-01T00:00:02",
			},
		},
		{options: "'late.policy' = 'fail'", query: query, problem: `row {"id":3,"k":"a","ts":"2020-01-01T00:00:09"} of table`},
		{options: "'late.policy' = 'dead-letter'", query: query, problem: "'late.policy' = 'dead-letter' needs the option 'error.table'"},
		{options: "'late.policy' = 'drop'", query: query, problem: "want skip, fail or dead-letter"},
		{options: "'late.policy' = 'fail', 'late.table' = 'dead'", query: query, problem: "leave one of them out"},
	} {
		t.Run(c.options, func(t *testing.T) {
			out := t.TempDir()
			env, err := wadi.Local(wadi.Options{Config: map[string]string{"pipeline.auto-watermark-interval": "0 ms"}})
			if err != nil {
				t.Fatal(err)
			}
			defer env.Close()
			sqltest.Run(t, env, fmt.Sprintf(`
				CREATE TABLE dead (source STRING, reason STRING, bytes BYTES, job STRING, epoch BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/dead');
				CREATE TABLE good (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/good');
				CREATE TABLE rows_in (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
					WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '%[2]s', %[3]s);`, out, dir, c.options))
			err = env.Execute(t.Context(), "INSERT INTO good "+c.query, func(o wadi.Outcome) error {
				_, err := o.Pipeline.Run(t.Context())
				return err
			})
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Fatalf("%v, want %q", err, c.problem)
			}
			if err != nil {
				return
			}
			got := []string(nil)
			if c.want != nil {
				got = sqltest.Texts(t, env, `SELECT source || ' ' || reason || ' ' || JSON_VALUE(CAST(bytes AS STRING), '$.id') || ' ' || JSON_VALUE(CAST(bytes AS STRING), '$.k') || ' ' ||
					JSON_VALUE(CAST(bytes AS STRING), '$.ts') FROM dead WHERE job IS NOT NULL AND epoch = 1`)
				slices.Sort(got)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("dead letters %q, want %q", got, c.want)
			}
		})
	}
}
