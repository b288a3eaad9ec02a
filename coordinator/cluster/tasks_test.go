package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// next is the next report of the tasks, which must come soon.
func next(t *testing.T, h coordinator.Host) rpc.Report {
	t.Helper()
	m, ok := h.Next(t.Context(), h.Now().Add(5*time.Second))
	if !ok {
		t.Fatal("nothing is reported")
	}
	return m.(coordinator.Reported).Report
}

func quiet(t *testing.T, h coordinator.Host) {
	t.Helper()
	if m, ok := h.Next(t.Context(), h.Now().Add(time.Millisecond)); ok {
		t.Fatalf("%+v is reported too", m)
	}
}

// placed expects that the tasks have got slots.
func placed(t *testing.T, h coordinator.Host) {
	t.Helper()
	if r, ok := next(t, h).(rpc.Placed); !ok {
		t.Fatalf("%+v is reported", r)
	}
}

func deployed(t *testing.T, wait time.Duration) (*Cluster, *Tasks, coordinator.Host) {
	t.Helper()
	c := New(Options{Clock: engine.WallClock{}, SlotTimeout: wait})
	t.Cleanup(func() { _ = c.Close() })
	h := coordinator.NewHost(engine.WallClock{})
	tasks := c.Job(h, rpc.Start{})
	d := rpc.Deploy{Job: "j", Generation: 1, Graph: &job.Graph{Name: "n"}, Tasks: []rpc.Assignment{{Task: checkpoint.TaskID{}}}}
	if err := tasks.Send(d); err != nil {
		t.Fatal(err)
	}
	return c, tasks, h
}

// TestCancelWhileWaiting: tasks that wait for slots are canceled at once, and a
// worker that comes later gets nothing to do.
func TestCancelWhileWaiting(t *testing.T) {
	c, tasks, h := deployed(t, time.Minute)
	_ = tasks.Send(rpc.Cancel{})
	if _, ok := next(t, h).(rpc.Canceled); !ok {
		t.Fatal("the tasks are not canceled")
	}
	w := comes(c, "w", 1)
	if w.used != 0 || len(w.jobs) != 0 {
		t.Fatal("a job that is canceled has a slot")
	}
	quiet(t, h)
}

// TestLossWhileCanceling: a worker that is lost has nothing left to cancel, and
// that is no failure.
func TestLossWhileCanceling(t *testing.T) {
	c, tasks, h := deployed(t, time.Minute)
	w := comes(c, "w", 1)
	placed(t, h)
	if w.used != 1 {
		t.Fatal("the job has no slot")
	}
	_ = tasks.Send(rpc.Cancel{})
	quiet(t, h)
	w.Leave(errors.New("cut"))
	if r, ok := next(t, h).(rpc.Canceled); !ok {
		t.Fatalf("%+v is reported", r)
	}
	quiet(t, h)
}

// TestLossWhileRunning: a worker that is lost fails the attempt once, and what is
// left of it can be canceled.
func TestLossWhileRunning(t *testing.T) {
	c, tasks, h := deployed(t, time.Minute)
	w := comes(c, "w", 1)
	placed(t, h)
	w.Leave(errors.New("cut"))
	if r, ok := next(t, h).(rpc.Failed); !ok || !errors.Is(r.Err, job.ErrUnavailable) {
		t.Fatalf("%+v is reported", r)
	}
	quiet(t, h)
	_ = tasks.Send(rpc.Cancel{})
	if r, ok := next(t, h).(rpc.Canceled); !ok {
		t.Fatalf("%+v is reported", r)
	}
	quiet(t, h)
}

// TestSlotTimeout: a job that gets no slots says how many it needs, and what to do.
func TestSlotTimeout(t *testing.T) {
	_, _, h := deployed(t, time.Millisecond)
	r, ok := next(t, h).(rpc.Failed)
	if !ok || !errors.Is(r.Err, job.ErrUnavailable) {
		t.Fatalf("%+v is reported", r)
	}
	for _, part := range []string{"needs 1 slots", "0 of 0 are free", "slot.request.timeout", "start workers"} {
		if !strings.Contains(r.Err.Error(), part) {
			t.Errorf("%q does not say %q", r.Err, part)
		}
	}
}
