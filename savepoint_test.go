package wadi_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
)

// summing is a job over a source of numbers 0, 1, 2, …, which it sums up by
// their last digit, into files that are seen when a checkpoint is complete.
const summing = `
CREATE TABLE g (id BIGINT, ts AS TO_TIMESTAMP_LTZ(id, 3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '6000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '%d');
CREATE TABLE f (w BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'json');
INSERT INTO f SELECT UNIX_TIMESTAMP(CAST(window_end AS STRING)), COUNT(*), SUM(id) FROM TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end;
`

// begin starts the job of a script, the last statement of which it is.
func begin(t *testing.T, config map[string]string, restore wadi.Restore, script string) *wadi.Run {
	t.Helper()
	env, err := wadi.Local(wadi.Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	var run *wadi.Run
	err = env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline != nil {
			run, err = o.Pipeline.Start(context.WithoutCancel(t.Context()), restore)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		run.Cancel(nil)
		_, _ = run.Wait()
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return run
}

// rowsIn adds up the rows of the files in a directory: how many windows, rows
// and what sum.
func rowsIn(t *testing.T, dir string) (windows, n, sum int64) {
	t.Helper()
	row := regexp.MustCompile(`"n":(\d+),"s":(\d+)`)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range row.FindAllStringSubmatch(string(text), -1) {
			var a, b int64
			if _, err := fmt.Sscan(m[1], &a); err != nil {
				return err
			}
			if _, err := fmt.Sscan(m[2], &b); err != nil {
				return err
			}
			windows, n, sum = windows+1, n+a, sum+b
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return windows, n, sum
}

// TestTwoJobsFromOneSavepoint makes a savepoint of a running job, moves it, and
// lets two jobs of other parallelism finish from it: each gives what one run
// gives, less what was published before the savepoint.
func TestTwoJobsFromOneSavepoint(t *testing.T) {
	const rows = 6000
	base := t.TempDir()
	config := func(name string, parallelism string) map[string]string {
		return map[string]string{
			"pipeline.name": name, "parallelism.default": parallelism, "execution.checkpointing.interval": "50 ms",
			"execution.checkpointing.dir": filepath.Join(base, "checkpoints-"+name),
		}
	}
	first := filepath.Join(base, "first")
	run := begin(t, config("first", "2"), wadi.RestoreRefuse, fmt.Sprintf(summing, rows-1, first))
	await.That(t, "windows", func() bool { w, _, _ := rowsIn(t, first); return w > 0 })
	path, err := run.Savepoint(t.Context(), filepath.Join(base, "savepoints"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`/savepoints/savepoint-[0-9a-f]{6}-[0-9a-f]{12}$`).MatchString(path) {
		t.Errorf("path: %s", path)
	}
	if res, err := run.Wait(); err != nil || res.State != coordinator.Finished {
		t.Fatal(res, err)
	}
	windows, n, sum := rowsIn(t, first)
	if windows != 6 || n != rows || sum != rows*(rows-1)/2 {
		t.Errorf("the job that made it: %d windows, %d rows, sum %d", windows, n, sum)
	}
	moved := filepath.Join(base, "moved")
	if err := os.Rename(strings.TrimPrefix(path, "file://"), moved); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(base, "checkpoints-first")); err != nil {
		t.Fatal(err)
	}
	var got [2][3]int64
	for i, p := range []string{"1", "3"} {
		out := filepath.Join(base, "again-"+p)
		again := begin(t, config("again-"+p, p), wadi.Restore(moved), fmt.Sprintf(summing, rows-1, out))
		if res, err := again.Wait(); err != nil || res.State != coordinator.Finished {
			t.Fatal(res, err)
		}
		got[i][0], got[i][1], got[i][2] = rowsIn(t, out)
	}
	if got[0] != got[1] || got[0][0] == 0 || got[0][0] >= 6 || got[0][1] != got[0][0]*1000 {
		t.Errorf("two jobs from one savepoint: %v", got)
	}
}

func TestStopAndDrain(t *testing.T) {
	base := t.TempDir()
	config := map[string]string{
		"pipeline.name": "draining", "execution.checkpointing.interval": "50 ms",
		"execution.checkpointing.dir": filepath.Join(base, "checkpoints"), "execution.checkpointing.savepoint-dir": filepath.Join(base, "savepoints"),
	}
	out := filepath.Join(base, "out")
	script := fmt.Sprintf(summing, int64(1)<<40, out)
	run := begin(t, config, wadi.RestoreRefuse, script)
	await.That(t, "rows", func() bool { return run.Progress().Read > 1500 })
	stopped, err := run.StopWithSavepoint(t.Context(), "", false)
	if err != nil || !strings.Contains(stopped, "/savepoints/savepoint-") {
		t.Fatal(stopped, err)
	}
	_, before, _ := rowsIn(t, out)
	if before%1000 != 0 {
		t.Errorf("%d rows: a window is not whole", before)
	}
	run = begin(t, config, wadi.Restore(stopped), script)
	await.That(t, "rows", func() bool { return run.Progress().Read > 500 })
	drained, err := run.StopWithSavepoint(t.Context(), "", true)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := run.Wait(); err != nil || res.State != coordinator.Finished {
		t.Errorf("drained: %+v, %v", res, err)
	}
	_, n, sum := rowsIn(t, out)
	if n%1000 == 0 || sum != n*(n-1)/2 {
		t.Errorf("%d rows, sum %d: the last window has not fired, or rows are lost or doubled", n, sum)
	}
	if res, err := begin(t, config, wadi.Restore(drained), script).Wait(); err != nil || res.State != coordinator.Finished {
		t.Errorf("from what was drained: %+v, %v", res, err)
	}
}

func TestSavepointsAreClaimedAndDisposed(t *testing.T) {
	base := t.TempDir()
	config := map[string]string{
		"pipeline.name": "claiming", "execution.checkpointing.dir": filepath.Join(base, "checkpoints"),
	}
	script := fmt.Sprintf(summing, int64(1)<<40, filepath.Join(base, "out"))
	run := begin(t, config, wadi.RestoreRefuse, script)
	savepoint := func() string {
		t.Helper()
		await.That(t, "the start", func() bool { return run.Progress().Read > 0 })
		path, err := run.Savepoint(t.Context(), filepath.Join(base, "savepoints"))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := savepoint(), savepoint()
	n, err := run.Checkpoint(t.Context())
	if err != nil || n == 0 {
		t.Error(n, err)
	}
	if _, err := run.Savepoint(t.Context(), "/dev/null/nowhere"); err == nil {
		t.Error("a savepoint was made nowhere")
	}
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	if err := env.DisposeSavepoint(t.Context(), one+"/_metadata"); err != nil {
		t.Error(err)
	}
	if err := env.DisposeSavepoint(t.Context(), one); err == nil {
		t.Error("it was disposed twice")
	}
	life, _ := run.Life()
	at := filepath.Join(base, "checkpoints", string(life.Job), fmt.Sprint("chk-", n))
	if err := env.DisposeSavepoint(t.Context(), at); err == nil || !strings.Contains(err.Error(), "belongs to the job") {
		t.Error("a checkpoint was disposed:", err)
	}
	if c, err := env.Checkpoint(t.Context(), two); err != nil || len(c.Tables) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	run.Cancel(nil)
	_, _ = run.Wait()
	config["execution.state-recovery.claim-mode"] = "CLAIM"
	run = begin(t, config, wadi.Restore(two), script)
	await.That(t, "the start", func() bool { return run.Progress().Read > 0 })
	left, err := os.ReadDir(filepath.Join(base, "savepoints"))
	if err != nil && !os.IsNotExist(err) || len(left) > 0 {
		t.Errorf("what was claimed stays: %v, %v", left, err)
	}
}
