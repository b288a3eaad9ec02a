package wadi_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// twoEnds is a job of a source that ends at once and one that goes on, which it
// joins and unites: {dir} is where its files are.
const twoEnds = `
CREATE TEMPORARY TABLE few (id BIGINT) WITH ('connector'='datagen','fields.id.kind'='sequence','fields.id.start'='0','fields.id.end'='99','rows-per-second'='0');
CREATE TEMPORARY TABLE many (id BIGINT) WITH ('connector'='datagen','fields.id.kind'='sequence','fields.id.start'='0','fields.id.end'='19999','rows-per-second'='6000');
CREATE TEMPORARY TABLE o (id BIGINT, n BIGINT) WITH ('connector'='filesystem','path'='{dir}/out','format'='csv');
INSERT INTO o SELECT many.id, few.id FROM many JOIN few ON MOD(many.id, 100) = few.id WHERE many.id < 10000 UNION ALL SELECT id, -1 FROM many WHERE id >= 10000 UNION ALL SELECT id, -2 FROM few;
`

// twoEndsOut is what it gives.
func twoEndsOut() (rows []string) {
	for id := range 20000 {
		if id < 10000 {
			rows = append(rows, fmt.Sprintf("%d,%d", id, id%100))
		} else {
			rows = append(rows, fmt.Sprintf("%d,-1", id))
		}
		if id < 100 {
			rows = append(rows, fmt.Sprintf("%d,-2", id))
		}
	}
	slices.Sort(rows)
	return rows
}

// TestCheckpointsAfterTasksFinish: checkpoints go on when some tasks have finished,
// and what they hold is restored when a worker is lost, on more tasks, too.
func TestCheckpointsAfterTasksFinish(t *testing.T) {
	for _, unaligned := range []string{"false", "true"} {
		t.Run("unaligned "+unaligned, func(t *testing.T) {
			dir := t.TempDir()
			config := clustered(dir)
			config["execution.checkpointing.unaligned.enabled"], config["execution.checkpointing.interval"] = unaligned, "20 ms"
			env, c := coordinate(t, config)
			slots := map[string]string{"taskmanager.numberOfTaskSlots": "3"}
			kill := work(t, c, slots)
			work(t, c, slots)
			var run *wadi.Run
			if err := env.Execute(t.Context(), strings.ReplaceAll(twoEnds, "{dir}", dir), func(o wadi.Outcome) (err error) {
				if o.Pipeline != nil {
					run, err = o.Pipeline.Start(t.Context(), wadi.RestoreNone)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			finished := func() (n int) {
				l, _ := run.Life()
				for _, task := range l.Tasks {
					if len(task.Attempts) > 0 && task.Current().Status == coordinator.TaskFinished {
						n++
					}
				}
				return n
			}
			completed := func() int {
				l, _ := run.Life()
				return l.Checkpoints.Completed
			}
			goesOn := func(what string) {
				t.Helper()
				await.That(t, "tasks have finished "+what, func() bool { return finished() > 0 })
				n := completed()
				await.That(t, "checkpoints "+what, func() bool { return completed() >= n+3 })
			}
			goesOn("at first")
			l, _ := run.Life()
			wishes := map[job.VertexID]int{}
			for _, v := range l.Graph.Vertices {
				wishes[v.ID] = 3
			}
			if err := run.Rescale(t.Context(), wishes); err != nil {
				t.Fatal(err)
			}
			await.That(t, "three tasks", func() bool {
				l, _ := run.Life()
				return l.Graph.Vertices[0].Parallelism == 3
			})
			goesOn("when rescaled")
			if err := kill(); err != nil {
				t.Fatal(err)
			}
			work(t, c, slots)
			goesOn("when a worker was lost")
			res, err := run.Wait()
			if err != nil || res.State != coordinator.Finished {
				t.Fatalf("%+v, %v", res, err)
			}
			if got, want := output(t, dir), twoEndsOut(); !slices.Equal(got, want) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			}
		})
	}
}

// TestLocalRecovery: workers keep their state on their own disks, and a job whose
// worker is lost gives what it gives undisturbed.
func TestLocalRecovery(t *testing.T) {
	dir, local := t.TempDir(), t.TempDir()
	config := clustered(dir)
	config["state.backend.local-recovery"], config["execution.checkpointing.interval"] = "true", "20 ms"
	config["execution.checkpointing.local-backup.dirs"] = local
	env, c := coordinate(t, config)
	kill := work(t, c, nil)
	work(t, c, nil)
	copies := func() []string {
		files, err := filepath.Glob(filepath.Join(local, "*", "*", "shared", "*.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	err := env.Execute(t.Context(), strings.ReplaceAll(twoEnds, "{dir}", dir), func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
		if err != nil {
			return err
		}
		await.That(t, "state on local disk", func() bool { return len(copies()) > 0 && run.Progress().Epoch > 10 })
		if n := len(copies()); n > 500 {
			t.Errorf("%d files are kept", n)
		}
		if err := kill(); err != nil {
			return err
		}
		work(t, c, nil)
		res, err := run.Wait()
		if res.State != coordinator.Finished || res.Restarts == 0 {
			t.Errorf("%+v", res)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := output(t, dir), twoEndsOut(); !slices.Equal(got, want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	await.That(t, "nothing stays", func() bool { return len(copies()) == 0 })
}

// TestSavepointsBesideCheckpoints: savepoints that are asked for at the same time,
// while checkpoints are taken as fast as they go, are all made, each one whole.
func TestSavepointsBesideCheckpoints(t *testing.T) {
	calm, dir := t.TempDir(), t.TempDir()
	if r := gear(t, calm, false, nil, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("undisturbed: %+v", r)
	}
	config := clustered(dir)
	config["execution.checkpointing.interval"], config["execution.checkpointing.unaligned.enabled"] = "1 ms", "true"
	env, c := coordinate(t, config)
	work(t, c, nil)
	work(t, c, nil)
	const beside = 3
	paths := make(chan string, beside)
	r := on(t, env, dir, true, func(run *wadi.Run) {
		await.That(t, "checkpoints", func() bool { return run.Progress().Epoch >= 3 })
		for range beside {
			go func() {
				path, err := run.Savepoint(t.Context(), "file://"+dir+"/savepoints")
				if err != nil {
					t.Error(err)
				}
				paths <- path
			}()
		}
		seen := map[string]bool{}
		for range beside {
			seen[<-paths] = true
		}
		if len(seen) != beside {
			t.Errorf("%d savepoints were asked for: %v", beside, seen)
		}
		epoch := run.Progress().Epoch
		await.That(t, "checkpoints behind the savepoints", func() bool { return run.Progress().Epoch >= epoch+2 })
	})
	if r.State != coordinator.Finished || r.Restarts != 0 {
		t.Fatalf("%+v", r)
	}
	if got, want := output(t, dir), output(t, calm); !slices.Equal(got, want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
}
