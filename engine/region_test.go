package engine_test

import (
	"reflect"
	"testing"

	"github.com/wadi-engine/wadi/connect/nexmark"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestRegionsApart: tasks of one region are cancelled, and others are started in their
// place, with their splits, beside a task that runs on.
func TestRegionsApart(t *testing.T) {
	w := newWorker()
	defer func() { _ = w.Close() }()
	g := bids(t, "0", 2, nil) // without end
	one, two := checkpoint.TaskID{}, checkpoint.TaskID{Index: 1}
	of := func(id checkpoint.TaskID, splits ...ops.Split) rpc.Assignment {
		return rpc.Assignment{Task: id, Watermark: stream.Start, Splits: splits}
	}
	send := func(c rpc.Command) {
		t.Helper()
		if err := w.Send(c); err != nil {
			t.Fatal(err)
		}
	}
	seal := func(id checkpoint.TaskID, e stream.Epoch) rpc.Sealed {
		t.Helper()
		send(rpc.Inject{Task: id, Barrier: stream.Barrier{Epoch: e}})
		for {
			switch r := (<-w.Reports()).(type) {
			case rpc.Sealed:
				if r.Task != id || r.Epoch != e {
					t.Fatalf("%+v", r)
				}
				return r
			case rpc.Failed:
				t.Fatal(r.Err)
			default:
			}
		}
	}
	sc, err := ops.DecodeConfig[ops.SourceConfig](g.Vertices[0])
	if err != nil {
		t.Fatal(err)
	}
	src, err := nexmark.Connector().Source(t.Context(), sc.Scan)
	if err != nil {
		t.Fatal(err)
	}
	enum, err := src.Enumerator(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, second := enum.Take(0, 2, 1), enum.Take(1, 2, 1)
	send(rpc.Deploy{Job: "j", Generation: 1, Graph: g, Tasks: []rpc.Assignment{of(one, first...), of(two, second...)}})
	if h := seal(one, 1).Handle; len(h.Splits) != 1 || h.Splits[0].ID != first[0].ID {
		t.Fatalf("the splits that the task was started with are %+v", h.Splits)
	}
	seal(two, 1)
	send(rpc.Cancel{Number: 7, Tasks: []checkpoint.TaskID{two}})
	send(rpc.Inject{Task: two, Barrier: stream.Barrier{Epoch: 2}}) // too late
	for {
		if c, ok := (<-w.Reports()).(rpc.Canceled); ok {
			if want := (rpc.Canceled{Number: 7, Tasks: []checkpoint.TaskID{two}}); !reflect.DeepEqual(c, want) {
				t.Fatalf("%+v", c)
			}
			break
		}
	}
	seal(one, 2)
	send(rpc.Deploy{Job: "j", Generation: 2, Beside: true, Graph: g, Tasks: []rpc.Assignment{of(two, second...)}})
	seal(one, 3)
	if h := seal(two, 3).Handle; len(h.Splits) != 1 {
		t.Fatalf("%+v", h.Splits)
	}
	if n := len(w.Stats()); n != 4 {
		t.Errorf("%d vertices are counted, want two of each task", n)
	}
	send(rpc.Cancel{Number: 8, Tasks: []checkpoint.TaskID{one}})
	send(rpc.Cancel{Number: 9})
	for _, number := range []int{8, 9} {
		for {
			if c, ok := (<-w.Reports()).(rpc.Canceled); ok {
				if c.Number != number {
					t.Fatalf("%+v comes before the answer to Cancel %d", c, number)
				}
				break
			}
		}
	}
}

// TestBesideFirst: a worker that had no tasks of the job gets those of a region, which
// wait for sources elsewhere.
func TestBesideFirst(t *testing.T) {
	w := newWorker()
	defer func() { _ = w.Close() }()
	g := bids(t, "0", 2, nil)
	sc, err := ops.DecodeConfig[ops.SourceConfig](g.Vertices[0])
	if err != nil {
		t.Fatal(err)
	}
	sc.Watermark.Align = &ops.AlignSpec{Group: "g", MaxDriftMillis: 1000, UpdateMillis: 10}
	g.Vertices[0].Config = config(t, sc)
	for i := range 2 {
		d := rpc.Deploy{Job: "j", Generation: 2, Beside: true, Graph: g, Tasks: []rpc.Assignment{{Task: checkpoint.TaskID{Index: i}, Watermark: stream.Start}}}
		if err := w.Send(d); err != nil {
			t.Fatal(err)
		}
	}
}
