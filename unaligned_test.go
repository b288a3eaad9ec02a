package wadi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// slowly is a sink that takes its time over every batch, and publishes the first
// column, which is a number.
type slowly struct {
	each time.Duration

	mu    sync.Mutex
	epoch stream.Epoch
	ids   []int64
}

func (s *slowly) connector() *ops.Connector {
	return &ops.Connector{
		Name: "slowly", Changelog: true, Resolve: func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Sink: func(context.Context, job.Table) (ops.Sink, error) { return s, nil },
	}
}

func (s *slowly) Writer(context.Context, ops.Runtime) (ops.SinkWriter, error) {
	return &slowWriter{each: s.each}, nil
}

func (s *slowly) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return s, nil }

func (s *slowly) Published(context.Context) (stream.Epoch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, nil
}

func (s *slowly) Commit(_ context.Context, pending []ops.Pending, _ bool) (stream.Epoch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pending {
		if p.Epoch <= s.epoch {
			continue
		}
		for _, c := range p.Committables {
			var ids []int64
			if err := json.Unmarshal(c, &ids); err != nil {
				return s.epoch, err
			}
			s.ids = append(s.ids, ids...)
		}
		s.epoch = p.Epoch
	}
	return s.epoch, nil
}

func (s *slowly) Close() error { return nil }

type slowWriter struct {
	each time.Duration
	ids  []int64
}

func (w *slowWriter) Write(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	w.ids = append(w.ids, vector.Values[int64](b.Rows.Column(0))...)
	select {
	case <-time.After(w.each):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *slowWriter) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	if len(w.ids) == 0 {
		return nil, nil
	}
	c, err := json.Marshal(w.ids)
	w.ids = nil
	return []ops.Committable{c}, err
}

func (w *slowWriter) Close() error { return nil }

