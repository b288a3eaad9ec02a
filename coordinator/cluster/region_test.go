package cluster

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

func tasksOf(indices ...int) (all []checkpoint.TaskID) {
	for _, i := range indices {
		all = append(all, checkpoint.TaskID{Index: i})
	}
	return all
}

// spread deploys two tasks, with a slot on each of two workers.
func spread(t *testing.T) (c *Cluster, a, b *Member, tasks *Tasks, h coordinator.Host) {
	t.Helper()
	c = New(Options{Clock: engine.WallClock{}, SlotTimeout: time.Minute, Grace: 1})
	t.Cleanup(func() { _ = c.Close() })
	h = coordinator.NewHost(engine.WallClock{})
	tasks = c.Job(h, rpc.Start{})
	a, b = comes(c, "a", 1), comes(c, "b", 1)
	_ = tasks.Send(rpc.Deploy{Job: "j", Generation: 1, Graph: &job.Graph{Name: "n"}, Tasks: []rpc.Assignment{{Task: tasksOf(0)[0]}, {Task: tasksOf(1)[0]}}})
	placed(t, h)
	if got := where(tasks); got != "ab" {
		t.Fatalf("the tasks are on %s", got)
	}
	return c, a, b, tasks, h
}

// commands are those that a worker was sent.
func commands(w *Member) (all []rpc.Command) {
	for _, m := range w.link.(*box).queue {
		if m.Command != nil {
			all = append(all, m.Command.Open())
		}
	}
	return all
}

func beside(i int) rpc.Deploy {
	return rpc.Deploy{Job: "j", Generation: 2, Beside: true, Graph: &job.Graph{Name: "n"}, Tasks: []rpc.Assignment{{Task: tasksOf(i)[0]}}}
}

// TestLostSlot: when a worker is lost its tasks are named; what is started again waits
// for the slot that is missing, and the others are where they were.
func TestLostSlot(t *testing.T) {
	c, a, b, tasks, h := spread(t)
	b.Leave(errors.New("cut"))
	if r, ok := next(t, h).(rpc.Failed); !ok || !r.Gone || !slices.Equal(r.With, tasksOf(1)) {
		t.Fatalf("%+v is reported", r)
	}
	_ = tasks.Send(rpc.Cancel{Number: 3, Tasks: tasksOf(1)})
	if r, ok := next(t, h).(rpc.Canceled); !ok || r.Number != 3 || !slices.Equal(r.Tasks, tasksOf(1)) {
		t.Fatalf("%+v is reported", r)
	}
	_ = tasks.Send(beside(1))
	quiet(t, h)
	d := comes(c, "d", 1)
	if r, ok := next(t, h).(rpc.Placed); !ok || !slices.Equal(r.Tasks, tasksOf(1)) {
		t.Fatalf("%+v is reported", r)
	}
	if got := where(tasks); got != "ad" || len(commands(a)) != 1 || len(commands(d)) != 1 {
		t.Fatalf("the tasks are on %s: %+v", got, commands(a))
	}
	if _, ok := commands(d)[0].(rpc.Deploy); !ok || a.used != 1 || d.used != 1 {
		t.Fatalf("%+v, %d and %d slots are in use", commands(d), a.used, d.used)
	}
	_ = tasks.Close()
	if a.used != 0 || d.used != 0 {
		t.Errorf("%d and %d slots are in use behind the end", a.used, d.used)
	}
}

// TestStartedInItsSlot: tasks that fail where they are start there again, at once. What
// is said of the attempt before is not told any more.
func TestStartedInItsSlot(t *testing.T) {
	_, a, b, tasks, h := spread(t)
	say := func(w *Member, g checkpoint.Generation, r rpc.Report) {
		doc := rpc.WrapReport("j", g, r)
		w.Take(w.link, rpc.ToCoordinator{Report: &doc})
	}
	_ = tasks.Send(rpc.Cancel{Number: 3, Tasks: tasksOf(1)})
	quiet(t, h)
	say(b, 0, rpc.Canceled{Number: 3, Tasks: tasksOf(1)})
	if r, ok := next(t, h).(rpc.Canceled); !ok || r.Number != 3 {
		t.Fatalf("%+v is reported", r)
	}
	_ = tasks.Send(beside(1))
	placed(t, h)
	say(b, 1, rpc.Drained{Task: tasksOf(1)[0]})
	quiet(t, h)
	say(b, 2, rpc.Drained{Task: tasksOf(1)[0]})
	say(a, 1, rpc.Drained{Task: tasksOf(0)[0]})
	for _, i := range []int{1, 0} {
		if r, ok := next(t, h).(rpc.Drained); !ok || r.Task.Index != i {
			t.Fatalf("%+v is reported", r)
		}
	}
	_ = tasks.Send(rpc.Cancel{Number: 4})
	say(a, 1, rpc.Canceled{Number: 4})
	say(b, 2, rpc.Canceled{Number: 3}) // an earlier one
	quiet(t, h)
	say(b, 2, rpc.Canceled{Number: 4})
	if r, ok := next(t, h).(rpc.Canceled); !ok || r.Tasks != nil || r.Number != 4 {
		t.Fatalf("%+v is reported", r)
	}
}

// TestCanceledWhileSomeWait: tasks that wait for a slot beside others are canceled at
// once, and nobody waits for a slot any more.
func TestCanceledWhileSomeWait(t *testing.T) {
	c, _, b, tasks, h := spread(t)
	b.Leave(errors.New("cut"))
	next(t, h)
	_ = tasks.Send(beside(1))
	_ = tasks.Send(rpc.Cancel{Number: 5, Tasks: tasksOf(1)})
	if r, ok := next(t, h).(rpc.Canceled); !ok || r.Number != 5 {
		t.Fatalf("%+v is reported", r)
	}
	if d := comes(c, "d", 1); d.used != 0 || len(c.waiting) != 0 {
		t.Fatal("a task that is canceled has a slot")
	}
	quiet(t, h)
}
