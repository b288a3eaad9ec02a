package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

var errCut = errors.New("cut")

// caller is a worker process without tasks, as far as it talks.
type caller struct {
	c     *Cluster
	talk  rpc.Conversation
	calls int
	link  *box
	w     *Member
	heard []stream.Epoch // that were confirmed
}

// call registers by a new connection. Only some of the answer arrives.
func (k *caller) call(t *testing.T, some func(n int) int) rpc.Welcome {
	t.Helper()
	r := rpc.Register{ID: "w", Slots: 2}
	k.calls++
	k.talk.Begin(&r, fmt.Sprint(k.calls))
	k.link = &box{}
	k.w = k.c.Enter(k.link, r)
	all := k.link.queue
	all = all[:some(len(all))]
	if len(all) == 0 {
		return rpc.Welcome{}
	}
	rest, ok := k.talk.Welcomed(r, *all[0].Welcome)
	if !ok {
		t.Fatal("more was said than is kept")
	}
	k.link.queue = slices.Clone(k.link.queue[1:])
	k.arrives(len(all) - 1)
	for _, m := range rest[:some(len(rest))] {
		k.w.Take(k.link, m)
	}
	return *all[0].Welcome
}

// arrives lets the next messages arrive.
func (k *caller) arrives(n int) {
	for _, m := range k.link.queue[:n] {
		if k.talk.Hear(m) && m.Command != nil && m.Command.Confirm != nil {
			k.heard = append(k.heard, m.Command.Confirm.Epoch)
		}
	}
	k.link.queue = k.link.queue[n:]
}

// says returns a report as it is sent.
func (k *caller) says(r rpc.Report) rpc.ToCoordinator {
	doc := rpc.WrapReport("j", 1, r)
	m := rpc.ToCoordinator{Report: &doc}
	k.talk.Say(&m)
	return m
}

func every(n int) int { return n }

// talking is a worker that runs the only task of a job.
func talking(t *testing.T) (*caller, *Tasks, coordinator.Host) {
	t.Helper()
	c, tasks, h := deployed(t, time.Minute)
	k := &caller{c: c}
	k.call(t, every)
	placed(t, h)
	k.arrives(len(k.link.queue))
	return k, tasks, h
}

// TestComesBackInTime: the tasks of a worker that comes back run on; what it was to be
// told meanwhile it is told then, and what it says again does not count.
func TestComesBackInTime(t *testing.T) {
	k, tasks, h := talking(t)
	first := k.w
	said := k.says(rpc.WantSplits{N: 1})
	k.w.Take(k.link, said)
	number, away := k.w.Cut(k.link, errCut)
	if !away {
		t.Fatal("nobody waits for the worker")
	}
	_ = tasks.Send(rpc.Confirm{Epoch: 7})
	k.says(rpc.WantSplits{N: 2}) // to nobody
	if m := k.call(t, every); !m.Resumed || m.Heard != 1 || k.w != first {
		t.Fatalf("%+v", m)
	}
	k.w.Take(k.link, said)
	k.w.Lapse(number, errCut) // too late
	if !slices.Equal(k.heard, []stream.Epoch{7}) {
		t.Errorf("the worker has heard %v", k.heard)
	}
	for i := range 2 {
		if r, ok := next(t, h).(rpc.WantSplits); !ok || r.N != i+1 {
			t.Fatalf("%+v is told", r)
		}
	}
	quiet(t, h)
}

// TestStaysAway: tasks are lost when their worker does not come back, and at once when
// it has said that it ends, is silent, or nobody can wait for it.
func TestStaysAway(t *testing.T) {
	lost := func(t *testing.T, h coordinator.Host) {
		t.Helper()
		if r, ok := next(t, h).(rpc.Failed); !ok || !errors.Is(r.Err, job.ErrUnavailable) {
			t.Fatalf("%+v is told", r)
		}
		quiet(t, h)
	}
	t.Run("too long", func(t *testing.T) {
		k, _, h := talking(t)
		number, _ := k.w.Cut(k.link, errCut)
		quiet(t, h)
		k.w.Lapse(number, errCut)
		k.w.Lapse(number, errCut)
		lost(t, h)
		if m := k.call(t, every); m.Resumed {
			t.Error("a worker whose tasks are lost goes on")
		}
	})
	t.Run("it was killed", func(t *testing.T) {
		k, _, h := talking(t)
		k.c.o.Grace = time.Hour
		number, _ := k.w.Cut(k.link, errCut)
		k.w.await(number, errCut) // nobody listens on its address
		lost(t, h)
	})
	for name, cut := range map[string]func(k *caller) error{
		"it leaves": func(k *caller) error {
			k.w.Take(k.link, rpc.ToCoordinator{Leaves: true})
			return errCut
		},
		"it is silent": func(*caller) error { return fmt.Errorf("receive: %w", os.ErrDeadlineExceeded) },
		"it says what nobody can": func(k *caller) error {
			k.w.Take(k.link, rpc.ToCoordinator{N: 9, Report: &rpc.JobReport{}})
			return errCut
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, _, h := talking(t)
			if _, away := k.w.Cut(k.link, cut(k)); away {
				t.Error("somebody waits for it")
			}
			lost(t, h)
		})
	}
}

