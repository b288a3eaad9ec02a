package wadi_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// TestFork starts a copy of a job beside it, which goes on from a checkpoint with
// tables and directories of its own: in the end both have the same.
func TestFork(t *testing.T) {
	base := t.TempDir()
	s := serve(t, map[string]string{"execution.checkpointing.dir": filepath.Join(base, "checkpoints"), "execution.checkpointing.interval": "50 ms", "parallelism.default": "2"})
	lake := fmt.Sprintf("CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '%s');", filepath.Join(base, "lake"))
	windows := filepath.Join(base, "windows")
	script := lake + fmt.Sprintf(`
CREATE DATABASE IF NOT EXISTS lake.db;
CREATE TABLE lake.db.totals (k BIGINT, n BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('sink.commit.max-age' = '0 s');
CREATE TABLE g (id BIGINT, ts AS TO_TIMESTAMP_LTZ(id, 3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '4000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '5999');
CREATE TABLE w (w TIMESTAMP_LTZ(3), n BIGINT, s BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s/', 'format' = 'json');
EXECUTE STATEMENT SET BEGIN
INSERT INTO lake.db.totals SELECT id %% 10, COUNT(*), SUM(id) FROM g GROUP BY id %% 10;
INSERT INTO w SELECT window_end, COUNT(*), SUM(id) FROM TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '0.5' SECOND) GROUP BY window_start, window_end;
END;`, windows)
	all, err := s.Submit(t.Context(), rest.Submission{Name: "original", Script: script})
	if err != nil {
		t.Fatal(err)
	}
	original := all[0].ID
	var copied rest.Forked
	await.That(t, "a checkpoint", func() bool {
		j, ok := s.Job(original)
		return ok && j.Progress().Epoch > 4
	})
	if copied, err = s.client().Fork(t.Context(), string(original), rest.Fork{Suffix: "_whatif"}); err != nil || copied.Name != "original_whatif" {
		t.Fatal(copied, err)
	}
	for _, id := range []job.ID{original, copied.ID} {
		await.That(t, "the end of "+string(id), func() bool {
			j, ok := s.Job(id)
			return ok && j.Summary().Status.String() == "FINISHED"
		})
	}
	env := plain(t)
	if err := env.Execute(t.Context(), lake, func(wadi.Outcome) error { return nil }); err != nil {
		t.Fatal(err)
	}
	rows := func(table string) []string {
		r := rowTexts(t, env, "SELECT k, n, s FROM lake.db."+table)
		slices.Sort(r)
		return r
	}
	if a, b := rows("totals"), rows("totals_whatif"); len(a) != 10 || !slices.Equal(a, b) {
		t.Errorf("totals %q, of the copy %q", a, b)
	}
	first, n, _ := rowsIn(t, windows)
	second, m, _ := rowsIn(t, windows+"_whatif")
	if first != 12 || n != 6000 || second == 0 || second > 12 || m != second*500 {
		t.Errorf("%d windows of %d rows, of the copy %d of %d", first, n, second, m)
	}
	for suffix, want := range map[string]string{"": "the suffix", "/../x": "the suffix"} {
		if _, err := s.client().Fork(t.Context(), string(original), rest.Fork{Suffix: suffix}); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("suffix %q: %v", suffix, err)
		}
	}
}

// TestForkRefused: a copy that would write where the job does is not started.
func TestForkRefused(t *testing.T) {
	s := serve(t, map[string]string{"execution.checkpointing.dir": t.TempDir(), "execution.checkpointing.interval": "20 ms"})
	all, err := s.Submit(t.Context(), rest.Submission{Name: "posts", Script: `
CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
CREATE TABLE h (id BIGINT) WITH ('connector' = 'http', 'url' = 'http://127.0.0.1:1/', 'format' = 'json');
INSERT INTO h SELECT id FROM g WHERE id < 0`})
	if err != nil {
		t.Fatal(err)
	}
	id := string(all[0].ID)
	await.That(t, "a checkpoint", func() bool { j, _ := s.Job(all[0].ID); return j.Progress().Epoch > 2 })
	if _, err := s.client().Fork(t.Context(), id, rest.Fork{Suffix: "_b"}); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "connector 'http' has no name") {
		t.Errorf("a sink that takes no suffix: %v", err)
	}
	if _, err := s.client().Fork(t.Context(), id, rest.Fork{Suffix: "_b", From: "/nowhere/chk-1"}); err == nil {
		t.Error("from nowhere")
	}
}
