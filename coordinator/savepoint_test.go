package coordinator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestSavepointsInEveryOrder takes every order of what may happen to a job that
// is asked for savepoints: every reply succeeds or fails, tasks seal, decline or
// die, users stop and cancel, at any moment. What must hold:
//
//	S1  A request is answered once, and before the job is over.
//	S2  A savepoint is copied when all rows before it are published.
//	S3  A savepoint is answered for when it was copied, and only then.
//	S4  A job that was stopped with a savepoint ends as stopped or finished; one
//	    whose savepoint failed does not stop for it.
//	S5  What is being copied for somebody is not deleted.
func TestSavepointsInEveryOrder(t *testing.T) {
	first := newUniverse()
	seen := map[string]bool{first.key(): true}
	queue := []universe{first}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for name, e := range u.events() {
			v := u.after(name, e)
			if v.wrong != "" {
				t.Fatalf("%s\n%s", v.wrong, strings.Join(v.trace, "\n"))
			}
			if k := v.key(); !seen[k] && len(v.trace) < universeDepth {
				seen[k] = true
				queue = append(queue, v)
			}
		}
	}
	t.Logf("%d states", len(seen))
	if len(seen) < 5000 {
		t.Errorf("%d states: too few are reached", len(seen))
	}
}

// universeDepth is how many events are taken.
const universeDepth = 18

// universe is a job, what it waits for, and what a person has seen of it.
type universe struct {
	state State
	now   time.Time
	// open are the answers that are to come, by name.
	open map[string]Action
	// injected is the barrier that the tasks have and have not sealed.
	injected *stream.Barrier

	asked, restarts, failures int
	answered                  map[uint64]Answer
	wants                     map[uint64]Want
	exported                  map[uint64]bool // copied, or tried: then false
	stopAsked, scaled         bool
	published                 stream.Epoch
	trace                     []string
	wrong                     string
}

func newUniverse() universe {
	g := &job.Graph{KeyGroups: 1, Vertices: []job.Vertex{
		{ID: 0, UID: "source", Name: "Source", Kind: job.KindSource, Parallelism: 1, Output: job.Schema{}},
		{ID: 1, UID: "sink", Name: "Sink", Kind: job.KindSink, Parallelism: 1},
	}, Edges: []job.Edge{{From: 0, To: 1}}}
	u := universe{now: time.UnixMilli(0)}
	s := Settings{Timeout: time.Minute, Retained: 1, TolerableFailures: 1, Restart: RestartStrategy{Attempts: 1}}
	state, actions := newState(newPlan("j", g, s, true, []string{"sink"}, u.now))
	u.state = state
	u.open, u.answered, u.wants, u.exported = map[string]Action{}, map[uint64]Answer{}, map[uint64]Want{}, map[uint64]bool{}
	u.take(actions)
	return u
}

// key tells apart what differs from now on.
func (u universe) key() string {
	s := u.state
	var b strings.Builder
	fmt.Fprint(&b, s.phase, s.attempt, s.next, s.stop, s.failures, s.restarts, s.claiming, u.injected, u.asked, u.failures, u.published, u.stopAsked, u.scaled, s.scaled != nil, s.opening, len(s.ids), u.exported, u.now.UnixMilli())
	if s.ending != nil {
		fmt.Fprint(&b, s.ending.state)
	}
	if s.flight != nil {
		fmt.Fprint(&b, s.flight.epoch, s.flight.kind, s.flight.stage)
	}
	for _, t := range s.tasks.all() {
		fmt.Fprint(&b, t.gone, t.last != nil, t.failed)
	}
	for _, r := range s.requests {
		fmt.Fprint(&b, r.id, r.want, r.stage)
	}
	for _, k := range s.sinks {
		fmt.Fprint(&b, len(k.pending), k.publishing, k.offered, k.published, k.failures)
	}
	for _, id := range slices.Sorted(maps.Keys(u.answered)) {
		fmt.Fprint(&b, id, u.wants[id], u.answered[id].Err == nil)
	}
	fmt.Fprint(&b, slices.Sorted(maps.Keys(u.open)))
	return b.String()
}