// inFlight are the files of what was on its way, below a directory.
func inFlight(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".inflight") {
			files = append(files, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its checkpoint is retired meanwhile
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestBackPressure: a checkpoint whose barriers stand behind more rows than a slow
// sink takes before the timeout is completed when they may overtake, and no other.
func TestBackPressure(t *testing.T) {
	run := func(t *testing.T, config map[string]string) (dir string, run *wadi.Run) {
		t.Helper()
		dir = t.TempDir()
		sink := &slowly{each: 20 * time.Millisecond}
		all := map[string]string{
			"execution.checkpointing.dir": "file://" + dir, "execution.checkpointing.interval": "50 ms", "execution.checkpointing.timeout": "800 ms",
			"execution.checkpointing.tolerable-failed-checkpoints": "-1", "execution.runtime-mode": "streaming", "parallelism.default": "2",
		}
		maps.Copy(all, config)
		env, err := wadi.Local(wadi.Options{Config: all, Connectors: []*ops.Connector{sink.connector()}})
		if err != nil {
			t.Fatal(err)
		}
		err = env.Execute(t.Context(), `
			CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'fields.id.kind' = 'random', 'fields.id.min' = '0', 'fields.id.max' = '100000', 'rows-per-second' = '1000000');
			CREATE TABLE s (id BIGINT, n BIGINT) WITH ('connector' = 'slowly');
			INSERT INTO s SELECT id, COUNT(*) FROM g GROUP BY id`, func(o wadi.Outcome) error {
			if o.Pipeline == nil {
				return nil
			}
			run, err = o.Pipeline.Start(t.Context(), wadi.RestoreNone)
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
		return dir, run
	}
	checkpoints := func(r *wadi.Run) coordinator.Checkpoints {
		l, _ := r.Life()
		return l.Checkpoints
	}
	t.Run("aligned", func(t *testing.T) {
		_, r := run(t, nil)
		await.That(t, "rows stand before a barrier", func() bool { return checkpoints(r).Failed >= 2 })
		if c := checkpoints(r); c.Completed > 1 { // the first may be before the rows
			t.Fatalf("%d checkpoints completed: the sink is not slow enough to show anything", c.Completed)
		}
	})
	for _, timeout := range []string{"0 ms", "100 ms"} {
		t.Run("unaligned after "+timeout, func(t *testing.T) {
			dir, r := run(t, map[string]string{
				"execution.checkpointing.unaligned.enabled": "true", "execution.checkpointing.aligned-checkpoint-timeout": timeout,
			})
			await.That(t, "checkpoints with rows on their way", func() bool { return checkpoints(r).Completed >= 4 && len(inFlight(t, dir)) > 0 })
			await.That(t, "checkpoints go with what was on its way in them", func() bool { return checkpoints(r).Completed >= 12 })
			l, _ := r.Life()
			last := l.Checkpoints.LastCompleted
			if _, persisted := last.Moved(); persisted == 0 || !slices.ContainsFunc(last.Tasks, func(t coordinator.TaskCheckpoint) bool { return t.How.Unaligned }) {
				t.Errorf("nothing is told of what the barriers have overtaken: %+v", last.Tasks)
			}
			if n := len(inFlight(t, dir)); n > 2*7 { // of two tasks, in those that are kept and in one that is being made
				t.Errorf("%d files of what was on its way are kept", n)
			}
		})
	}
}

// TestUnalignedInCluster: with barriers that overtake rows between workers, a job
// that is rescaled, and whose worker is lost, gives what it gives undisturbed.
func TestUnalignedInCluster(t *testing.T) {
	calm, dir := t.TempDir(), t.TempDir()
	if r := gear(t, calm, false, nil, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("undisturbed: %+v", r)
	}
	config := clustered(dir)
	config["execution.checkpointing.unaligned.enabled"] = "true"
	config["execution.checkpointing.interval"] = "10 ms"
	env, c := coordinate(t, config)
	small := map[string]string{"taskmanager.numberOfTaskSlots": "2", "wadi.exchange.channel-size": "1 kb", "taskmanager.network.memory.buffer-debloat.enabled": "true"}
	kill := work(t, c, small)
	work(t, c, small)
	seen := 0
	r := on(t, env, dir, true, func(run *wadi.Run) {
		epoch := run.Progress().Epoch
		for _, n := range []int{4, 1, 3} {
			await.That(t, "two more epochs", func() bool {
				seen += len(inFlight(t, dir))
				return run.Progress().Epoch >= epoch+2
			})
			wishes := map[job.VertexID]int{}
			l, _ := run.Life()
			for _, v := range l.Graph.Vertices {
				wishes[v.ID] = n
			}
			if err := run.Rescale(t.Context(), wishes); err != nil {
				t.Fatal(err)
			}
			await.That(t, "the new tasks", func() bool {
				l, _ := run.Life()
				return l.Graph.Vertices[0].Parallelism == n && l.Tasks[0].Current().Status == coordinator.TaskRunning
			})
			epoch = run.Progress().Epoch
		}
		if err := kill(); err != nil {
			t.Fatal(err)
		}
		work(t, c, small)
	})
	if r.State != coordinator.Finished {
		t.Fatalf("%+v", r)
	}
	if got, want := output(t, dir), output(t, calm); !slices.Equal(got, want) {
		t.Fatalf("%d rows, want %d: %s", len(got), len(want), fmt.Sprint(got[:min(3, len(got))]))
	}
	t.Logf("files of what was on its way were seen %d times", seen)
}

// TestRowsOnTheirWayBetweenWorkers: rows that are on their way to another worker, in
// a checkpoint from which a job goes on when a worker is lost, come once.
func TestRowsOnTheirWayBetweenWorkers(t *testing.T) {
	const rows = 40_000
	dir := t.TempDir()
	config := clustered(dir)
	config["execution.checkpointing.unaligned.enabled"] = "true"
	sink := &slowly{each: 10 * time.Millisecond}
	with := wadi.Options{Connectors: []*ops.Connector{sink.connector()}}
	env, c := coordinateWith(t, with, config)
	small := map[string]string{"wadi.exchange.channel-size": "16 kb"}
	kill := workWith(t, c, with, small)
	workWith(t, c, with, small)
	err := env.Execute(t.Context(), fmt.Sprintf(`
		CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '40000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '%d');
		CREATE TABLE s (id BIGINT, n BIGINT) WITH ('connector' = 'slowly');
		INSERT INTO s SELECT id, COUNT(*) FROM g GROUP BY id`, rows-1), func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
		if err != nil {
			return err
		}
		await.That(t, "rows on their way in checkpoints", func() bool { return len(inFlight(t, dir)) > 0 && run.Progress().Epoch >= 3 })
		if err := kill(); err != nil {
			return err
		}
		workWith(t, c, with, small)
		res, err := run.Wait()
		if res.State != coordinator.Finished || res.Restarts == 0 {
			t.Errorf("%+v", res)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(sink.ids)
	for i, id := range sink.ids {
		if id != int64(i) {
			t.Fatalf("row %d is %d", i, id)
		}
	}
	if len(sink.ids) != rows {
		t.Fatalf("%d rows, want %d", len(sink.ids), rows)
	}
}
