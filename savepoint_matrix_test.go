package wadi_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
    SELECT window_start, window_end, id, id %% 10 AS k FROM TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND))
  GROUP BY window_start, window_end, k)%s`, matrixRows-1, columns, out, query, where)
}

// TestSavepointMatrix stops a job with a savepoint and goes on from it with
// another backend, parallelism, gear and query: every row that one run would give is
// there once, before the savepoint or after it.
// Its output is a table.
func TestSavepointMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	cases, begun := 0, 0
	report := table.NewWriter()
	report.AppendHeader(table.Row{"backend", "parallelism", "gear", "query", "rows before", "rows after"})
	for _, backend := range [][2]string{{"memory", "memory"}, {"pebble", "pebble"}, {"memory", "pebble"}, {"pebble", "memory"}} {
		for _, scale := range [][2]string{{"1", "4"}, {"4", "1"}, {"3", "2"}} {
			for _, gear := range [][2]string{{"pipelined", "pipelined"}, {"staged", "staged"}, {"pipelined", "staged"}} {
				for _, edited := range []bool{false, true} {
					if backend[0] != backend[1] && (gear[0] != "pipelined" || gear[1] != "pipelined") || gear[0] != gear[1] && backend[0] != "memory" {
						continue // one change of kind at a time
					}
					if cases++; matrixCase(t, report, backend, scale, gear, edited) > 0 {
						begun++
					}
				}
			}
		}
	}
	t.Log("\n" + report.Render())
	if begun < cases/2 {
		t.Errorf("only %d of %d jobs had written rows before their savepoint", begun, cases)
	}
}

func matrixCase(t *testing.T, report table.Writer, backend, scale, gear [2]string, edited bool) (before int) {
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
	await.That(t, name+": rows", func() bool { return run.Progress().Read > matrixRows/2 })
	path, err := run.StopWithSavepoint(t.Context(), filepath.Join(base, "savepoints"), false)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	run = begin(t, config(1), wadi.Restore(path), matrixScript(two, edited))
	if res, err := run.Wait(); err != nil || res.State != coordinator.Finished || res.Restored == 0 {
		t.Fatalf("%s: %+v, %v", name, res, err)
	}
	first, after := matrixRowsIn(t, one), matrixRowsIn(t, two)
	want := matrixWanted()
	for _, r := range first {
		at := slices.Index(want, r)
		if at < 0 {
			t.Errorf("%s: before the savepoint, a row that is wrong or doubled: %+v", name, r)
			continue
		}
		want = slices.Delete(want, at, at+1)
	}
	if edited {
		for i, r := range want {
			want[i] = matrixRow{K: r.K, N: r.N, S: r.S, D: fmt.Sprint("digit ", r.K)}
		}
		slices.SortFunc(want, compareMatrixRows)
	}
	if len(after) == 0 || !slices.Equal(after, want) {
		t.Errorf("%s: %d rows before the savepoint, then\n%v\nwanted\n%v", name, len(first), after, want)
	}
	query := "same"
	if edited {
		query = "edited"
	}
	report.AppendRow(table.Row{strings.Join(backend[:], "→"), strings.Join(scale[:], "→"), strings.Join(gear[:], "→"), query, len(first), len(after)})
	return len(first)
}

// matrixRow is a row of a job of the matrix: W of the first query, D of the edited.
type matrixRow struct {
	W, K, N, S int64
	D          string
}

func compareMatrixRows(a, b matrixRow) int {
	return cmp.Or(cmp.Compare(a.W, b.W), cmp.Compare(a.K, b.K), cmp.Compare(a.N, b.N), cmp.Compare(a.S, b.S), cmp.Compare(a.D, b.D))
}

// matrixRowsIn are the rows of the files in a directory, in order.
func matrixRowsIn(t *testing.T, dir string) (rows []matrixRow) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for d := json.NewDecoder(bytes.NewReader(data)); d.More(); {
			var r matrixRow
			if err := d.Decode(&r); err != nil {
				t.Fatal(f, err)
			}
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, compareMatrixRows)
	return rows
}

// matrixWanted are the rows that the first query gives of all that is read.
func matrixWanted() (rows []matrixRow) {
	for w := int64(1); w <= matrixRows/1000; w++ {
		for k := range int64(10) {
			r := matrixRow{W: w, K: k}
			for id := (w-1)*1000 + k; id < w*1000; id += 10 {
				r.N++
				r.S += id
			}
			rows = append(rows, r)
		}
	}
	return rows
}
