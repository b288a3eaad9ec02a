package coordinator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// TestShiftsInEveryOrder takes every order of what may happen to a job that is asked
// to change gear: tasks seal, decline or die, the store fails, somebody stops or
// rescales it, at any moment. What must hold:
//
//	G1  An attempt begins in another gear only when no task of the last one runs, and
//	    after a wish for it, or after failures of a gear without a checkpoint.
//	G2  A job whose wish is not taken back runs in that gear, goes back, or ends.
//	G3  A brief gear has no barrier while a change waits.
func TestShiftsInEveryOrder(t *testing.T) {
	for _, from := range []job.Gear{job.Pipelined, job.Staged} {
		first := shiftUniverse{universe: newUniverse(), at: from}
		first.state.gears.at, first.state.bounded = from, true
		seen, reached := map[string]bool{first.key(): true}, 0
		queue := []shiftUniverse{first}
		for len(queue) > 0 {
			u := queue[0]
			queue = queue[1:]
			for name, e := range u.events() {
				v := u.after(name, e)
				if v.wrong != "" {
					t.Fatalf("%s\n%s", v.wrong, strings.Join(v.trace, "\n"))
				}
				if v.at != from {
					reached++
				}
				if k := v.key(); !seen[k] && len(v.trace) < universeDepth {
					seen[k] = true
					queue = append(queue, v)
				}
			}
		}
		t.Logf("%s: %d states, %d after a change", from, len(seen), reached)
		if len(seen) < 500 || reached == 0 {
			t.Errorf("%s: %d states, %d after a change: too few are reached", from, len(seen), reached)
		}
	}
}

// shiftUniverse is a job that is asked for one change of gear.
type shiftUniverse struct {
	universe
	at     job.Gear // of the newest attempt
	wished job.Gear
	ran    bool // tasks of the newest attempt may run
}

func (u shiftUniverse) key() string {
	g := u.state.gears
	return fmt.Sprint(u.universe.key(), u.at, u.wished, u.ran, g.at, g.wish, g.former, g.failed, g.back)
}

// events are those that may come next: nobody asks for savepoints.
func (u shiftUniverse) events() map[string]Event {
	all := u.universe.events()
	for name := range all {
		if strings.HasPrefix(name, "ask") {
			delete(all, name)
		}
	}
	if u.state.phase != over && u.state.phase != beginning && !u.stopAsked {
		all["stop"] = StopRequested{}
	}
	if u.state.phase == running && u.failures < 2 {
		all["die"] = Reported{rpc.Failed{Task: u.state.ids[0], Err: errors.New("died")}}
	}
	if u.wished == "" && u.state.phase != over {
		to := job.Staged
		if u.at == to {
			to = job.Pipelined
		}
		all["shift"] = GearRequested{Gear: to, Reason: "asked"}
	}
	return all
}

func (u shiftUniverse) after(name string, e Event) shiftUniverse {
	before := u.state
	if s, ok := e.(GearRequested); ok && u.state.shiftable(s.Gear) == nil {
		u.wished = s.Gear
	}
	v := u
	v.universe = u.universe.after(name, e)
	v.check(name, before)
	return v
}

// check looks at what an event has led to.
func (u *shiftUniverse) check(name string, before State) {
	s := u.state
	if name == "cancel tasks" { // they say that they are gone
		u.ran = false
	}
	if s.gears.at != before.gears.at {
		if before.phase == running || u.ran {
			u.wrong = fmt.Sprintf("G1: the gear changes to %s while tasks run", s.gears.at)
		}
		if s.gears.at != u.wished && !before.gears.back {
			u.wrong = fmt.Sprintf("G1: the gear changes to %s, which nobody wants", s.gears.at)
		}
		u.at = s.gears.at
	}
	u.ran = u.ran || s.phase == running
	idle := s.phase == running && len(u.open) == 0 && u.injected == nil && s.opening == 0 && s.flight == nil && s.Wake().IsZero()
	if idle && s.gears.wish != "" {
		u.wrong = "G2: nothing leads to the gear that is wished for"
	}
	if s.gears.at.Brief() && s.changing() && s.flight != nil && s.flight.stage == freezing && !s.stop && before.flight == nil {
		u.wrong = "G3: an epoch begins while a change waits"
	}
}

func layoutOf(g *job.Graph) checkpoint.Layout {
	l, err := checkpoint.Redistribute(nil, g, checkpoint.RedistributeOptions{})
	if err != nil {
		panic(err)
	}
	return l
}

// TestLateEpoch: an epoch of a brief gear that takes too long is dropped for a
// change, and one that ends in time is not.
func TestLateEpoch(t *testing.T) {
	for _, late := range []bool{false, true} {
		u := newUniverse()
		u.state.gears.at, u.state.bounded = job.Staged, true
		u = u.after("Begin", Begun{Number: 1, Layout: layoutOf(u.state.graph)})
		u = u.run()
		u.state.tasks.edit(0).drained = true
		u = u.step(Tick{})
		u = u.step(Frozen{Attempt: u.state.attempt, Epoch: 1})
		if u.injected == nil {
			t.Fatalf("no epoch runs: %+v", u.state.flight)
		}
		u = u.step(GearRequested{Gear: job.Pipelined, Reason: "asked"})
		u.now = u.now.Add(u.state.settings.LateEpoch - time.Millisecond)
		if u = u.step(Tick{}); u.state.phase != running || !u.state.Wake().Equal(u.now.Add(time.Millisecond)) {
			t.Fatalf("%v, next at %v of %v", u.state.phase, u.state.Wake(), u.now)
		}
		if late {
			u.now = u.now.Add(time.Millisecond)
			u = u.step(Tick{})
		} else {
			u = u.seal(false)
			u = u.step(Claimed{Epoch: 1, Kind: "checkpoint"})
		}
		if u.state.phase != canceling || (u.state.manifest == nil) != late {
			t.Errorf("late %v: %v, behind %+v", late, u.state.phase, u.state.manifest)
		}
	}
}

// TestAdoptedInAnotherGear: tasks that run on are pipelined. A leader that finds that
// the job was to be in a brief gear adopts them, and then changes to it.
func TestAdoptedInAnotherGear(t *testing.T) {
	u := newUniverse()
	u.state.gears.at, u.state.bounded = job.Staged, true
	held := &rpc.Held{Job: "j", Generation: 1, Total: len(u.state.ids)}
	for _, id := range u.state.ids {
		held.Tasks = append(held.Tasks, rpc.HeldTask{Task: id, Running: true})
	}
	var h History
	h.begin(u.state.plan)
	before := u.state
	u = u.step(Begun{Owner: checkpoint.Owner{Generation: 1, Term: 2}, Number: 1, Layout: layoutOf(u.state.graph), Held: held})
	h.observe(u.now, Begun{Held: held}, before, u.state, nil)
	if l, _ := h.Life(); u.state.gears.at != job.Pipelined || l.Gear != job.Pipelined || len(l.Shifts) != 1 || l.Shifts[0].To != job.Staged {
		t.Fatalf("adopted in the %s gear: %+v", u.state.gears.at, l.Shifts)
	}
	u = u.step(Frozen{Attempt: u.state.attempt, Epoch: 1})
	u = u.seal(false)
	u = u.step(Claimed{Epoch: 1, Kind: checkpoint.Complete})
	u = u.step(Reported{rpc.Canceled{}})
	if b, ok := u.open["coordinator.Begin"].(Begin); !ok || b.Gear != job.Staged || u.state.manifest == nil || u.state.manifest.Epoch != 1 {
		t.Errorf("behind the checkpoint: %+v", u.open)
	}
}
