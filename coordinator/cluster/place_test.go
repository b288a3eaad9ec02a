package cluster

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// TestPlace: slots are taken by the strategy, never more than are free.
func TestPlace(t *testing.T) {
	for _, c := range []struct {
		name     string
		rooms    []room
		before   []int
		need     int
		strategy Strategy
		want     []int
	}{
		{"fill takes one worker before the next", []room{{free: 2}, {free: 2}}, nil, 3, Fill, []int{0, 0, 1}},
		{"spread takes them in turn, neighbours together", []room{{free: 2}, {free: 2}}, nil, 3, Spread, []int{0, 0, 1}},
		{"spread prefers who has less to do", []room{{free: 2, used: 2}, {free: 2}}, nil, 2, Spread, []int{1, 1}},
		{"a full worker is passed over", []room{{used: 4}, {free: 1}, {free: 2}}, nil, 3, Fill, []int{1, 2, 2}},
		{"too few slots", []room{{free: 1}, {free: 1}}, nil, 3, Fill, nil},
		{"no worker", nil, nil, 1, Spread, nil},
		{"each goes where it was", []room{{free: 2}, {free: 2}}, []int{1, 0, 1}, 3, Fill, []int{1, 0, 1}},
		{"those whose worker is gone take what is left", []room{{free: 2}, {free: 2}}, []int{-1, 0, -1}, 4, Fill, []int{0, 0, 1, 1}},
		{"and are spread", []room{{free: 3}, {free: 3}}, []int{-1, 0, -1}, 3, Spread, []int{0, 0, 1}},
		{"who comes too late finds no room where it was", []room{{free: 1}, {free: 2}}, []int{0, 0}, 2, Fill, []int{0, 1}},
		{"new tasks have been nowhere", []room{{free: 2}, {free: 2}}, []int{1}, 2, Fill, []int{1, 0}},
		{"who cannot be reached is left out", []room{{free: 2, shunned: true}, {free: 2}}, nil, 2, Spread, []int{1, 1}},
		{"even by those that were there", []room{{free: 1, shunned: true}, {free: 1}}, []int{0}, 1, Fill, []int{1}},
		{"unless there is no room elsewhere", []room{{free: 2, shunned: true}, {free: 1}}, nil, 2, Fill, []int{1, 0}},
		{"unless nobody can be reached", []room{{free: 1, shunned: true}, {free: 1, shunned: true}}, []int{1, 0}, 2, Fill, []int{0, 1}},
	} {
		got, ok := place(c.rooms, c.before, c.need, c.strategy)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, ok, c.want)
		}
	}
}

// again cancels the tasks of a job and starts them again: so many, which get slots.
func again(t *testing.T, tasks *Tasks, generation checkpoint.Generation, n int) {
	t.Helper()
	var of []*Member
	for w := range tasks.alive {
		of = append(of, w)
	}
	if err := tasks.Send(rpc.Cancel{}); err != nil {
		t.Fatal(err)
	}
	for _, w := range of {
		w.Take(w.link, reportOf(tasks, rpc.Canceled{Number: tasks.number}))
	}
	d := rpc.Deploy{Job: tasks.start.Job, Generation: generation, Graph: &job.Graph{}}
	for i := range n {
		d.Tasks = append(d.Tasks, rpc.Assignment{Task: checkpoint.TaskID{Index: i}})
	}
	if err := tasks.Send(d); err != nil {
		t.Fatal(err)
	}
}

func reportOf(t *Tasks, r rpc.Report) rpc.ToCoordinator {
	doc := rpc.WrapReport(t.start.Job, t.generations[checkpoint.TaskID{}], r)
	return rpc.ToCoordinator{Report: &doc}
}

// where are the workers of the tasks.
func where(t *Tasks) (all string) {
	for i := range len(t.slots) {
		worker, _ := t.Place(checkpoint.TaskID{Index: i})
		all += worker
	}
	return all
}

// TestTasksStay: a task is started again where its state is, and with more tasks those
// that get a part of it.
func TestTasksStay(t *testing.T) {
	c, _ := crowd(t)
	a := comes(c, "a", 1)
	comes(c, "b", 1)
	tasks := c.wants(t, "j", 2)
	tasks.Local = true
	if got := where(tasks); got != "ab" {
		t.Fatalf("the tasks are on %s", got)
	}
	other := c.wants(t, "other", 1)
	a.Leave(errors.New("cut"))
	comes(c, "c", 1)
	comes(c, "d", 1)
	if !other.has() {
		t.Fatal("there is room for another job")
	}
	again(t, tasks, 2, 2)
	if got := where(tasks); got != "db" {
		t.Fatalf("the tasks are on %s: one of them was on b", got)
	}
	_ = other.Close()
	comes(c, "e", 1)
	again(t, tasks, 3, 4)
	if got := where(tasks); got != "dcbe" {
		t.Fatalf("the tasks are on %s: of four the first was on d, the third on b", got)
	}
}

// TestUnreachableIsShunned: a worker that another could not reach gets no tasks for a
// while, unless there is no room elsewhere.
func TestUnreachableIsShunned(t *testing.T) {
	c, clock := crowd(t)
	join := func(id string) *Member {
		return c.Join(&box{}, rpc.Register{ID: id, Data: id + ":1", Slots: 1})
	}
	a, _ := join("a"), join("b")
	tasks := c.wants(t, "j", 2)
	fails := func() {
		a.Take(a.link, reportOf(tasks, rpc.Failed{Err: fmt.Errorf("send: %w", &peer.Unreachable{Address: "b:1", Err: job.ErrUnavailable})}))
	}
	fails()
	again(t, tasks, 2, 2)
	if got := where(tasks); got != "ab" {
		t.Fatalf("the tasks are on %s, and there is no other worker", got)
	}
	join("c")
	fails()
	again(t, tasks, 3, 2)
	if got := where(tasks); got != "ac" {
		t.Fatalf("the tasks are on %s: b could not be reached", got)
	}
	clock.now = clock.now.Add(shunned + 1)
	again(t, tasks, 4, 2)
	if got := where(tasks); got != "ab" {
		t.Fatalf("the tasks are on %s: b may be reached again", got)
	}
}
