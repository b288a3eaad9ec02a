package wadi_test

import (
	"context"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// TestRescale: a job that runs gets more tasks, and then fewer, and gives the
// rows that it gives undisturbed.
func TestRescale(t *testing.T) {
	calm, dir := t.TempDir(), t.TempDir()
	if r := gear(t, calm, false, nil, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("undisturbed: %+v", r)
	}
	env, c := coordinate(t, clustered(dir))
	work(t, c, map[string]string{"taskmanager.numberOfTaskSlots": "2"})
	work(t, c, map[string]string{"taskmanager.numberOfTaskSlots": "2"})
	r := on(t, env, dir, true, func(run *wadi.Run) {
		epoch := run.Progress().Epoch
		for _, n := range []int{4, 1} {
			await.That(t, "two more epochs", func() bool { return run.Progress().Epoch >= epoch+2 })
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
	})
	if r.State != coordinator.Finished || r.Restarts != 0 {
		t.Fatalf("%+v", r)
	}
	if got, want := output(t, dir), output(t, calm); !slices.Equal(got, want) {
		t.Errorf("rescaled it gives %d rows, want %d", len(got), len(want))
	}
}

// TestReactive: a job has as many tasks as there are slots, when it is submitted,
// when a worker comes and when one goes.
func TestReactive(t *testing.T) {
	calm, dir := t.TempDir(), t.TempDir()
	if r := gear(t, calm, false, nil, nil, nil); r.State != coordinator.Finished {
		t.Fatalf("undisturbed: %+v", r)
	}
	config := clustered(dir)
	for k, v := range map[string]string{
		"jobmanager.rpc.port": "0", "rest.port": "0", "scheduler-mode": "reactive", "wadi.cluster.secret": "of this test", "parallelism.default": "1",
		"heartbeat.interval": "20 ms",
	} {
		config[k] = v
	}
	s, err := wadi.NewSession(wadi.Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	leads, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Coordinate(ctx, wadi.ServeOptions{}, func(context.Context) error { close(leads); return nil })
	}()
	<-leads
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = s.Close()
	}()
	work(t, s.Cluster(), map[string]string{"taskmanager.resource-id": "one", "taskmanager.numberOfTaskSlots": "2"})
	await.That(t, "the first worker", func() bool { return len(s.Workers()) == 1 })
	jobs, err := s.Submit(ctx, rest.Submission{Script: gearOf(dir, true)})
	if err != nil {
		t.Fatal(err)
	}
	j, _ := s.Job(jobs[0].ID)
	tasks := func() int {
		j, _ = s.Job(jobs[0].ID)
		return j.Life().Graph.Vertices[0].Parallelism
	}
	if l := j.Life(); tasks() != 2 || l.Tasks[0].Current().Number != 0 {
		t.Errorf("a new job has %d tasks, in attempt %d; there are 2 slots", tasks(), l.Tasks[0].Current().Number)
	}
	await.That(t, "an epoch", func() bool { j, _ = s.Job(jobs[0].ID); return j.Life().Checkpoints.Completed > 0 })
	kill := work(t, s.Cluster(), map[string]string{"taskmanager.resource-id": "two"})
	await.That(t, "more tasks", func() bool { return tasks() == 3 })
	epochs := j.Life().Checkpoints.Completed
	await.That(t, "an epoch of three tasks", func() bool { j, _ = s.Job(jobs[0].ID); return j.Life().Checkpoints.Completed > epochs })
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	await.That(t, "fewer tasks", func() bool { return tasks() == 2 })
	await.That(t, "the end", func() bool { j, _ = s.Job(jobs[0].ID); return j.Life().Status.Terminal() })
	if j.Life().Status != coordinator.StatusFinished {
		t.Errorf("the job is %v: %+v", j.Life().Status, j.Life().Failures)
	}
	if got, want := output(t, dir), output(t, calm); !slices.Equal(got, want) {
		t.Errorf("with workers that come and go it gives %d rows, want %d", len(got), len(want))
	}
}
