package coordinator

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// village is everything around the coordinator of a job of independent tasks, each of
// which reads splits and stages, for each that it has read, its name. Whatever comes
// may come at any moment that its protocol allows.
type village struct {
	rnd   *rand.Rand
	wrong string // what is, once something is
	state State
	now   time.Time
	trace []string

	ready []ops.Split // in the enumerator
	found int
	tasks map[checkpoint.TaskID]*villager
	open  []Action // to be answered, but those of the source
	queue []Action // of the source, in order
	// cancels are those that are not answered.
	cancels []rpc.Cancel
	deaths  int
	fallen  map[checkpoint.TaskID]bool // since they were started
	rows    map[string]int             // that are published
	epoch   stream.Epoch               // the highest of them
}

// villager is an attempt of a task.
type villager struct {
	runs, wanted, noMore, drained bool
	splits                        []ops.Split
	read                          []string // since the last barrier
	staged                        []ops.Pending
	last                          bool
	inbox                         []rpc.Command
}

const (
	villagers     = 3
	villageSplits = 7
)

func newVillage(seed uint64, bugs mutant.Set) *village {
	g := &job.Graph{KeyGroups: 4, Vertices: []job.Vertex{
		{ID: 0, UID: "source", Name: "Source", Kind: job.KindSource, Parallelism: villagers},
		{ID: 1, UID: "sink", Name: "Sink", Kind: job.KindSink, Parallelism: villagers},
	}, Edges: []job.Edge{{From: 0, To: 1, Partitioning: job.Forward}}}
	s := Settings{Interval: time.Second, Timeout: time.Hour, TolerableFailures: -1, Restart: RestartStrategy{Attempts: -1, Delay: time.Second}, Regions: true, Bugs: bugs}
	v := &village{rnd: rand.New(rand.NewPCG(seed, 3)), now: time.UnixMilli(0), rows: map[string]int{}, deaths: 3}
	state, actions := newState(newPlan("j", g, s, true, []string{"sink"}, v.now))
	v.state = state
	v.act(actions)
	return v
}

func (v *village) violate(format string, args ...any) {
	if v.wrong == "" {
		v.wrong = fmt.Sprintf(format, args...)
	}
}

func (v *village) step(e Event) {
	if _, tick := e.(Tick); !tick {
		v.trace = append(v.trace, fmt.Sprintf("%T %+v", e, e))
	}
	var actions []Action
	v.state, actions = Step(v.state, v.now, e)
	v.act(actions)
}

// act does at once what needs no answer.
func (v *village) act(actions []Action) {
	for _, a := range actions {
		v.trace = append(v.trace, "      "+describe(a))
		switch a := a.(type) {
		case Send:
			v.obey(a.Command)
		case Discover, Take, Freeze:
			v.queue = append(v.queue, a)
		case Begin, Renew, Claim, Publish, Record:
			v.open = append(v.open, a)
		case Delete, Export, Answer, Finish:
		}
	}
}

func (v *village) obey(c rpc.Command) {
	switch c := c.(type) {
	case rpc.Deploy:
		if !c.Beside {
			if len(v.tasks) > 0 {
				v.violate("all tasks are started beside some that run")
			}
			v.tasks, v.fallen = map[checkpoint.TaskID]*villager{}, map[checkpoint.TaskID]bool{}
		}
		for _, a := range c.Tasks {
			if v.tasks[a.Task] != nil {
				v.violate("task %v is started beside itself", a.Task)
			}
			v.tasks[a.Task] = &villager{splits: slices.Clone(a.Splits), last: a.Ended}
			delete(v.fallen, a.Task)
		}
	case rpc.Assign:
		v.hand(c.Task, c)
	case rpc.Inject:
		v.hand(c.Task, c)
	case rpc.Confirm:
		for _, t := range v.tasks {
			t.staged = slices.DeleteFunc(t.staged, func(p ops.Pending) bool { return p.Epoch <= c.Epoch })
		}
	case rpc.Cancel:
		nowhere := rpc.Canceled{Number: c.Number}
		for _, id := range c.Tasks {
			if !v.fallen[id] {
				v.violate("task %v is canceled, and has not failed", id)
			}
			if v.tasks[id] == nil {
				nowhere.Tasks = append(nowhere.Tasks, id)
			}
		}
		if c.Tasks != nil {
			c.Tasks = slices.DeleteFunc(slices.Clone(c.Tasks), func(id checkpoint.TaskID) bool { return v.tasks[id] == nil })
		}
		if v.cancels = append(v.cancels, c); nowhere.Tasks != nil {
			v.step(Reported{nowhere})
		}
	}
}

