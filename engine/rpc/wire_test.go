package rpc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// travelled is a document as it arrives.
func travelled[T any](t *testing.T, m T) (c T) {
	t.Helper()
	data, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReportsTravel: every report arrives as it was said.
func TestReportsTravel(t *testing.T) {
	id := checkpoint.TaskID{Vertex: 2, Index: 1}
	for _, r := range []rpc.Report{
		rpc.Placed{Since: 7, Tasks: []checkpoint.TaskID{id}},
		rpc.Deployed{Tasks: []checkpoint.TaskID{id, {}}},
		rpc.Running{Task: id},
		rpc.WantSplits{Task: id, N: 3},
		rpc.Drained{Task: id},
		rpc.Paused{Task: id},
		rpc.Sealed{Task: id, Epoch: 4, Handle: checkpoint.Handle{Task: id, Ended: true}},
		rpc.Ended{Task: id},
		rpc.Canceled{Number: 3},
		rpc.Canceled{Number: 3, Tasks: []checkpoint.TaskID{id}},
	} {
		doc := travelled(t, rpc.WrapReport("j", 5, r))
		if got := doc.Open(); !reflect.DeepEqual(got, r) || doc.Job != "j" || doc.Generation != 5 {
			t.Errorf("%T: %+v arrives as %+v", r, r, got)
		}
	}
	err := fmt.Errorf("%w: the disk is full", job.ErrUnavailable)
	for _, r := range []rpc.Report{rpc.Failed{Task: id, Err: err}, rpc.Declined{Task: id, Epoch: 4, Err: err}} {
		got := travelled(t, rpc.WrapReport("j", 5, r)).Open()
		var why error
		switch got := got.(type) {
		case rpc.Failed:
			why = got.Err
		case rpc.Declined:
			why = got.Err
		}
		if why == nil || why.Error() != err.Error() || !errors.Is(why, job.ErrUnavailable) || errors.Is(why, job.ErrInvalid) {
			t.Errorf("%T: %v arrives as %v", r, err, why)
		}
	}
	if r := (rpc.JobReport{Job: "j"}).Open(); r != nil {
		t.Errorf("nothing arrives as %+v", r)
	}
}

// TestCommandsTravel: every command arrives as it was given.
func TestCommandsTravel(t *testing.T) {
	id := checkpoint.TaskID{Vertex: 2, Index: 1}
	for _, c := range []rpc.Command{
		rpc.Deploy{Job: "j", Generation: 5, Beside: true, Attempt: 2, Since: 7, Graph: &job.Graph{Name: "n"}, Epoch: 4, Durable: true, Tasks: []rpc.Assignment{{Task: id, Splits: []ops.Split{{ID: "s"}}}}, Places: []rpc.Place{{Index: 1, Address: "a:1"}}},
		rpc.Assign{Task: id, Splits: []ops.Split{{ID: "s"}}, NoMore: true, Rows: 9},
		rpc.Inject{Task: id, Barrier: stream.Barrier{Epoch: 4, Kind: stream.Stop}},
		rpc.Confirm{Epoch: 4},
		rpc.Cancel{Number: 3},
		rpc.Cancel{Number: 3, Tasks: []checkpoint.TaskID{id}},
	} {
		if got := travelled(t, rpc.Wrap("j", c)).Open(); !reflect.DeepEqual(got, c) {
			t.Errorf("%T: %+v arrives as %+v", c, c, got)
		}
	}
}
