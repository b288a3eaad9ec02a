package wadi_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// newest runs the job of a script to its end, and is its newest checkpoint.
func newest(t *testing.T, script, parallelism string) wadi.Checkpoint {
	t.Helper()
	dir := t.TempDir()
	run := begin(t, map[string]string{
		"execution.runtime-mode": "streaming", "parallelism.default": parallelism, "execution.checkpointing.dir": dir, "execution.checkpointing.interval": "50 ms",
	}, wadi.RestoreNone, script)
	if _, err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	all, err := plain(t).Checkpoints(t.Context(), dir)
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all[len(all)-1]
}

// plain is an Env without settings.
func plain(t *testing.T) *wadi.Env {
	t.Helper()
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return env
}

// each counts numbers, each of which is there once, and so many times the last.
const each = `
CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '%d', 'fields.id.end' = '%d');
CREATE TABLE f (id BIGINT, n BIGINT%s) WITH ('connector' = 'blackhole');
INSERT INTO f SELECT id, COUNT(*)%s FROM (SELECT * FROM g UNION ALL SELECT MAX(id) FROM g) GROUP BY id`

func TestCompareCheckpoints(t *testing.T) {
	script := func(from, to int, more ...string) string {
		if more == nil {
			more = []string{"", ""}
		}
		return fmt.Sprintf(each, from, to, more[0], more[1])
	}
	env := plain(t)
	a, b := newest(t, script(0, 99), "2"), newest(t, script(50, 199), "3")
	kinds := map[stream.RowKind]int{}
	var keys []string
	all, err := env.CompareCheckpoints(t.Context(), a.Path, b.Path, func(d wadi.StateDifference, c wadi.Changes) error {
		if d.Table != "groups" || !strings.Contains(d.Vertex, "groupBy=[id]") {
			return nil
		}
		for i, k := range c.Kinds {
			kinds[k]++
			if k == stream.UpdateBefore || k == stream.UpdateAfter {
				keys = append(keys, fmt.Sprint(k, c.Record.Column(0).ValueStr(i), "=", c.Record.Column(1).ValueStr(i)))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := ofGroups(all)
	// 99 was counted twice in the first, 199 in the second.
	if got.Added != 100 || got.Removed != 50 || got.Changed != 1 {
		t.Errorf("%+v", got)
	}
	if kinds[stream.Insert] != 100 || kinds[stream.Delete] != 50 || !slices.Equal(keys, []string{"+U99=1", "-U99=2"}) {
		t.Errorf("rows: %v %q", kinds, keys)
	}
	if all, err = env.CompareCheckpoints(t.Context(), b.Path, b.Path, nil); err != nil || slices.ContainsFunc(all, func(d wadi.StateDifference) bool { return !d.Equal() }) {
		t.Errorf("a checkpoint and itself: %v, %v", all, err)
	}
	c := newest(t, script(50, 199, ", s BIGINT", ", SUM(id)"), "1")
	if all, err = env.CompareCheckpoints(t.Context(), b.Path, c.Path, nil); err != nil {
		t.Fatal(err)
	}
	if got := ofGroups(all); got.String() != "new columns sum(id).sum, sum(id).n" {
		t.Errorf("with another column: %v", got)
	}
	if _, err = env.CompareCheckpoints(t.Context(), b.Path, filepath.Join(t.TempDir(), "chk-1"), nil); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("a checkpoint that is not there: %v", err)
	}
}

func ofGroups(all []wadi.StateDifference) wadi.StateDifference {
	i := slices.IndexFunc(all, func(d wadi.StateDifference) bool {
		return d.Table == "groups" && strings.Contains(d.Vertex, "groupBy=[id]")
	})
	if i < 0 {
		return wadi.StateDifference{}
	}
	return all[i]
}

// TestExportState writes a table in each format, and reads it again.
func TestExportState(t *testing.T) {
	c := newest(t, fmt.Sprintf(sums, 1000), "2")
	env := plain(t)
	for format, reader := range map[string]string{"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"} {
		var out bytes.Buffer
		rows, err := env.ExportState(t.Context(), c.Path, c.Tables[0].UID, "groups", format, &out)
		if err != nil || rows != 10 {
			t.Fatalf("%s: %d, %v", format, rows, err)
		}
		file := filepath.Join(t.TempDir(), "groups."+format)
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := oneRow(t, env, "SELECT COUNT(*), SUM(`count()`), SUM(`sum(id).sum`) FROM "+reader+"('"+file+"')"); got != "10 1000 499500" {
			t.Errorf("%s: %s", format, got)
		}
	}
	if _, err := env.ExportState(t.Context(), c.Path, c.Tables[0].UID, "groups", "orc", &bytes.Buffer{}); !errors.Is(err, job.ErrInvalid) {
		t.Error(err)
	}
}