// hand gives a command to a task, behind those before it.
func (v *village) hand(id checkpoint.TaskID, c rpc.Command) {
	if t := v.tasks[id]; t != nil && !t.last {
		t.inbox = append(t.inbox, c)
	}
}

// answer answers one of the source's actions.
func (v *village) answer() {
	a := v.queue[0]
	v.queue = v.queue[1:]
	switch a := a.(type) {
	case Discover:
		for n := v.rnd.IntN(4); n > 0 && v.found < villageSplits; n-- {
			v.found++
			v.ready = append(v.ready, ops.Split{ID: fmt.Sprint(v.found)})
		}
		v.step(Discovered{Attempt: a.Attempt, Done: v.found == villageSplits})
	case Take:
		n := min(a.N, len(v.ready))
		some := v.ready[:n:n]
		v.ready = v.ready[n:]
		v.step(Taken{Attempt: a.Attempt, Task: a.Task, Generation: a.Generation, Wanted: a.N, Splits: some})
	case Freeze:
		data, _ := json.Marshal(enumerated{v.ready, v.found})
		v.step(Frozen{Attempt: a.Attempt, Epoch: a.Epoch, Sources: map[string]checkpoint.SourceState{"source": {Snapshot: data}}})
	case Begin, Renew, Claim, Publish, Record, Send, Delete, Export, Answer, Finish:
		panic(a)
	}
}

type enumerated struct {
	Ready []ops.Split
	Found int
}

// settle answers another action.
func (v *village) settle(i int) {
	a := v.open[i]
	v.open = slices.Delete(v.open, i, i+1)
	owner := v.state.owner
	owner.Generation++
	owner.Term, owner.Nonce = 1, "n"
	switch a := a.(type) {
	case Begin:
		v.ready, v.found = nil, 0
		v.queue = nil // behind it
		l, err := checkpoint.Redistribute(v.state.manifest, v.state.graph, checkpoint.RedistributeOptions{})
		if m := v.state.manifest; m != nil {
			var e enumerated
			if err := json.Unmarshal(m.Sources["source"].Snapshot, &e); err != nil {
				v.violate("%v", err)
			}
			v.ready, v.found = append(l.Splits["source"], e.Ready...), e.Found
		}
		v.step(Begun{Owner: owner, Number: v.state.next + 1, Manifest: v.state.manifest, Layout: l, Err: err})
	case Renew:
		if v.state.newest() != a.Epoch {
			v.violate("the newest checkpoint is not that which is asked for")
		}
		l, err := checkpoint.Redistribute(v.state.manifest, v.state.graph, checkpoint.RedistributeOptions{})
		v.step(Renewed{Owner: owner, Number: v.state.next + 1, Layout: l, Err: err})
	case Claim:
		kind := a.Manifest.Kind
		v.step(Claimed{Epoch: a.Manifest.Epoch, Kind: kind})
	case Publish:
		for _, p := range a.Pending {
			for _, c := range p.Committables {
				if p.Epoch > v.epoch {
					v.rows[string(c)]++
				}
			}
			v.epoch = max(v.epoch, p.Epoch)
		}
		v.step(Published{Sink: a.Sink, Epoch: v.epoch})
	case Record:
		v.step(Recorded{})
	case Discover, Take, Freeze, Send, Delete, Export, Answer, Finish:
		panic(a)
	}
}

// live lets a task do something.
func (v *village) live(id checkpoint.TaskID) {
	t := v.tasks[id]
	say := func(r rpc.Report) { v.step(Reported{r}) }
	switch {
	case t.last:
		if !t.runs {
			t.runs = true
			say(rpc.Ended{Task: id})
		}
	case !t.runs:
		t.runs = true
		say(rpc.Running{Task: id})
	case len(t.inbox) > 0 && v.rnd.IntN(2) == 0:
		c := t.inbox[0]
		t.inbox = t.inbox[1:]
		if a, ok := c.(rpc.Assign); ok {
			t.wanted, t.noMore = false, t.noMore || a.NoMore
			t.splits = append(t.splits, a.Splits...)
		} else {
			v.seal(id, t, c.(rpc.Inject).Barrier.Epoch)
		}
	case len(t.splits) > 0:
		t.read = append(t.read, t.splits[0].ID)
		t.splits = t.splits[1:]
	case !t.noMore && !t.wanted:
		t.wanted = true
		say(rpc.WantSplits{Task: id, N: 1 + v.rnd.IntN(3)})
	case t.noMore && !t.drained && len(t.inbox) == 0:
		t.drained = true
		say(rpc.Drained{Task: id})
	}
}

