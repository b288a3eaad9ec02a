package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// hand is a clock that somebody moves.
type hand struct{ now time.Time }

func (h *hand) Now() time.Time                     { return h.now }
func (*hand) After(time.Duration) <-chan time.Time { return nil }

func crowd(t *testing.T) (*Cluster, *hand) {
	t.Helper()
	clock := &hand{time.UnixMilli(0)}
	c := New(Options{Clock: clock, SlotTimeout: time.Minute})
	t.Cleanup(func() { _ = c.Close() })
	return c, clock
}

// wants is a job that needs so many slots.
func (c *Cluster) wants(t *testing.T, id job.ID, n int) *Tasks {
	t.Helper()
	tasks := c.Job(coordinator.NewHost(c.o.Clock), rpc.Start{})
	d := rpc.Deploy{Job: id, Generation: 1, Graph: &job.Graph{Name: string(id)}}
	for i := range n {
		d.Tasks = append(d.Tasks, rpc.Assignment{Task: checkpoint.TaskID{Index: i}})
	}
	if err := tasks.Send(d); err != nil {
		t.Fatal(err)
	}
	return tasks
}

// has reports whether the tasks of a job are on workers.
func (t *Tasks) has() bool {
	worker, _ := t.Place(checkpoint.TaskID{})
	return worker != ""
}

// TestSmallPassesBig: slots that are of no use to a job that waits are given to
// one behind it.
func TestSmallPassesBig(t *testing.T) {
	c, _ := crowd(t)
	comes(c, "a", 1)
	big, small := c.wants(t, "big", 2), c.wants(t, "small", 1)
	if big.has() || !small.has() {
		t.Fatalf("the big job runs: %v, the small one: %v", big.has(), small.has())
	}
	comes(c, "b", 1)
	if big.has() {
		t.Fatal("one slot is enough for two")
	}
	_ = small.Close()
	if !big.has() {
		t.Fatal("two slots are free, and the big job waits")
	}
}

// TestBigIsNotStarved: a job that has waited long is not passed any more, unless
// it could not run anyway.
func TestBigIsNotStarved(t *testing.T) {
	c, clock := crowd(t)
	comes(c, "a", 1)
	comes(c, "b", 1)
	first, second := c.wants(t, "first", 1), c.wants(t, "second", 1)
	big := c.wants(t, "big", 2)
	huge := c.wants(t, "huge", 9)
	clock.now = clock.now.Add(31 * time.Second)
	third := c.wants(t, "third", 1)
	_ = first.Close()
	if big.has() || third.has() {
		t.Fatalf("the big job runs: %v, the one that came last: %v", big.has(), third.has())
	}
	_ = second.Close()
	if !big.has() || third.has() {
		t.Fatalf("the big job runs: %v, the one that came last: %v", big.has(), third.has())
	}
	_ = big.Close()
	if huge.has() || !third.has() {
		t.Fatal("a job that no worker could hold holds back another")
	}
}

// TestLostWhileWaiting: a worker that goes takes its slots with it.
func TestLostWhileWaiting(t *testing.T) {
	c, _ := crowd(t)
	w := comes(c, "a", 1)
	big := c.wants(t, "big", 2)
	w.Leave(errors.New("cut"))
	comes(c, "b", 1)
	if big.has() {
		t.Fatal("a slot of a worker that is gone is used")
	}
	comes(c, "c", 1)
	if !big.has() {
		t.Fatal("two slots are free, and the job waits")
	}
}
