package cluster

import (
	"errors"
	"testing"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// box is a link whose messages stay where they are.
type box struct{ queue []rpc.ToWorker }

func (b *box) Send(m rpc.ToWorker) { b.queue = append(b.queue, m) }
func (*box) Close()                {}

// comes registers a worker that holds the only task of a job, without a network.
func comes(c *Cluster, id string, generation checkpoint.Generation) *Member {
	return c.Join(&box{}, rpc.Register{ID: id, Slots: 1, Held: []rpc.Held{
		{Job: "j", Generation: generation, Total: 1, Tasks: []rpc.HeldTask{{Task: checkpoint.TaskID{}}}},
	}})
}

func dropped(w *Member) bool {
	for _, m := range w.link.(*box).queue {
		if m.Drop == "j" {
			return true
		}
	}
	return false
}

func adopter(t *testing.T) (*Cluster, *Tasks) {
	t.Helper()
	c := New(Options{Clock: engine.WallClock{}, Knows: func(id job.ID) bool { return id == "j" }, AdoptTimeout: 1})
	t.Cleanup(func() { _ = c.Close() })
	return c, c.Job(coordinator.NewHost(engine.WallClock{}), rpc.Start{})
}

var only = []checkpoint.TaskID{{}}

// TestComesBack: a worker that has registered twice is one worker, and what it
// holds is offered once.
func TestComesBack(t *testing.T) {
	c, tasks := adopter(t)
	old := comes(c, "w", 3)
	again := comes(c, "w", 3)
	if n := len(c.Workers()); n != 1 {
		t.Fatalf("%d workers", n)
	}
	if h := tasks.Held(t.Context(), "j", only); h == nil || len(h.Tasks) != 1 || tasks.at[only[0]] != again {
		t.Fatalf("%+v is held", h)
	}
	if tasks.alive[old] {
		t.Fatal("the connection that is gone counts")
	}
	if used := c.Workers()[0].Used; used != 1 {
		t.Fatalf("%d slots are in use", used)
	}
}

// TestHeldTooLate: what a worker holds of a job that runs already is let go.
func TestHeldTooLate(t *testing.T) {
	t.Run("adopted", func(t *testing.T) {
		c, tasks := adopter(t)
		first := comes(c, "w", 3)
		if tasks.Held(t.Context(), "j", only) == nil || dropped(first) {
			t.Fatal("nothing is adopted")
		}
		if late := comes(c, "v", 2); !dropped(late) || len(c.offers) > 0 {
			t.Fatal("tasks that nobody wants run on")
		}
	})
	t.Run("started anew", func(t *testing.T) {
		c, tasks := adopter(t)
		tasks.refuseHeld("j")
		if late := comes(c, "w", 2); !dropped(late) || len(c.offers) > 0 {
			t.Fatal("tasks that nobody wants run on")
		}
	})
}

// TestHeldInPart: tasks that are not complete are not adopted, and let go.
func TestHeldInPart(t *testing.T) {
	c, tasks := adopter(t)
	w := comes(c, "w", 3)
	if h := tasks.Held(t.Context(), "j", []checkpoint.TaskID{{}, {Index: 1}}); h != nil {
		t.Fatalf("%+v is held", h)
	}
	if !dropped(w) || len(c.offers) > 0 {
		t.Fatal("tasks that nobody adopts run on")
	}
}

func wants(generation checkpoint.Generation, n int) rpc.JobReport {
	return rpc.WrapReport("j", generation, rpc.WantSplits{N: n})
}

// TestReportsOfAdopted: what tasks have said before they were adopted, while they
// were, and since is told in this order.
func TestReportsOfAdopted(t *testing.T) {
	c, tasks := adopter(t)
	w := comes(c, "w", 3)
	say := func(r rpc.JobReport) {
		if of := w.find(&r); of != nil {
			of.reported(w, r)
		}
	}
	say(wants(3, 0))
	if tasks.Held(t.Context(), "j", only) == nil {
		t.Fatal("nothing is adopted")
	}
	say(wants(3, 1))
	say(wants(2, 9)) // of another attempt
	quiet(t, tasks.host)
	_ = tasks.Send(rpc.Confirm{})
	say(wants(3, 2))
	for i := range 3 {
		if r, ok := next(t, tasks.host).(rpc.WantSplits); !ok || r.N != i {
			t.Fatalf("%+v is told, want that of %d splits", r, i)
		}
	}
	quiet(t, tasks.host)
}

// TestTooManyReports: who adopts tasks has all that they have said; when that is
// more than can be kept they are let go.
func TestTooManyReports(t *testing.T) {
	c, tasks := adopter(t)
	w := comes(c, "w", 3)
	for range maxOfferReports {
		r := wants(3, 0)
		w.find(&r)
	}
	if dropped(w) || len(c.offers) != 1 {
		t.Fatal("tasks are let go too early")
	}
	r := wants(3, 0)
	if w.find(&r); !dropped(w) || tasks.Held(t.Context(), "j", only) != nil {
		t.Fatal("tasks are adopted, some of whose reports are lost")
	}
}

// TestLostWhileAdopted: a worker that is lost before its tasks are adopted is told
// of when they are: nobody listens before.
func TestLostWhileAdopted(t *testing.T) {
	c, tasks := adopter(t)
	w := comes(c, "w", 3)
	if tasks.Held(t.Context(), "j", only) == nil {
		t.Fatal("nothing is adopted")
	}
	w.Leave(errors.New("cut"))
	quiet(t, tasks.host)
	_ = tasks.Send(rpc.Confirm{})
	if r, ok := next(t, tasks.host).(rpc.Failed); !ok || !errors.Is(r.Err, job.ErrUnavailable) {
		t.Fatalf("%+v is told", r)
	}
	quiet(t, tasks.host)
}

// TestHeldTooMany: tasks of another parallelism are not adopted, even in part: the
// rows and the state of the others would be lost.
func TestHeldTooMany(t *testing.T) {
	c, tasks := adopter(t)
	w := c.Join(&box{}, rpc.Register{ID: "w", Slots: 2, Held: []rpc.Held{
		{Job: "j", Generation: 3, Total: 2, Tasks: []rpc.HeldTask{{Task: checkpoint.TaskID{}}}}, // the other is not told of yet
	}})
	if h := tasks.Held(t.Context(), "j", only); h != nil || !dropped(w) {
		t.Fatalf("%+v is held", h)
	}
}
