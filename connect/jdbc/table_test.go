package jdbc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// onDatabases runs a test with each kind of database.
func onDatabases(t *testing.T, f func(t *testing.T, s sqltest.Database)) {
	if testing.Short() {
		t.Skip("starts databases")
	}
	t.Run("postgresql", func(t *testing.T) { f(t, sqltest.Postgres(t)) })
	t.Run("mysql", func(t *testing.T) { f(t, sqltest.MariaDB(t)) })
}

// TestJDBC reads and writes tables of databases.
func TestJDBC(t *testing.T) {
	onDatabases(t, func(t *testing.T, s sqltest.Database) {
		t.Run("types", func(t *testing.T) { jdbcTypes(t, s) })
		t.Run("types exactly once", func(t *testing.T) { jdbcTypes(t, s, "'sink.delivery-guarantee' = 'exactly-once'") })
		t.Run("changes", func(t *testing.T) { jdbcChanges(t, s) })
		t.Run("ranges", func(t *testing.T) { jdbcRanges(t, s) })
		t.Run("lookup", func(t *testing.T) { jdbcLookup(t, s) })
		t.Run("lookup by key", func(t *testing.T) { jdbcByKey(t, s) })
		t.Run("filters", func(t *testing.T) { jdbcFilters(t, s) })
		t.Run("refused", func(t *testing.T) { jdbcRefused(t, s) })
	})
}