// events are those that may come next.
func (u universe) events() map[string]Event {
	all := map[string]Event{}
	for name, a := range u.open {
		u.replies(all, name, a)
	}
	if u.state.phase == running && u.injected != nil {
		all["seal"], all["decline"] = nil, nil
	}
	if u.state.phase == running && u.state.opening > 0 {
		all["run"] = nil
	}
	if !u.scaled && u.state.phase != over {
		all["rescale"] = RescaleRequested{twoSources(u.state.graph)}
	}
	if u.state.phase == running && u.failures == 0 {
		all["die"] = Reported{rpc.Failed{Task: u.state.ids[0], Err: errors.New("died")}}
	}
	if u.asked < 2 && u.state.phase != over && u.state.phase != beginning {
		for _, w := range []Want{WantCheckpoint, WantSavepoint, WantStop, WantDrain} {
			all["ask "+w.String()] = SavepointRequested{ID: uint64(u.asked + 1), Want: w}
		}
	}
	if u.asked == 1 && !u.stopAsked && u.state.phase != over {
		all["stop"], all["cancel"] = StopRequested{}, CancelRequested{}
	}
	if at := u.state.Wake(); at.After(u.now) && len(u.open) == 0 {
		all["wait"] = Tick{}
	}
	return all
}

// replies are the answers that an action may get.
func (u universe) replies(all map[string]Event, name string, a Action) {
	may := u.failures == 0
	switch a := a.(type) {
	case Begin:
		l, _ := checkpoint.Redistribute(nil, u.state.graph, checkpoint.RedistributeOptions{})
		all[name] = Begun{Owner: checkpoint.Owner{Generation: 1, Term: 1}, Number: u.state.next, Manifest: u.state.manifest, Layout: l}
	case Freeze:
		all[name] = Frozen{Attempt: a.Attempt, Epoch: a.Epoch}
	case Claim:
		all[name] = Claimed{Epoch: a.Manifest.Epoch, Kind: a.Manifest.Kind}
		if may {
			all[name+" fails"] = Claimed{Epoch: a.Manifest.Epoch, Err: job.ErrUnavailable}
		}
	case Publish:
		all[name] = Published{Epoch: a.Pending[len(a.Pending)-1].Epoch}
		if may {
			all[name+" fails"] = Published{Err: job.ErrUnavailable}
		}
	case Export:
		all[name] = Exported{ID: a.ID, Path: "path"}
		if may {
			all[name+" fails"] = Exported{ID: a.ID, Err: job.ErrUnavailable}
		}
	case Record:
		all[name] = Recorded{}
	case Send:
		all[name] = Reported{rpc.Canceled{}}
	case Discover, Take, Delete, Answer, Finish, Renew:
	}
}

// after is the universe in which an event has come.
func (u universe) after(name string, e Event) universe {
	u.open, u.answered, u.wants, u.exported = maps.Clone(u.open), maps.Clone(u.answered), maps.Clone(u.wants), maps.Clone(u.exported)
	u.trace = append(u.trace[:len(u.trace):len(u.trace)], name)
	open, fails := strings.CutSuffix(name, " fails")
	delete(u.open, open)
	if fails || name == "die" || name == "decline" {
		u.failures++
	}
	switch e := e.(type) {
	case SavepointRequested:
		u.asked++
		u.wants[e.ID] = e.Want
	case StopRequested, CancelRequested:
		u.stopAsked = true
	case Exported:
		u.exported[e.ID] = e.Err == nil
	case Published:
		u.published = max(u.published, e.Epoch)
	case Tick:
		u.now = u.state.Wake()
	case RescaleRequested:
		u.scaled = true
	case nil:
		if name == "run" {
			return u.run()
		}
		return u.seal(name == "decline")
	default:
	}
	return u.step(e)
}

// twoSources is a graph with one more source task.
func twoSources(g *job.Graph) *job.Graph {
	two := *g
	two.Vertices = slices.Clone(g.Vertices)
	two.Vertices[0].Parallelism = 2
	return &two
}

