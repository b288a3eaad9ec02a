package wadi_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestDeadLetters: rows that cannot be read go to the table that the source
// names, with their bytes, and the others to where the query sends them, in
// both gears.
func TestDeadLetters(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"rows.csv":  "1,2\nx,3\n4,5,6\n7,8\n",
		"rows.json": "{\"a\":1,\"b\":2}\nnot json\n{\"a\":\"x\",\"b\":3}\n{\"a\":7,\"b\":8}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]string{
		"csv":  {"2: x,3", "3: 4,5,6"},
		"json": {"2: not json", `3: {"a":"x","b":3}`},
	}
	for _, gear := range []string{"pipelined", "staged"} {
		for _, format := range []string{"csv", "json"} {
			t.Run(gear+"/"+format, func(t *testing.T) {
				out := t.TempDir()
				env, err := wadi.Local(wadi.Options{Parallelism: 2, Config: map[string]string{"execution.gear": gear}})
				if err != nil {
					t.Fatal(err)
				}
				defer env.Close()
				script := fmt.Sprintf(`
					CREATE TABLE dead (`+"`position`"+` BIGINT NOT NULL, bytes BYTES, note STRING, `+"`time`"+` TIMESTAMP_LTZ(3), job STRING, epoch BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/dead');
					CREATE TABLE good (a INT, b INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/good');
					CREATE TABLE rows_in (a INT, b INT) WITH ('connector' = 'filesystem', 'format' = '%[2]s', 'path' = '%[3]s/rows.%[2]s',
						'error.policy' = 'dead-letter', 'error.table' = 'dead');
					INSERT INTO good SELECT * FROM rows_in;`, out, format, dir)
				sqltest.Run(t, env, script)
				if got := sqltest.Texts(t, env, "SELECT CAST(a AS STRING) || ' ' || CAST(b AS STRING) FROM good"); !slices.Equal(got, []string{"1 2", "7 8"}) {
					t.Errorf("good rows %q", got)
				}
				got := sqltest.Texts(t, env, "SELECT CAST(`position` AS STRING) || ': ' || CAST(bytes AS STRING) FROM dead WHERE note IS NULL")
				if !slices.Equal(got, want[format]) {
					t.Errorf("dead letters %q, want %q", got, want[format])
				}
				known := sqltest.Texts(t, env, "SELECT CAST(COUNT(*) AS STRING) FROM dead WHERE `time` > TIMESTAMP '2020-01-01 00:00:00' AND CHAR_LENGTH(job) > 8 AND epoch = 1")
				if !slices.Equal(known, []string{"2"}) {
					t.Errorf("%q of 2 dead letters have a time, a job and epoch 1", known)
				}
			})
		}
	}
}

// TestDeadLettersOfSinks: a NULL for a column that is NOT NULL is a dead letter of the
// table that the row is of.
func TestDeadLettersOfSinks(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	if err := os.WriteFile(filepath.Join(dir, "rows.json"), []byte("{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\"}\n{\"a\":3}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for policy, want := range map[string]string{"skip": "", "dead-letter": `rows_in: {"a":null,"b":"y"}`} {
		out := filepath.ToSlash(t.TempDir())
		env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "streaming"})
		sqltest.Run(t, env, fmt.Sprintf(`
			CREATE TABLE dead (source STRING, reason STRING, bytes BYTES) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/dead');
			CREATE TABLE good (a INT NOT NULL, b STRING) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/good');
			CREATE TABLE rows_in (a INT, b STRING) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '%[2]s/rows.json', 'error.policy' = '%[3]s', 'error.table' = 'dead');
			INSERT INTO good SELECT a, b FROM rows_in;`, out, dir, policy))
		if got := sqltest.Texts(t, env, "SELECT CAST(a AS STRING) FROM good"); !slices.Equal(got, []string{"1", "3"}) {
			t.Errorf("%s: good rows %q", policy, got)
		}
		if want == "" {
			continue
		}
		got := sqltest.Texts(t, env, "SELECT REGEXP_EXTRACT(source, '[a-z_]*.?$', 0) || ': ' || CAST(bytes AS STRING) FROM dead WHERE reason LIKE '%column ''a'' is NOT NULL%'")
		if len(got) != 1 || strings.ReplaceAll(got[0], "`", "") != want {
			t.Errorf("%s: dead letters %q, want %q", policy, got, want)
		}
	}
}

// TestDeadLettersRefused: what is wrong with the table is said when planning.
func TestDeadLettersRefused(t *testing.T) {
	for _, c := range []struct{ dead, options, problem string }{
		{"reason STRING", "", "needs the option 'error.table'"},
		{"reason STRING", ", 'error.table' = 'deed'", `no table "deed"; did you mean "dead"?`},
		{"reason BIGINT", ", 'error.table' = 'dead'", `column "reason" of `},
		{"other INT NOT NULL", ", 'error.table' = 'dead'", `column "other" of `},
		{"reason STRING", ", 'error.table' = 'rows_in'", "its own bad rows"},
	} {
		env, err := wadi.Local(wadi.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = env.Execute(context.Background(), fmt.Sprintf(`
			CREATE TABLE dead (%s) WITH ('connector' = 'print');
			CREATE TABLE rows_in (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'nowhere', 'error.policy' = 'dead-letter'%s);
			SELECT * FROM rows_in`, c.dead, c.options), func(wadi.Outcome) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s%s: error %v, want one that says %q", c.dead, c.options, err, c.problem)
		}
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}
}
