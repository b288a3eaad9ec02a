package wadi_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
)

// matrixRows is how many rows a job of the matrix reads in all.
const matrixRows = 12_000

// matrixScript counts and sums numbers by window and last digit. The edited
// query leaves out a column, computes another and filters the result: what it
// keeps is the same.
func matrixScript(out string, edited bool) string {
	columns, query := "w BIGINT, k BIGINT, n BIGINT, s BIGINT", "SELECT UNIX_TIMESTAMP(CAST(window_end AS STRING)), k, n, s"
	where := ""
	if edited {
		columns, query = "k BIGINT, n BIGINT, s BIGINT, d STRING", "SELECT k, n, s, 'digit ' || CAST(k AS STRING)"
		where = " WHERE n > 0"
	}
	return fmt.Sprintf(`
CREATE TABLE g (id BIGINT, ts AS TO_TIMESTAMP_LTZ(id, 3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '15000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '%d');
CREATE TABLE f (%s) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'json');
INSERT INTO f %s FROM (
  SELECT window_end, k, COUNT(*) AS n, SUM(id) AS s FROM (
    SELECT window_start, window_end, id, id %% 10 AS k FROM TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '2' SECOND))
  GROUP BY window_start, window_end, k)%s`, matrixRows-1, columns, out, query, where)
}

// TestSavepointMatrix stops a job with a savepoint and goes on from it with
// another backend, parallelism, gear and query: no row is lost and none doubled.
// Its output is a table.
func TestSavepointMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	report := table.NewWriter()
	report.AppendHeader(table.Row{"backend", "parallelism", "gear", "query", "before", "windows", "rows"})
	for _, backend := range [][2]string{{"memory", "memory"}, {"pebble", "pebble"}, {"memory", "pebble"}, {"pebble", "memory"}} {
		for _, scale := range [][2]string{{"1", "4"}, {"4", "1"}, {"3", "2"}} {
			for _, gear := range [][2]string{{"pipelined", "pipelined"}, {"staged", "staged"}, {"pipelined", "staged"}} {
				for _, edited := range []bool{false, true} {
					if backend[0] != backend[1] && (gear[0] != "pipelined" || gear[1] != "pipelined") || gear[0] != gear[1] && backend[0] != "memory" {
						continue // one change of kind at a time
					}
					matrixCase(t, report, backend, scale, gear, edited)
				}
			}
		}
	}
	t.Log("\n" + report.Render())
}

func matrixCase(t *testing.T, report table.Writer, backend, scale, gear [2]string, edited bool) {
	t.Helper()
	base := t.TempDir()
	config := func(i int) map[string]string {
		return map[string]string{
			"pipeline.name": fmt.Sprint("matrix-", i), "parallelism.default": scale[i], "execution.gear": gear[i], "wadi.staged.rows-per-epoch": "500",
			"state.backend.type": backend[i], "execution.checkpointing.interval": "50 ms", "pipeline.max-parallelism": "16",
			"execution.checkpointing.dir": filepath.Join(base, fmt.Sprint("checkpoints-", i)),
		}
	}
	name := fmt.Sprint(strings.Join(backend[:], "→"), " ", strings.Join(scale[:], "→"), " ", strings.Join(gear[:], "→"), " edited: ", edited)
	one, two := filepath.Join(base, "one"), filepath.Join(base, "two")
	run := begin(t, config(0), wadi.RestoreRefuse, matrixScript(one, false))
	await.That(t, name+": rows", func() bool { return run.Progress().Read > 3000 })
	path, err := run.StopWithSavepoint(t.Context(), filepath.Join(base, "savepoints"), false)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	_, before, _ := rowsIn(t, one)
	run = begin(t, config(1), wadi.Restore(path), matrixScript(two, edited))
	if res, err := run.Wait(); err != nil || res.State != coordinator.Finished || res.Restored == 0 {
		t.Fatalf("%s: %+v, %v", name, res, err)
	}
	w1, n1, s1 := rowsIn(t, one)
	w2, n2, s2 := rowsIn(t, two)
	if w1+w2 != matrixRows/2000*10 || n1+n2 != matrixRows || s1+s2 != matrixRows*(matrixRows-1)/2 {
		t.Errorf("%s: %d+%d windows, %d+%d rows, sums %d+%d", name, w1, w2, n1, n2, s1, s2)
	}
	query := "same"
	if edited {
		query = "edited"
	}
	report.AppendRow(table.Row{strings.Join(backend[:], "→"), strings.Join(scale[:], "→"), strings.Join(gear[:], "→"), query, before, w1 + w2, n1 + n2})
}
