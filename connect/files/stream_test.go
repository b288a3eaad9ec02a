package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestDirectoryAsStream: files that arrive in a directory are read once, also
// over restarts, and a day is marked when event time has passed it.
func TestDirectoryAsStream(t *testing.T) {
	for _, format := range []string{"csv", "avro", "parquet"} {
		t.Run(format, func(t *testing.T) {
			dir := filepath.ToSlash(t.TempDir())
			script := fmt.Sprintf(`
				SET 'pipeline.name' = 'days';
				CREATE TABLE arriving (id INT, ts TIMESTAMP(3), name STRING METADATA FROM 'file.name' VIRTUAL, WATERMARK FOR ts AS ts) WITH (
					'connector' = 'filesystem', 'format' = '%[2]s', 'path' = '%[1]s/in', 'source.monitor-interval' = '20 ms', 'source.path.regex-pattern' = '.*/part-[^/]*');
				CREATE TABLE days (id INT, name STRING, day STRING) PARTITIONED BY (day) WITH (
					'connector' = 'filesystem', 'format' = 'json', 'path' = '%[1]s/out', 'sink.compression' = 'zstd', 'auto-compaction' = 'true',
					'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.trigger' = 'partition-time', 'sink.partition-commit.delay' = '1 d');
				INSERT INTO days SELECT id, name, DATE_FORMAT(ts, 'yyyy-MM-dd') FROM arriving;`, dir, format)
			config := map[string]string{
				"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints",
				"execution.checkpointing.interval": "50 ms", "parallelism.default": "1",
			}
			for day := 1; day < 4; day++ {
				arrive(t, dir, format, day)
				started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
				if err != nil {
					t.Fatal(err)
				}
				await.Text(t, fmt.Sprintf("%d rows, %d ids, %v marked", 2*day, 2*day, day), func() string { return daysSeen(t, dir) })
				if _, err := started.Stop(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// arrive writes a file with a row of a day and one of the next.
func arrive(t *testing.T, dir, format string, day int) {
	t.Helper()
	sqltest.Run(t, sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"}), fmt.Sprintf(`
		CREATE TABLE arriving (id INT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'format' = '%s', 'path' = '%s/in', 'sink.parallelism' = '1');
		INSERT INTO arriving VALUES (%d, TIMESTAMP '2024-05-%02d 10:00:00'), (%d, TIMESTAMP '2024-05-%02d 00:10:00')`,
		format, dir, 2*day, day, 2*day+1, day+1))
}

// daysSeen counts the rows that have been written, and the days that are marked: these
// are the first ones.
func daysSeen(t *testing.T, dir string) string {
	t.Helper()
	marks, err := filepath.Glob(dir + "/out/day=*/_SUCCESS")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range marks {
		if want := fmt.Sprintf("day=2024-05-%02d", i+1); filepath.Base(filepath.Dir(m)) != want {
			t.Fatalf("%s is marked, want %s", m, want)
		}
	}
	if _, err := os.Stat(dir + "/out"); err != nil {
		return "nothing"
	}
	var rows []string
	query := fmt.Sprintf("SELECT id AS text FROM (SELECT CAST(id AS STRING) AS id FROM read_json('%s/out/day=*/part-*') WHERE name LIKE 'part-%%')", dir)
	for row, err := range wadi.Rows[struct{ Text string }](t.Context(), sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"}).SQL(query)) {
		if err != nil {
			return strings.TrimSpace(err.Error())
		}
		rows = append(rows, row.Text)
	}
	slices.Sort(rows)
	return fmt.Sprintf("%d rows, %d ids, %d marked", len(rows), len(slices.Compact(slices.Clone(rows))), len(marks))
}
