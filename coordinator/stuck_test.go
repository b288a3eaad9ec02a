package coordinator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// scene is a job of two sources, a join by time of two tasks, and a sink:
//
//	orders   ─┐
//	          ├─► join ─► out
//	payments ─┘
//
// in which everything moves.
func scene() coordinator.Evidence {
	v := func(id job.VertexID, uid, name, kind string, tasks int) job.Vertex {
		return job.Vertex{ID: id, UID: uid, Name: name, Kind: kind, Parallelism: tasks}
	}
	g := &job.Graph{
		Name: "j", KeyGroups: 128,
		Vertices: []job.Vertex{
			v(0, "source-orders", "TableSourceScan(orders)", job.KindSource, 1), v(1, "source-payments", "TableSourceScan(payments)", job.KindSource, 1),
			v(2, "interval-join-1", "IntervalJoin(…)", "interval-join", 2), v(3, "sink-out", "Sink(out)", job.KindSink, 1),
		},
		Edges: []job.Edge{{From: 0, To: 2, Partitioning: job.ByKey}, {From: 1, To: 2, Input: 1, Partitioning: job.ByKey}, {From: 2, To: 3, Partitioning: job.ByKey}},
	}
	e := coordinator.Evidence{Now: noon, Life: coordinator.Life{Job: "j", Graph: g, Status: coordinator.Running, Started: noon.Add(-time.Hour)}}
	for _, id := range []checkpoint.TaskID{{Vertex: 0}, {Vertex: 1}, {Vertex: 2}, {Vertex: 2, Index: 1}, {Vertex: 3}} {
		e.Tasks = append(e.Tasks, coordinator.TaskEvidence{Task: id, Busy: 0.2, Idle: 0.8, Watermark: at(0)})
		e.Life.Tasks = append(e.Life.Tasks, coordinator.TaskLife{Task: id, Attempts: []coordinator.TaskAttempt{{Status: coordinator.TaskRunning}}})
	}
	return e
}

func at(d time.Duration) stream.Timestamp { return stream.Timestamp(noon.Add(d).UnixMilli()) }

// inFlight is a checkpoint that some tasks have acknowledged.
func inFlight(e *coordinator.Evidence, age time.Duration, acked ...int) {
	c := coordinator.CheckpointRecord{Epoch: 7, Status: coordinator.InProgress, Triggered: noon.Add(-age)}
	for _, t := range e.Tasks {
		c.Tasks = append(c.Tasks, coordinator.TaskCheckpoint{Task: t.Task})
	}
	for _, i := range acked {
		c.Tasks[i].Acked = noon.Add(-time.Second)
	}
	e.Life.Checkpoints.Recent = []coordinator.CheckpointRecord{c}
}