// run lets the tasks that do not run yet say that they do.
func (u universe) run() universe {
	for i, id := range u.state.ids {
		if u.state.phase == running && !u.state.tasks.at(i).runs {
			u = u.step(Reported{rpc.Running{Task: id}})
		}
	}
	return u
}

// seal lets the tasks report the end of the epoch.
func (u universe) seal(decline bool) universe {
	b := *u.injected
	u.injected = nil
	for i, id := range u.state.ids {
		if u.state.tasks.at(i).last != nil {
			continue
		}
		if decline {
			return u.step(Reported{rpc.Declined{Task: id, Epoch: b.Epoch, Err: job.ErrUnavailable}})
		}
		h := checkpoint.Handle{Task: id, Ended: b.Kind == stream.Drain, Tables: []checkpoint.TableState{{Runs: []checkpoint.Run{{File: fmt.Sprint("run", b.Epoch)}}}}}
		h.Committables = map[string][]ops.Pending{"sink": {{Epoch: b.Epoch, Committables: []ops.Committable{[]byte("x")}}}}
		u = u.step(Reported{rpc.Sealed{Task: id, Epoch: b.Epoch, Handle: h}})
	}
	return u
}

func (u universe) step(e Event) universe {
	if u.wrong != "" {
		return u
	}
	var actions []Action
	u.state, actions = Step(u.state, u.now, e)
	u.take(actions)
	return u
}

// take looks at what was decided.
func (u *universe) take(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Send:
			u.sent(a)
		case Begin, Freeze, Claim, Record:
			u.open[fmt.Sprintf("%T", a)] = a
			if _, begin := a.(Begin); begin {
				u.restarts++
			}
		case Publish:
			u.open["publish"] = a
		case Export:
			if u.published < a.Manifest.Epoch {
				u.wrong = fmt.Sprintf("S2: epoch %d is copied, %d is published", a.Manifest.Epoch, u.published)
			}
			u.open[fmt.Sprint("export ", a.ID)] = a
		case Answer:
			u.answer(a)
		case Delete:
			u.deleted(a.Files)
		case Finish:
			u.finished(a.Result)
		case Discover, Take, Renew: // there is one region
		}
	}
}

func (u *universe) sent(a Send) {
	switch c := a.Command.(type) {
	case rpc.Inject:
		u.injected = &c.Barrier
	case rpc.Cancel:
		u.open["cancel tasks"], u.injected = a, nil
	case rpc.Deploy, rpc.Assign, rpc.Confirm:
	}
}

func (u *universe) answer(a Answer) {
	if _, twice := u.answered[a.ID]; twice {
		u.wrong = fmt.Sprintf("S1: %d is answered twice", a.ID)
	}
	u.answered[a.ID] = a
	if w := u.wants[a.ID]; w != WantCheckpoint && (a.Err == nil) != u.exported[a.ID] {
		u.wrong = fmt.Sprintf("S3: %v %d is answered with %v, copied: %v", w, a.ID, a.Err, u.exported[a.ID])
	}
}

func (u *universe) deleted(files []string) {
	for _, a := range u.open {
		x, ok := a.(Export)
		if _, over := u.answered[x.ID]; !ok || over { // given up with the job
			continue
		}
		for _, f := range files {
			if f == checkpoint.ClaimFile(x.Manifest.Epoch) || f == fmt.Sprint("run", x.Manifest.Epoch) {
				u.wrong = "S5: " + f + " is deleted while it is copied"
			}
		}
	}
}

func (u *universe) finished(r Result) {
	for id, w := range u.wants {
		a, ok := u.answered[id]
		switch {
		case !ok:
			u.wrong = fmt.Sprintf("S1: %d is not answered", id)
		case w.ends() && a.Err == nil && r.State != Stopped && r.State != Finished:
			u.wrong = fmt.Sprintf("S4: stopped with a savepoint, and %s", r.State)
		}
	}
	ended := slices.ContainsFunc(slices.Collect(maps.Keys(u.wants)), func(id uint64) bool {
		return u.wants[id].ends() && (u.answered[id].Err == nil || u.wants[id] == WantDrain)
	})
	if r.State == Stopped && !ended && !u.stopAsked {
		u.wrong = "S4: stopped although the savepoint failed"
	}
}
