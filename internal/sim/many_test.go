package sim

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/cluster"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/stream"
)

// herd is a node with many tasks that do nothing but take part in checkpoints.
type herd struct {
	w    *world
	id   string
	wire *wire
	// all are the nodes, of whose sources heard have the barrier: when all have it
	// the other tasks have it too.
	all     *[]*herd
	heard   *int
	sources map[checkpoint.TaskID]checkpoint.Assignment
	others  []checkpoint.Assignment
	ledger  rpc.Ledger
}

func (n *herd) report(r rpc.Report) {
	n.ledger.Report(r)
	doc := rpc.WrapReport(jobID, n.ledger.Generation(r), r)
	n.wire.say(rpc.ToCoordinator{Report: &doc})
}

func (n *herd) seal(a checkpoint.Assignment, b stream.Barrier) {
	n.report(rpc.Sealed{Task: a.Task, Epoch: b.Epoch, Handle: checkpoint.Handle{Task: a.Task, Groups: a.Groups}})
}

func (n *herd) obey(m rpc.ToWorker) {
	if m.Command == nil {
		return
	}
	c := m.Command.Open()
	n.ledger.Command(c)
	switch c := c.(type) {
	case rpc.Deploy:
		n.sources, n.others = map[checkpoint.TaskID]checkpoint.Assignment{}, nil
		for _, a := range c.Tasks {
			if a.Task.Vertex < counterVertex {
				n.sources[a.Task] = a
			} else {
				n.others = append(n.others, a)
			}
			n.report(rpc.Running{Task: a.Task})
		}
	case rpc.Inject:
		n.seal(n.sources[c.Task], c.Barrier)
		total := 0
		for _, o := range *n.all {
			total += len(o.sources)
		}
		if *n.heard++; *n.heard < total {
			return
		}
		*n.heard = 0
		for _, o := range *n.all {
			for _, a := range o.others {
				o.seal(a, c.Barrier)
			}
		}
	case rpc.Cancel:
		n.report(rpc.Canceled(c))
	case rpc.Assign, rpc.Confirm:
	}
}

// TestManyTasks: 10,000 tasks on 100 nodes keep taking checkpoints.
func TestManyTasks(t *testing.T) {
	const nodes, wide, epochs = 100, 2500, 4
	w := newWorld(1)
	w.limit = 10_000_000
	r := &run{w: w, store: &store{w: w, objects: map[string][]byte{}}, target: newTarget(w)}
	g := graph(joined, wide, 2*wide)
	g.KeyGroups = 2 * wide
	h := &host{w: w, of: &process{name: "leader"}}
	c := cluster.New(cluster.Options{Clock: clock{w}, Interval: beat, Timeout: time.Hour, SlotTimeout: time.Minute, Strategy: cluster.Spread})
	c.Lead(1)
	var all []*herd
	heard := 0
	for i := range nodes {
		n := &herd{w: w, id: fmt.Sprint("node ", i), all: &all, heard: &heard}
		all = append(all, n)
		n.wire = &wire{w: w, node: &process{name: n.id}, to: h.of, patience: time.Hour}
		m := c.Join(n.wire, rpc.Register{ID: n.id, Slots: 2 * wide / nodes})
		w.spawn(n.wire.node, func() {
			listen(n.wire, h.of, &n.wire.down, n.obey, func() { n.wire.say(rpc.ToCoordinator{Heartbeat: &rpc.Heartbeat{}}) })
		})
		w.spawn(h.of, func() {
			listen(n.wire, n.wire.node, &n.wire.up, func(said rpc.ToCoordinator) { m.Take(n.wire, said) }, func() {})
		})
	}
	var history coordinator.History
	var res coordinator.Result
	stopped := false
	w.spawn(h.of, func() {
		tasks := c.Job(h, rpc.Start{})
		res, _ = coordinator.Run(context.Background(), coordinator.Job{
			Graph: g, Store: r.store, Restore: coordinator.Restore{Mode: coordinator.RestoreLatest}, ID: jobID, Connectors: r.connectors(), NewID: r.newID,
			Settings: coordinator.Settings{Interval: 100 * time.Millisecond, Timeout: time.Hour}, History: &history,
			Progress: func(p coordinator.Progress) {
				if p.Epoch >= epochs && !stopped {
					stopped = true
					h.Post(coordinator.StopRequested{})
				}
			},
		}, tasks, h)
		r.finished = true
	})
	w.run(func() bool { return r.finished })
	if w.broken != nil {
		t.Fatal(w.broken)
	}
	l, _ := history.Life()
	if len(l.Tasks) != 4*wide || res.State != coordinator.Stopped || res.Epoch < epochs || l.Checkpoints.Failed > 0 {
		t.Fatalf("%d tasks: %+v, %+v", len(l.Tasks), res, l.Checkpoints.Failed)
	}
}