func TestStuck(t *testing.T) {
	for _, c := range []struct {
		name  string
		scene func(e *coordinator.Evidence)
		// want are the findings: kind, the tasks, the title, and a part of the text.
		want string
	}{
		{"the last checkpoint tells where its time went", func(e *coordinator.Evidence) {
			inFlight(e, time.Minute, 0, 1)
			how := rpc.Sealing{StartDelayMillis: 10, AlignmentMillis: 4000, SyncMillis: 2, AsyncMillis: 30}
			done := coordinator.CheckpointRecord{Epoch: 6, Tasks: []coordinator.TaskCheckpoint{{Task: e.Tasks[2].Task, Acked: noon, How: how}}}
			e.Life.Checkpoints.LastCompleted = &done
		}, `checkpoint [2/0 2/1] Checkpoint 7 takes long: IntervalJoin holds the barrier: ` +
			`In checkpoint 6 the first barrier came after 10ms, the last 4s later; it stood still for 2ms to end the epoch, and stored its state in 30ms.`},
		{"everything moves", func(*coordinator.Evidence) {}, ``},
		{"it has ended", func(e *coordinator.Evidence) {
			inFlight(e, time.Hour)
			e.Life.Status = coordinator.StatusFailed
		}, ``},
		{"a checkpoint that is young", func(e *coordinator.Evidence) { inFlight(e, 4*time.Second) }, ``},
		{"a checkpoint that takes as long as others", func(e *coordinator.Evidence) {
			inFlight(e, time.Minute)
			e.Life.Checkpoints.Durations = []int64{50_000, 30_000, 40_000}
		}, ``},
		{"a source holds the barrier", func(e *coordinator.Evidence) {
			inFlight(e, time.Minute, 1)
			e.Tasks[0].Blocked = 0.9
		}, `checkpoint [0/0] Checkpoint 7 takes long: source orders holds the barrier: 1 of 5 tasks have acknowledged it
backpressure [2/0] IntervalJoin holds back what sends to it: source orders waits for room in it`},
		{
			"one task of a join holds the barrier", func(e *coordinator.Evidence) { inFlight(e, time.Minute, 0, 1, 2) },
			`checkpoint [2/1] Checkpoint 7 takes long: IntervalJoin holds the barrier: What sends to it (source orders, source payments) has passed the barrier on`,
		},
		{
			"the store holds the checkpoint", func(e *coordinator.Evidence) { inFlight(e, time.Minute, 0, 1, 2, 3, 4) },
			`checkpoint [] Checkpoint 7 takes long: store what they have told and to claim it`,
		},
		{"the sink holds everything back", func(e *coordinator.Evidence) {
			for i := range 4 {
				e.Tasks[i].Blocked, e.Tasks[i].Busy = 0.95, 0.05
			}
			e.Tasks[4].Busy = 0.97
		}, `backpressure [3/0] sink out holds back what sends to it: works 97% of the time`},
		{"a source whose rows are old", func(e *coordinator.Evidence) {
			e.Tasks[1].Watermark, e.Tasks[1].Split = at(-3*time.Hour), "payments-3"
		}, `watermark [1/0] source payments holds the watermark of IntervalJoin: Its event time is 2026-06-01 09:00:00.000, while source orders is at 2026-06-01 12:00:00.000. The split that is farthest behind is payments-3`},
		{
			"a source without event time", func(e *coordinator.Evidence) { e.Tasks[0].Watermark = stream.Start },
			`watermark [0/0] source orders holds the watermark of IntervalJoin: not known yet`,
		},
		{"a source at its end holds nobody", func(e *coordinator.Evidence) { e.Tasks[0].Watermark = stream.End }, ``},
		{"a join that does not look at event time", func(e *coordinator.Evidence) {
			e.Life.Graph.Vertices[2].Kind = "join"
			e.Tasks[0].Watermark = stream.Start
		}, ``},
		{"a split without rows", func(e *coordinator.Evidence) {
			e.Tasks[0].Split, e.Tasks[0].Watermark, e.Tasks[0].Ahead = "orders-2", stream.Start, at(0)
		}, `watermark [0/0] Split orders-2 of source orders holds the watermark: another of its splits is at 2026-06-01 12:00:00.000`},
		{"a catalog that is away", func(e *coordinator.Evidence) {
			e.Progress.Unpublished = []coordinator.Unpublished{{Sink: "sink-out", Epochs: 5, First: 3, Failures: 9, Problem: "503"}}
		}, `commit [] The rows of sink out wait to be published: The rows of 5 epochs are stored and not published yet, since epoch 3. It was tried 9 times: 503`},
		{"a sink that gathers a little", func(e *coordinator.Evidence) {
			e.Progress.Unpublished = []coordinator.Unpublished{{Sink: "sink-out", Epochs: 2, First: 3}}
		}, ``},
		{
			"a source that is away", func(e *coordinator.Evidence) { e.Progress.Unreached = []string{"look for splits of orders: refused"} },
			`input [] A source cannot be reached: refused`,
		},
		{"it starts over", func(e *coordinator.Evidence) {
			e.Life.Status, e.Life.Restarts = coordinator.Restarting, 4
			task := e.Tasks[2].Task
			e.Life.Failures = []coordinator.Failure{{At: noon, Err: errors.New("division by zero"), Task: &task}}
		}, `failure [2/0] The tasks are being started again: It is restart 4. The last failure was: division by zero`},
		{"it waits for slots", func(e *coordinator.Evidence) {
			e.Life.Status, e.Life.Entered[coordinator.Initializing] = coordinator.Initializing, noon.Add(-time.Minute)
			e.Progress.Problem = "wait for 2 slots"
		}, `start [] The job has not started yet: wait for 2 slots`},
		{"tasks wait for slots", func(e *coordinator.Evidence) {
			for i := range e.Life.Tasks {
				a := &e.Life.Tasks[i].Attempts[0]
				a.Status, a.Entered[coordinator.TaskScheduled] = coordinator.TaskScheduled, noon.Add(-time.Minute)
			}
		}, `start [0/0 1/0 2/0 2/1 3/0] Its tasks wait for slots: 5 tasks need 2 slots`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := scene()
			c.scene(&e)
			got := coordinator.Stuck(e)
			var want []string
			if c.want != "" {
				want = strings.Split(c.want, "\n")
			}
			if len(got) != len(want) {
				t.Fatalf("got %d findings, want %d: %+v", len(got), len(want), got)
			}
			for i, f := range got {
				if !told(f, want) {
					t.Errorf("finding %d: %s %v %s: %s\nnone of: %s", i, f.Kind, f.Tasks, f.Title, f.Text, c.want)
				}
			}
		})
	}
}

// told reports whether a finding is one of those that are wanted.
func told(f coordinator.Finding, want []string) bool {
	head := fmt.Sprintf("%s %v %s: ", f.Kind, f.Tasks, f.Title)
	for _, w := range want {
		if part, ok := strings.CutPrefix(w, head); ok && strings.Contains(f.Text, part) {
			return true
		}
	}
	return false
}
