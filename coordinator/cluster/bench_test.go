package cluster

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// BenchmarkSchedule: a plan of 1,000 tasks finds its slots on 100 workers, and all
// of them have theirs, over TCP.
func BenchmarkSchedule(b *testing.B) {
	const workers, vertices = 100, 10
	c, err := Listen(b.Context(), "127.0.0.1:0", Options{Clock: engine.WallClock{}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	c.Lead(0)
	got := make(chan int, workers)
	var loops sync.WaitGroup
	for i := range workers {
		conn, err := peer.Dial(b.Context(), c.Addr().String(), peer.Control, peer.Identity{})
		if err != nil {
			b.Fatal(err)
		}
		m := peer.NewMessages(conn)
		if err := m.Send(rpc.ToCoordinator{Register: &rpc.Register{ID: fmt.Sprint("w", i), Slots: 1, Data: "127.0.0.1:1"}}); err != nil {
			b.Fatal(err)
		}
		loops.Go(func() {
			for {
				var msg rpc.ToWorker
				if m.Receive(&msg, time.Minute) != nil {
					return
				}
				if msg.Command != nil && msg.Command.Deploy != nil {
					got <- len(msg.Command.Deploy.Tasks)
				}
			}
		})
	}
	for changed := c.Changed(); len(c.Workers()) < workers; changed = c.Changed() {
		<-changed
	}
	g := &job.Graph{Name: "wide", KeyGroups: 128}
	d := rpc.Deploy{Job: "j", Graph: g}
	for v := range vertices {
		g.Vertices = append(g.Vertices, job.Vertex{ID: job.VertexID(v), UID: fmt.Sprint("v", v), Name: "Vertex", Kind: "some", Parallelism: workers})
		for i := range workers {
			d.Tasks = append(d.Tasks, rpc.Assignment{Task: checkpoint.TaskID{Vertex: job.VertexID(v), Index: i}})
		}
	}
	for b.Loop() {
		t := c.Job(coordinator.NewHost(engine.WallClock{}), rpc.Start{})
		if err := t.Send(d); err != nil {
			b.Fatal(err)
		}
		for n := 0; n < len(d.Tasks); {
			n += <-got
		}
		_ = t.Close()
	}
	b.StopTimer()
	_ = c.Close()
	loops.Wait()
}