// jdbcTypes: values of every type come back as they were written, and a table
// without columns has those of the database.
func jdbcTypes(t *testing.T, s sqltest.Database, more ...string) {
	ddl := map[string]string{
		"postgresql": `CREATE TABLE kinds (id bigint PRIMARY KEY, b boolean, s smallint, i int, f real, d double precision, n numeric(12,3), c varchar(20), y bytea, a date, h time, ts timestamp(3), lz timestamptz(6))`,
		"mysql":      `CREATE TABLE kinds (id bigint PRIMARY KEY, b boolean, s smallint, i int, f float, d double, n decimal(12,3), c varchar(20), y blob, a date, h time, ts datetime(3), lz timestamp(6))`,
	}
	s.Exec(t, "DROP TABLE IF EXISTS kinds", ddl[s.Name])
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	const columns = "id BIGINT, b BOOLEAN, s SMALLINT, i INT, f FLOAT, d DOUBLE, n DECIMAL(12, 3), c STRING, y BYTES, a DATE, h TIME(0), ts TIMESTAMP(3), lz TIMESTAMP_LTZ(6), PRIMARY KEY (id) NOT ENFORCED"
	sqltest.Run(t, env, "CREATE TABLE kinds ("+columns+")"+s.With("kinds", more...)+`
		INSERT INTO kinds VALUES
			(9007199254740993, TRUE, CAST(-7 AS SMALLINT), 42, CAST(1.5 AS FLOAT), 1e-7, 123456789.125, 'it''s \ "ü"', X'00ff5c27', DATE '2024-02-29', TIME '23:59:58', TIMESTAMP '2024-02-29 01:02:03.004', TO_TIMESTAMP_LTZ(1709168523004, 3)),
			(2, FALSE, CAST(NULL AS SMALLINT), CAST(NULL AS INT), CAST(NULL AS FLOAT), CAST(NULL AS DOUBLE), CAST(NULL AS DECIMAL(12, 3)), '', CAST(NULL AS BYTES), CAST(NULL AS DATE), CAST(NULL AS TIME), CAST(NULL AS TIMESTAMP(3)), CAST(NULL AS TIMESTAMP_LTZ(6)));`)
	const text = "CAST(id AS STRING) || '|' || CAST(b AS STRING) || '|' || COALESCE(CAST(s AS STRING), 'N') || '|' || COALESCE(CAST(i AS STRING), 'N') || '|' || COALESCE(CAST(f AS STRING), 'N') || '|' || COALESCE(CAST(d AS STRING), 'N')" +
		" || '|' || COALESCE(CAST(n AS STRING), 'N') || '|' || c || '|' || COALESCE(HEX(y), 'N') || '|' || COALESCE(CAST(a AS STRING), 'N') || '|' || COALESCE(CAST(h AS STRING), 'N') || '|' || COALESCE(CAST(ts AS STRING), 'N') || '|' || COALESCE(CAST(lz AS STRING), 'N')"
	want := []string{
		"2|FALSE|N|N|N|N|N||N|N|N|N|N",
		`9007199254740993|TRUE|-7|42|1.5|1.0E-7|123456789.125|it's \ "ü"|00FF5C27|2024-02-29|23:59:58|2024-02-29 01:02:03.004|2024-02-29 01:02:03.004000`,
	}
	if got := sqltest.Texts(t, env, "SELECT "+text+" FROM kinds"); !slices.Equal(got, want) {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	sqltest.Run(t, env, "CREATE TABLE found"+s.With("kinds"))
	truth := "b"
	if s.Name == "mysql" { // BOOLEAN is TINYINT there
		truth = "b <> 0"
	}
	if got := sqltest.Texts(t, env, "SELECT "+strings.ReplaceAll(text, "CAST(b AS STRING)", "CAST("+truth+" AS STRING)")+" FROM found"); !slices.Equal(got, want) {
		t.Errorf("rows of the found columns\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// jdbcChanges: a table that changes is written by its key, and rows that go are
// deleted.
func jdbcChanges(t *testing.T, s sqltest.Database) {
	s.Exec(t, "CREATE TABLE totals (a int, b varchar(10), n bigint, PRIMARY KEY (a, b))", "CREATE TABLE singles (id int)")
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "streaming", "parallelism.default": "2"})
	script := `
		CREATE TABLE totals (a INT, b STRING, n BIGINT, PRIMARY KEY (a, b) NOT ENFORCED)` + s.With("totals", "'sink.buffer-flush.max-rows' = '7'") + `
		CREATE TABLE singles (id INT)` + s.With("singles") + `
		CREATE TABLE numbers (i INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000', 'fields.i.kind' = 'sequence', 'fields.i.start' = '0', 'fields.i.end' = '999');
		INSERT INTO totals SELECT k, 'x', n FROM (SELECT MOD(i, 10) AS k, COUNT(*) AS n FROM numbers GROUP BY MOD(i, 10)) AS q WHERE n <= 100 AND (k < 5 OR n < 60);
		INSERT INTO singles SELECT i FROM numbers;`
	for range 2 { // what is written again by key changes nothing
		sqltest.Run(t, env, script)
		script = script[strings.Index(script, "INSERT INTO totals"):]
	}
	got := s.Texts(t, "SELECT CONCAT(a, ' ', b, ' ', n) FROM totals ORDER BY a")
	if want := []string{"0 x 100", "1 x 100", "2 x 100", "3 x 100", "4 x 100"}; !slices.Equal(got, want) {
		t.Errorf("totals %q, want %q", got, want)
	}
	if got := s.Texts(t, "SELECT CONCAT(COUNT(*), ' ', COUNT(DISTINCT id)) FROM singles"); got[0] != "2000 1000" {
		t.Errorf("rows and ids of singles: %s", got[0])
	}
}

// jdbcRanges: the ranges of a column are read beside each other, and rows outside
// of them not at all.
func jdbcRanges(t *testing.T, s sqltest.Database) {
	s.Exec(t, "CREATE TABLE events (id int, name varchar(10))")
	for at := 0; at < 1000; at += 100 {
		values := make([]string, 100)
		for i := range values {
			values[i] = fmt.Sprintf("(%d, 'n%d')", at+i, (at+i)%7)
		}
		s.Exec(t, "INSERT INTO events VALUES "+strings.Join(values, ", "))
	}
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch", "parallelism.default": "2"})
	sqltest.Run(t, env, "CREATE TABLE events (id INT, name STRING)"+s.With("events", "'scan.partition.column' = 'id'", "'scan.partition.num' = '7'",
		"'scan.partition.lower-bound' = '10'", "'scan.partition.upper-bound' = '899'", "'scan.fetch-size' = '13'"))
	if got := sqltest.Texts(t, env, "SELECT CAST(COUNT(*) AS STRING) || ' ' || CAST(SUM(id) AS STRING) || ' ' || CAST(COUNT(DISTINCT id) AS STRING) FROM events"); got[0] != "890 404505 890" {
		t.Errorf("rows, their sum, and different ones: %s", got[0])
	}
	if got := sqltest.Texts(t, env, "SELECT CAST(COUNT(*) AS STRING) FROM events"); got[0] != "890" {
		t.Errorf("%s rows", got[0])
	}
}

// jdbcLookup: rows are looked up in a table of a database.
func jdbcLookup(t *testing.T, s sqltest.Database) {
	s.Exec(t, "CREATE TABLE towns (id int, town varchar(20))", "INSERT INTO towns VALUES (0, 'Ulm'), (1, 'Jena')")
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "streaming"})
	sqltest.Run(t, env, "CREATE TABLE towns (id INT, town STRING)"+s.With("towns", "'lookup.cache' = 'FULL'", "'lookup.full-cache.periodic-reload.interval' = '1 h'", "'lookup.max-retries' = '3'")+
		`CREATE TABLE orders (i INT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'number-of-rows' = '4', 'fields.i.kind' = 'sequence', 'fields.i.start' = '0', 'fields.i.end' = '3');`)
	got := sqltest.Texts(t, env, "SELECT CAST(o.i AS STRING) || ' ' || COALESCE(t.town, '-') FROM orders AS o LEFT JOIN towns FOR SYSTEM_TIME AS OF o.p AS t ON MOD(o.i, 3) = t.id")
	if want := []string{"0 Ulm", "1 Jena", "2 -", "3 Ulm"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// jdbcByKey: a table in which rows are looked up is asked for the keys of the rows, and
// not read: it is seen as it is then, and what is not asked for may be wrong.
func jdbcByKey(t *testing.T, s sqltest.Database) {
	id := map[string]string{"postgresql": "uuid", "mysql": "char(36)"}[s.Name]
	s.Exec(t, "CREATE TABLE people (id bigint, code varchar(20), u "+id+", age varchar(20))",
		`INSERT INTO people VALUES (1, 'a', '00000000-0000-0000-0000-000000000001', '11'), (1, 'A', '00000000-0000-0000-0000-000000000002', '12'), (1, 'it''s', '00000000-0000-0000-0000-000000000003', '13'), (99, 'z', NULL, 'unread')`)
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "streaming"})
	sqltest.Run(t, env, `CREATE TABLE asks (id INT, code STRING, u STRING, p AS PROCTIME()) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '`+t.TempDir()+`/asks');
		INSERT INTO asks VALUES (1, 'a', '00000000-0000-0000-0000-000000000001'), (1, 'A', 'no uuid'), (1, 'b', ''), (2, 'a', CAST(NULL AS STRING)), (CAST(NULL AS INT), 'a', '00000000-0000-0000-0000-000000000003');
		CREATE TABLE people (id BIGINT, code STRING, u STRING, age INT)`+s.With("people"))
	for join, want := range map[string][]string{
		"ON o.id = t.id AND o.code = t.code": {"- a -", "1 A 12", "1 a 11", "1 b -", "2 a -"},
		"ON o.u = t.u":                       {"- a 13", "1 A -", "1 a 11", "1 b -", "2 a -"},
		"ON o.u = t.u AND t.age < 12":        {"- a -", "1 A -", "1 a 11", "1 b -", "2 a -"},
	} {
		for _, hint := range []string{"", " /*+ OPTIONS('lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '2', 'lookup.partial-cache.expire-after-write' = '1 h') */"} {
			got := sqltest.Texts(t, env, "SELECT COALESCE(CAST(o.id AS STRING), '-') || ' ' || o.code || ' ' || COALESCE(CAST(t.age AS STRING), '-') FROM asks AS o LEFT JOIN people"+hint+" FOR SYSTEM_TIME AS OF o.p AS t "+join)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s%s: %q, want %q", join, hint, got, want)
			}
		}
	}
	if _, err := env.SQL("SELECT t.age FROM asks AS o JOIN people /*+ OPTIONS('lookup.cache' = 'FULL', 'lookup.full-cache.periodic-reload.interval' = '1 h') */ FOR SYSTEM_TIME AS OF o.p AS t ON o.id = t.id").Collect(t.Context()); err == nil || !strings.Contains(err.Error(), `"unread"`) {
		t.Errorf("the whole table: %v", err)
	}
	for hint, problem := range map[string]string{
		"'lookup.partial-cache.max-rows' = 'x'":            "'lookup.partial-cache.max-rows' must be a number from 1, not 'x'",
		"'lookup.partial-cache.expire-after-access' = '0'": "must be a duration such as '10 min'",
		"'lookup.partial-cache.cache-missing-key' = 'x'":   "must be true or false",
		"'lookup.max-retries' = '-1'":                      "must be a number from 0",
	} {
		_, err := env.SQL("SELECT * FROM people /*+ OPTIONS(" + hint + ") */").Collect(t.Context())
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %s", hint, err, problem)
		}
	}
}

