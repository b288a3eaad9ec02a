package coordinator

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// adopted is a job of two source tasks and a sink task that is taken over.
func adopted(t *testing.T, since *checkpoint.Manifest, tasks ...rpc.HeldTask) (State, []Action) {
	t.Helper()
	var p player
	p.start(nil)
	return Step(p.state, p.now, Begun{
		Owner: checkpoint.Owner{Generation: 1, Term: 2, Nonce: "n"}, Number: 8, Manifest: since, Held: &rpc.Held{Job: "j", Generation: 1, Tasks: tasks},
	})
}

func held(vertex job.VertexID, index int) rpc.HeldTask {
	return rpc.HeldTask{Running: true, Task: checkpoint.TaskID{Vertex: vertex, Index: index}, Injected: stream.Barrier{Epoch: 6}}
}

func injected(actions []Action) (to []rpc.Inject) {
	for _, a := range actions {
		if s, ok := a.(Send); ok {
			if i, ok := s.Command.(rpc.Inject); ok {
				to = append(to, i)
			}
		}
	}
	return to
}

// TestAdoptCompletesInjection: a barrier that some sources have is given to the
// others, for tasks behind them wait for it; one that all have is not.
func TestAdoptCompletesInjection(t *testing.T) {
	one, two, sink := held(0, 0), held(0, 1), held(1, 0)
	s, actions := adopted(t, nil, one, two, sink)
	if got := injected(actions); len(got) != 0 || s.phase != running || s.stop {
		t.Fatalf("%+v, phase %v", got, s.phase)
	}
	one.Injected = stream.Barrier{Epoch: 7, Kind: stream.Stop}
	s, actions = adopted(t, nil, one, two, sink)
	got := injected(actions)
	if len(got) != 1 || got[0].Task != two.Task || got[0].Barrier != one.Injected {
		t.Fatalf("%+v", got)
	}
	if !s.stop {
		t.Fatal("the job had been asked to stop")
	}
	one.Earlier, one.Injected = []stream.Barrier{{Epoch: 7}}, stream.Barrier{Epoch: 8}
	_, actions = adopted(t, nil, one, two, sink)
	if got := injected(actions); len(got) != 2 || got[0].Barrier != one.Earlier[0] || got[1].Barrier != one.Injected || got[0].Task != two.Task {
		t.Fatalf("of two epochs, the first of which was aborted: %+v", got)
	}
	two.Ended, two.Handle = true, &checkpoint.Handle{Task: two.Task, Ended: true}
	if _, actions = adopted(t, nil, one, two, sink); len(injected(actions)) != 0 {
		t.Fatal("a task that has ended gets a barrier")
	}
}

// TestAdoptKeepsLastHandles: the last state of a task that is about to end counts,
// although that it has ended is told later.
func TestAdoptKeepsLastHandles(t *testing.T) {
	one, two, sink := held(0, 0), held(0, 1), held(1, 0)
	one.Handle = &checkpoint.Handle{Task: one.Task, Ended: true}
	s, _ := adopted(t, nil, one, two, sink)
	if k := s.tasks.at(s.ordinal[one.Task]); k.last == nil || k.gone {
		t.Fatalf("%+v", k)
	}
	s, _ = Step(s, s.begunAt, Reported{rpc.Ended{Task: one.Task}})
	if k := s.tasks.at(s.ordinal[one.Task]); k.last == nil || !k.gone {
		t.Fatalf("%+v", k)
	}
}

// TestAdoptWithoutLastHandle: a task that has ended, and whose last state nobody has,
// is not adopted: all are started anew.
func TestAdoptWithoutLastHandle(t *testing.T) {
	one, two, sink := held(0, 0), held(0, 1), held(1, 0)
	one.Ended = true
	if s, _ := adopted(t, nil, one, two, sink); s.phase != canceling {
		t.Fatalf("phase %v", s.phase)
	}
}

// TestAdoptKeepsTimes: tasks that are adopted run since they were deployed.
func TestAdoptKeepsTimes(t *testing.T) {
	var p player
	p.start(nil)
	p.now = p.now.Add(time.Hour)
	tasks := []rpc.HeldTask{held(0, 0), held(0, 1), held(1, 0)}
	e := Begun{
		Owner: checkpoint.Owner{Generation: 1, Term: 2, Nonce: "n"}, Number: 8,
		Held: &rpc.Held{Job: "j", Generation: 1, Attempt: 2, Since: 60_000, Tasks: tasks},
	}
	s, actions := Step(p.state, p.now, e)
	p.history.observe(p.now, e, p.state, s, actions)
	life, _ := p.history.Life()
	for _, l := range life.Tasks {
		a := l.Current()
		if a.Number != 2 || a.Status != TaskRunning {
			t.Errorf("task %v: attempt %d is %v", l.Task, a.Number, a.Status)
		}
		if since := a.Entered[TaskRunning]; !since.Equal(time.UnixMilli(60_000)) {
			t.Errorf("task %v runs since %v", l.Task, since)
		}
	}
}

type listed struct{ splits []ops.Split }

func (l *listed) Discover(context.Context) (bool, error) { return true, nil }
func (l *listed) Return(s []ops.Split)                   { l.splits = append(s, l.splits...) }
func (l *listed) Snapshot() ([]byte, error)              { return nil, nil }
func (l *listed) Close() error                           { return nil }

func (l *listed) Take(_, _, n int) []ops.Split {
	n = min(n, len(l.splits))
	some := l.splits[:n]
	l.splits = l.splits[n:]
	return some
}

// TestTakeOut: splits that tasks hold are not handed out again, the others are,
// in their order, and what is not found is said.
func TestTakeOut(t *testing.T) {
	l := &listed{splits: []ops.Split{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}}
	missing := takeOut(l, 2, map[string]bool{"b": true, "d": true, "x": true})
	if !slices.Equal(missing, []string{"x"}) {
		t.Fatalf("%q are missing", missing)
	}
	var left []string
	for _, s := range l.splits {
		left = append(left, s.ID)
	}
	if !slices.Equal(left, []string{"a", "c"}) {
		t.Fatalf("%q are left", left)
	}
}
