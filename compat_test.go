package wadi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
)

// compat is a savepoint as a released version wrote it, and what its job had
// published before it.
const compat = "testdata/compat/savepoint-v1"

type published struct{ Windows, N, Sum int64 }

// rowsOfCompat is the last number of the job's source.
const rowsOfCompat = 11_999

// TestCompatibleSavepoint goes on from a savepoint that an earlier version has
// written. WADI_WRITE_COMPAT=1 writes it anew, which is done once for a version of
// the format, into a folder of its own.
func TestCompatibleSavepoint(t *testing.T) {
	if os.Getenv("WADI_WRITE_COMPAT") != "" {
		writeCompat(t)
	}
	text, err := os.ReadFile(compat + "/published.json")
	if err != nil {
		t.Fatal(err)
	}
	var before published
	if err := json.Unmarshal(text, &before); err != nil {
		t.Fatal(err)
	}
	at, err := filepath.Abs(compat)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + t.TempDir(), "execution.checkpointing.interval": "100 ms",
		"parallelism.default": "3",
	}
	run := begin(t, config, wadi.Restore("file://"+at), fmt.Sprintf(summing, rowsOfCompat, out))
	if r, err := run.Wait(); err != nil || r.State != coordinator.Finished {
		t.Fatalf("%+v, %v", r, err)
	}
	windows, n, sum := rowsIn(t, out)
	if n == 0 || windows+before.Windows != 12 || n+before.N != rowsOfCompat+1 || sum+before.Sum != rowsOfCompat*(rowsOfCompat+1)/2 {
		t.Errorf("%d windows, %d rows and the sum %d behind %+v", windows, n, sum, before)
	}
}

func writeCompat(t *testing.T) {
	t.Helper()
	out, dir := t.TempDir(), t.TempDir()
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir, "execution.checkpointing.interval": "100 ms",
		"parallelism.default": "2",
	}
	run := begin(t, config, wadi.RestoreNone, fmt.Sprintf(summing, rowsOfCompat, out))
	await.That(t, "the first windows", func() bool { windows, _, _ := rowsIn(t, out); return windows > 1 })
	from, err := run.StopWithSavepoint(t.Context(), "file://"+dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(compat); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(compat, os.DirFS(from[len("file://"):])); err != nil {
		t.Fatal(err)
	}
	var p published
	p.Windows, p.N, p.Sum = rowsIn(t, out)
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(compat+"/published.json", append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSavepointsAreListed: a directory of savepoints is listed as one of
// checkpoints is.
func TestSavepointsAreListed(t *testing.T) {
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	at, err := filepath.Abs(filepath.Dir(compat))
	if err != nil {
		t.Fatal(err)
	}
	all, err := env.Checkpoints(t.Context(), "file://"+at)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || filepath.Base(all[0].Path) != filepath.Base(compat) || len(all[0].Tables) == 0 {
		t.Errorf("%+v", all)
	}
}
