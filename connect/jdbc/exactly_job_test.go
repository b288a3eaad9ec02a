package jdbc_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestExactlyOnceJob: a job that is canceled at any moment, in either gear, writes each
// row once to a table without a key, and cannot go on without exactly-once while rows
// may wait.
func TestExactlyOnceJob(t *testing.T) {
	onDatabases(t, func(t *testing.T, s sqltest.Database) {
		s.Exec(t, "CREATE TABLE numbers (i int, k int)")
		config := map[string]string{
			"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "20 ms", "parallelism.default": "2",
			"execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()), "wadi.staged.rows-per-epoch": "100",
		}
		const rows = 6000
		script := "SET 'pipeline.name' = 'numbers';" +
			"CREATE TABLE made (i INT) WITH ('connector' = 'datagen', 'fields.i.kind' = 'sequence', 'fields.i.start' = '1', 'fields.i.end' = '" + strconv.Itoa(rows) + "', 'rows-per-second' = '4000');" +
			"CREATE TABLE numbers (i INT, k INT)" + s.With("numbers", "'sink.delivery-guarantee' = 'exactly-once'") +
			"INSERT INTO numbers SELECT i, MOD(i, 7) FROM made;"
		begin := func(script string) *wadi.Run {
			started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
			if err != nil {
				t.Fatal(err)
			}
			return started
		}
		count := func() int {
			n, err := strconv.Atoi(s.Texts(t, "SELECT COUNT(*) FROM numbers")[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for round := range 5 {
			config["execution.gear"] = []string{"pipelined", "staged"}[round%2]
			started := begin(script)
			await.That(t, "rows are written", func() bool { return count() > round*rows/10 })
			started.Cancel(context.Canceled)
			_, _ = started.Wait() // it was canceled
		}
		_, err := begin(strings.Replace(script, "exactly-once", "at-least-once", 1)).Wait()
		if err == nil || !strings.Contains(err.Error(), "it does not publish by checkpoints") {
			t.Errorf("rows wait, and the job goes on without exactly-once: %v", err)
		}
		if _, err := begin(script).Wait(); err != nil {
			t.Fatal(err)
		}
		if got, want := s.Texts(t, "SELECT CONCAT(COUNT(*), ' ', COUNT(DISTINCT i)) FROM numbers")[0], fmt.Sprint(rows, " ", rows); got != want {
			t.Errorf("rows and numbers: %s, want %s", got, want)
		}
		if n := s.Texts(t, "SELECT COUNT(*) FROM wadi_staged")[0]; n != "0" {
			t.Errorf("%s pieces are left", n)
		}
	})
}
