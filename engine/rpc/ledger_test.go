package rpc_test

import (
	"errors"
	"testing"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestLedger: what the next coordinator is told of a task is what its last
// commands and reports say.
func TestLedger(t *testing.T) {
	one, two := checkpoint.TaskID{}, checkpoint.TaskID{Index: 1}
	var l rpc.Ledger
	if l.Held("j") != nil {
		t.Fatal("nothing was deployed, and something is held")
	}
	find := func(id checkpoint.TaskID) rpc.HeldTask {
		t.Helper()
		for _, h := range l.Held("j").Tasks {
			if h.Task == id {
				return h
			}
		}
		t.Fatalf("%v is not held", id)
		return rpc.HeldTask{}
	}
	l.Command(rpc.Deploy{Generation: 2, Attempt: 1, Since: 7, Epoch: 4, Tasks: []rpc.Assignment{{Task: one}, {Task: two}}})
	l.Report(rpc.WantSplits{Task: one, N: 3})
	if h := l.Held("j"); h.Generation != 2 || h.Attempt != 1 || h.Since != 7 || find(one).Wants != 3 {
		t.Fatalf("%+v", h)
	}
	l.Command(rpc.Assign{Task: one, Splits: []ops.Split{{ID: "a"}}})
	l.Command(rpc.Inject{Task: one, Barrier: stream.Barrier{Epoch: 5}})
	l.Command(rpc.Assign{Task: one, Splits: []ops.Split{{ID: "b"}}, NoMore: true})
	if h := find(one); len(h.Assigned) != 2 || h.Wants != 0 || !h.NoMore || h.Injected.Epoch != 5 {
		t.Fatalf("%+v", h)
	}
	if h := find(two); h.Injected.Epoch != 4 {
		t.Fatalf("a barrier of another task: %+v", h)
	}
	l.Command(rpc.Inject{Task: two, Barrier: stream.Barrier{Epoch: 5}})
	l.Command(rpc.Inject{Task: two, Barrier: stream.Barrier{Epoch: 6}})
	l.Command(rpc.Inject{Task: two, Barrier: stream.Barrier{Epoch: 7}})
	l.Command(rpc.Confirm{Epoch: 5})
	if h := find(two); h.Injected.Epoch != 7 || len(h.Earlier) != 1 || h.Earlier[0].Epoch != 6 {
		t.Fatalf("epoch 5 is confirmed, of 6 and 7 a barrier was given: %+v", h)
	}
	if h := find(one); len(h.Assigned) != 1 || h.Assigned[0].Split.ID != "b" {
		t.Fatalf("the checkpoint has split a, not b: %+v", h.Assigned)
	}
	l.Report(rpc.Sealed{Epoch: 6, Handle: checkpoint.Handle{Task: two, Ended: true}, Task: two})
	l.Report(rpc.Ended{Task: two})
	l.Command(rpc.Confirm{Epoch: 5})
	if h := find(two); !h.Ended || h.Handle == nil {
		t.Fatalf("the last state of a task is in no checkpoint yet: %+v", h)
	}
	l.Command(rpc.Confirm{Epoch: 6})
	if h := find(two); h.Handle != nil {
		t.Fatalf("it is in the checkpoint: %+v", h)
	}
	l.Report(rpc.Declined{Task: one})
	if l.Held("j") == nil {
		t.Fatal("a task that goes on stores its state with the next epoch")
	}
	l.Report(rpc.Failed{Task: one, Err: errors.New("x")})
	if l.Held("j") != nil {
		t.Fatal("an attempt that has failed is held")
	}
	l.Command(rpc.Deploy{Generation: 3, Tasks: []rpc.Assignment{{Task: one}}})
	if h := l.Held("j"); h == nil || h.Generation != 3 || len(h.Tasks) != 1 {
		t.Fatalf("%+v", h)
	}
	l.Command(rpc.Cancel{})
	if l.Held("j") != nil {
		t.Fatal("tasks that are canceled are held")
	}
}

// TestLedgerLosesLastState: tasks are not offered when one has ended whose last state
// could not be stored, in whichever order it is told.
func TestLedgerLosesLastState(t *testing.T) {
	one := checkpoint.TaskID{}
	for _, told := range [][]rpc.Report{
		{rpc.Declined{Task: one}, rpc.Ended{Task: one}},
		{rpc.Ended{Task: one}, rpc.Declined{Task: one}},
	} {
		var l rpc.Ledger
		l.Command(rpc.Deploy{Tasks: []rpc.Assignment{{Task: one}}})
		for _, r := range told {
			l.Report(r)
		}
		if h := l.Held("j"); h != nil {
			t.Errorf("after %+v: %+v", told, h)
		}
	}
}

// TestLedgerOfRegions: tasks that are started beside others have a generation of their
// own, and are not offered together with them.
func TestLedgerOfRegions(t *testing.T) {
	one, two := checkpoint.TaskID{}, checkpoint.TaskID{Index: 1}
	var l rpc.Ledger
	l.Command(rpc.Deploy{Generation: 2, Tasks: []rpc.Assignment{{Task: one}, {Task: two}}})
	l.Command(rpc.Cancel{Number: 1, Tasks: []checkpoint.TaskID{two}})
	if g := l.Generation(rpc.Drained{Task: two}); g != 0 {
		t.Errorf("what a task that is canceled says is of generation %d", g)
	}
	l.Command(rpc.Deploy{Generation: 3, Epoch: 4, Beside: true, Tasks: []rpc.Assignment{{Task: two, Splits: []ops.Split{{ID: "a"}}}}})
	if a, b := l.Generation(rpc.Drained{Task: one}), l.Generation(rpc.Deployed{Tasks: []checkpoint.TaskID{two}}); a != 2 || b != 3 {
		t.Errorf("the tasks are of generations %d and %d", a, b)
	}
	if h := l.Held("j"); h != nil || len(l.Tasks()) != 2 {
		t.Errorf("%+v is held, %v are here", h, l.Tasks())
	}
	l.Command(rpc.Cancel{Number: 2, Tasks: []checkpoint.TaskID{one}})
	h := l.Held("j")
	if h == nil || h.Generation != 3 || len(h.Tasks) != 1 || len(h.Tasks[0].Assigned) != 1 || h.Tasks[0].Assigned[0].After != 4 {
		t.Fatalf("%+v", h)
	}
	l.Report(rpc.Failed{Task: one, With: []checkpoint.TaskID{two}, Err: errors.New("x")})
	l.Report(rpc.Failed{Task: two, Err: errors.New("x")})
	if l.Held("j") != nil {
		t.Error("a task that has failed is held")
	}
}