// TestAwayGetsNoTasks: a worker that is away has no free slots until it comes back.
func TestAwayGetsNoTasks(t *testing.T) {
	k, _, _ := talking(t)
	k.w.Cut(k.link, errCut)
	other := k.c.wants(t, "other", 1)
	if other.has() {
		t.Fatal("tasks are sent to a worker that is away")
	}
	k.call(t, every)
	if !other.has() {
		t.Fatal("a slot is free, and the job waits")
	}
}

// TestNewConnectionFirst: a worker that has noticed a cut before the coordinator goes
// on by the new connection; what the old one still brings is of no account.
func TestNewConnectionFirst(t *testing.T) {
	k, _, h := talking(t)
	old := k.link
	said := k.says(rpc.Drained{})
	if m := k.call(t, every); !m.Resumed {
		t.Fatalf("%+v", m)
	}
	k.w.Take(old, said)
	if _, away := k.w.Cut(old, errCut); away {
		t.Error("the worker is away")
	}
	if _, ok := next(t, h).(rpc.Drained); !ok {
		t.Error("a report is lost")
	}
	quiet(t, h)
}

// TestAnotherOfItsName: a process that has the id of a worker that is away, and not its
// conversation, takes its place, and the tasks are lost.
func TestAnotherOfItsName(t *testing.T) {
	k, _, h := talking(t)
	k.w.Cut(k.link, errCut)
	other := &caller{c: k.c, calls: 100}
	if m := other.call(t, every); m.Resumed {
		t.Fatalf("%+v", m)
	}
	if r, ok := next(t, h).(rpc.Failed); !ok {
		t.Fatalf("%+v is told", r)
	}
	quiet(t, h)
	if n := len(k.c.Workers()); n != 1 {
		t.Errorf("%d workers", n)
	}
}

// TestNothingIsLost: whenever connections break, and whatever is lost then, commands
// and reports arrive once each, in their order.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		k, tasks, h := talking(t)
		some := func(n int) int { return rnd.IntN(n + 1) }
		var up []rpc.ToCoordinator // on their way
		commands, reports := 0, 0
		for range 200 {
			switch rnd.IntN(8) {
			case 0: // a cut
				up = nil
				if rnd.IntN(3) > 0 { // which the coordinator notices, at once or later
					k.w.Cut(k.link, errCut)
				}
				if m := k.call(t, some); m != (rpc.Welcome{}) && !m.Resumed {
					t.Fatalf("seed %d: %+v", seed, m)
				}
				k.link.queue = nil // another cut: what has not come does not come
				k.call(t, every)
			case 1, 2:
				commands++
				_ = tasks.Send(rpc.Confirm{Epoch: stream.Epoch(commands)})
			case 3, 4:
				reports++
				up = append(up, k.says(rpc.WantSplits{N: reports}))
			case 5:
				k.arrives(some(len(k.link.queue)))
			case 6:
				n := some(len(up))
				for _, m := range up[:n] {
					k.w.Take(k.link, m)
				}
				up = up[n:]
			case 7:
				if len(up) == 0 { // heartbeats stand in line
					k.w.Take(k.link, rpc.ToCoordinator{Heartbeat: &rpc.Heartbeat{Heard: k.talk.Heard()}})
				}
			}
		}
		k.w.Cut(k.link, errCut)
		k.call(t, every)
		k.arrives(len(k.link.queue))
		if len(k.heard) != commands || !slices.IsSorted(k.heard) || len(slices.Compact(slices.Clone(k.heard))) != commands {
			t.Fatalf("seed %d: of %d commands arrive %v", seed, commands, k.heard)
		}
		for i := range reports {
			if r, ok := next(t, h).(rpc.WantSplits); !ok || r.N != i+1 {
				t.Fatalf("seed %d: %+v is told, want report %d", seed, r, i+1)
			}
		}
		if m, ok := h.Next(t.Context(), h.Now()); ok {
			t.Fatalf("seed %d: %+v is told too", seed, m)
		}
	}
}
