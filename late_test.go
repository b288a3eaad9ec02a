package wadi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi"
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
			run(t, env, fmt.Sprintf(`
				CREATE TABLE too_late (k STRING, id BIGINT, note STRING) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/late');
				CREATE TABLE good (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/good');
				CREATE TABLE rows_in (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
					WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '%[2]s', 'late.table' = 'too_late');
				CREATE VIEW seen AS SELECT id, k, ts FROM rows_in;
				INSERT INTO good %[3]s;`, out, dir, query))
			got := texts(t, env, "SELECT k || CAST(id AS STRING) FROM too_late WHERE note IS NULL")
			if want := []string{"a3", "a5"}; !slices.Equal(got, want) {
				t.Errorf("late rows %q, want %q", got, want)
			}
		})
	}
}