func (v *village) seal(id checkpoint.TaskID, t *villager, e stream.Epoch) {
	p := ops.Pending{Epoch: e}
	for _, r := range t.read {
		p.Committables = append(p.Committables, ops.Committable(r))
	}
	t.read, t.staged = nil, append(t.staged, p)
	h := checkpoint.Handle{
		Task: id, Groups: stream.RangeOf(4, villagers, id.Index), Splits: slices.Clone(t.splits), Ended: t.drained,
		Committables: map[string][]ops.Pending{"sink": slices.Clone(t.staged)},
	}
	t.last = t.drained
	v.step(Reported{rpc.Sealed{Task: id, Epoch: p.Epoch, Handle: h}})
	if t.last {
		v.step(Reported{rpc.Ended{Task: id}})
	}
}

// die kills tasks: one, which is to be canceled yet, or some with their worker.
func (v *village) die() {
	v.deaths--
	var some []checkpoint.TaskID
	for i := range villagers {
		if id := (checkpoint.TaskID{Index: i}); v.tasks[id] != nil && v.rnd.IntN(2) == 0 {
			some = append(some, id)
		}
	}
	if len(some) == 0 {
		return
	}
	gone := v.rnd.IntN(2) == 0
	if !gone {
		if some = some[:1]; v.tasks[some[0]].last {
			return
		}
	}
	for _, id := range some {
		v.fallen[id] = true
		if gone {
			delete(v.tasks, id)
			for i, c := range v.cancels { // nobody is there to answer
				v.cancels[i].Tasks = slices.DeleteFunc(slices.Clone(c.Tasks), func(o checkpoint.TaskID) bool { return o == id })
			}
		}
	}
	v.step(Reported{rpc.Failed{Task: some[0], With: some, Gone: gone, Err: job.ErrUnavailable}})
}

// canceled answers the oldest Cancel.
func (v *village) canceled() {
	c := v.cancels[0]
	v.cancels = v.cancels[1:]
	for _, id := range c.Tasks {
		delete(v.tasks, id)
	}
	if c.Tasks == nil {
		clear(v.tasks)
	} else if len(c.Tasks) == 0 {
		return
	}
	v.step(Reported{rpc.Canceled(c)})
}

// life is the whole of it, whatever fails, and in whatever order things happen.
func (v *village) life() {
	for n := 0; v.state.phase != over && v.wrong == ""; n++ {
		if n > 5000 {
			v.violate("the job does not end")
		}
		switch k := v.rnd.IntN(12); {
		case k == 0 && v.deaths > 0 && v.state.phase == running:
			v.die()
		case k == 1:
			v.now = v.now.Add(time.Second)
			v.step(Tick{})
		case k == 2 && len(v.cancels) > 0:
			v.canceled()
		case k < 5 && len(v.open) > 0:
			v.settle(v.rnd.IntN(len(v.open)))
		case k < 8 && len(v.queue) > 0:
			v.answer()
		default:
			if id := (checkpoint.TaskID{Index: v.rnd.IntN(villagers)}); v.tasks[id] != nil && !v.fallen[id] {
				v.live(id)
			}
		}
	}
	for i := 1; i <= villageSplits; i++ {
		if n := v.rows[fmt.Sprint(i)]; n != 1 {
			v.violate("the rows of split %d are published %d times", i, n)
		}
	}
}

// TestRegionsInAnyOrder: every split is read and published once, and no task is started
// again that has not failed.
func TestRegionsInAnyOrder(t *testing.T) {
	beside, whole := 0, 0
	for seed := range uint64(800) {
		v := newVillage(seed, mutant.Set{})
		if v.life(); v.wrong != "" {
			t.Fatalf("seed %d: %s\n%s", seed, v.wrong, strings.Join(v.trace, "\n"))
		}
		for _, l := range v.trace {
			if strings.Contains(l, " beside others") {
				beside++
			} else if strings.Contains(l, "begin attempt") && !strings.Contains(l, "attempt 0") {
				whole++
			}
		}
	}
	t.Logf("%d restarts of some tasks, %d of all", beside, whole)
	if beside < 800 || whole == 0 {
		t.Error("too little has happened")
	}
}

// TestRegionBugs: bugs of it are found.
func TestRegionBugs(t *testing.T) {
	for name, bugs := range map[string]mutant.Set{
		"FlightStands": {FlightStands: true}, "GivenLost": {GivenLost: true},
		"GivenForgotten": {GivenForgotten: true}, "GivenTwice": {GivenTwice: true}, "LateLost": {LateLost: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(1000) {
				v := newVillage(seed, bugs)
				if v.life(); v.wrong != "" {
					t.Logf("seed %d: %s", seed, v.wrong)
					return
				}
			}
			t.Error("not found")
		})
	}
}