// jdbcFilters: what is asked of the database and what is asked of its rows is the
// same, also where the database is finer or coarser than the table.
func jdbcFilters(t *testing.T, s sqltest.Database) {
	stamp := map[string]string{"postgresql": "timestamp(6)", "mysql": "datetime(6)"}[s.Name]
	s.Exec(t, "CREATE TABLE fine (id int, name char(5), d double precision, n numeric(10,4), ts "+stamp+", day date)",
		"INSERT INTO fine VALUES (1, 'a', 0.1, 1.0049, '2024-01-01 00:00:00.123456', '2024-01-01'), (2, 'A', 0.5, 1.0050, '2024-01-01 00:00:00.124000', '2024-01-02'), (3, NULL, NULL, NULL, NULL, NULL)")
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, "CREATE TABLE fine (id INT, name STRING, d FLOAT, n DECIMAL(10, 2), ts TIMESTAMP(3), `day` DATE)"+s.With("fine"))
	for filter, want := range map[string]string{
		"ts = TIMESTAMP '2024-01-01 00:00:00.123'":  "1",
		"ts <= TIMESTAMP '2024-01-01 00:00:00.123'": "1",
		"ts > TIMESTAMP '2024-01-01 00:00:00.123'":  "2",
		"n = 1.00": "1", "n >= 1.01": "2", "n < 1.01": "1",
		"d = CAST(0.1 AS FLOAT)": "1", "d > 0.2": "2", "d IS NULL": "3", "d IS NOT NULL AND id > 1": "2",
		"`day` >= DATE '2024-01-02'": "2", "`day` = DATE '2024-01-01'": "1",
		"id IN (2, 3, 9)": "2,3", "id = 1 OR (id > 2 AND name IS NULL)": "1,3", "id BETWEEN 2 AND 3 AND NOT (id = 3)": "2",
		"TRIM(name) = 'A'": "2", "TRIM(name) <> 'a'": "2", "UPPER(TRIM(name)) = 'A' AND id < 2": "1", "name = 'it''s \\'": "",
	} {
		got := strings.Join(sqltest.Texts(t, env, "SELECT CAST(id AS STRING) FROM fine WHERE "+filter), ",")
		if got != want {
			t.Errorf("WHERE %s: rows %s, want %s", filter, got, want)
		}
	}
}

// jdbcRefused: what is wrong is said, with the place.
func jdbcRefused(t *testing.T, s sqltest.Database) {
	s.Exec(t, "CREATE TABLE wrong (id varchar(10), n numeric(30, 10))", "INSERT INTO wrong VALUES ('x', 12345678901234567890)")
	for _, c := range []struct{ ddl, query, problem string }{
		{"CREATE TABLE t (id INT)" + s.With("wrong"), "SELECT id FROM t", `column id: the database sent "x", which is no INT`},
		{"CREATE TABLE t (n DECIMAL(5, 2))" + s.With("wrong"), "SELECT n FROM t", `column n: the database sent "12345678901234567890.0000000000"`},
		{"CREATE TABLE t (i INT)" + s.With("wrong"), "SELECT i FROM t", "i"},
		{"CREATE TABLE t (i ARRAY<INT>)" + s.With("wrong"), "SELECT i FROM t", "declare it STRING"},
		{"CREATE TABLE t" + s.With("nowhere"), "SELECT * FROM t", "columns of table"},
		{"CREATE TABLE t (id INT)" + s.With("wrong", "'scan.partition.num' = '3'"), "SELECT * FROM t", "are given together"},
		{"CREATE TABLE t (id INT)" + s.With("wrong", "'scan.fetchsize' = '3'"), "SELECT * FROM t", "scan.fetch-size"},
		{"CREATE TABLE t (id INT)" + s.With("wrong", "'sink.delivery-guarantee' = 'none'"), "SELECT * FROM t", "want at-least-once or exactly-once"},
		{"CREATE TABLE t (id INT)" + s.With("wrong", "'sink.staging-prefix' = 'a.'"), "SELECT * FROM t", "such as wadi or audit.wadi"},
		{"CREATE TABLE t (id STRING)" + strings.ReplaceAll(s.With("wrong"), "jdbc:", "jdbc:oracle:"), "SELECT * FROM t", `no driver for "oracle"`},
	} {
		env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
		if err != nil {
			t.Fatal(err)
		}
		err = env.Execute(t.Context(), c.ddl, func(wadi.Outcome) error { return nil })
		if err == nil {
			_, err = env.SQL(c.query).Collect(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s%s: error %v, want one that says %q", c.ddl, c.query, err, c.problem)
		}
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}
}
