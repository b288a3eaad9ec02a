package coordinator

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestStep plays the scripts in testdata: each line is an event, the answer is
// what Step decides. The graph is a source of two tasks (0/0, 0/1) and a keyed
// task with the sink (1/0); with regions, two tasks that are a source and a sink.
func TestStep(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var p player
		datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
			p.out.Reset()
			if d.Cmd == "start" {
				p.start(d.CmdArgs)
			}
			for line := range strings.Lines(d.Input) {
				p.play(strings.Fields(line))
			}
			if p.out.Len() == 0 {
				return "-\n"
			}
			return p.out.String()
		})
	})
}

type player struct {
	state   State
	now     time.Time
	out     strings.Builder
	history History
}

func (p *player) start(args []datadriven.CmdArg) {
	s, durable := Settings{TolerableFailures: 1, Timeout: time.Minute}, true
	for _, a := range args {
		switch v := a.Vals[0]; a.Key {
		case "interval":
			s.Interval, _ = time.ParseDuration(v)
		case "restarts":
			s.Restart.Attempts, _ = strconv.Atoi(v)
			s.Restart.Delay = time.Second
		case "durable":
			durable = v == "true"
		case "regions":
			s.Regions = v == "true"
		}
	}
	g := &job.Graph{KeyGroups: 4, Vertices: []job.Vertex{
		{ID: 0, UID: "source", Name: "Source", Kind: job.KindSource, Parallelism: 2},
		{ID: 1, UID: "sink", Name: "Sink", Kind: job.KindSink, Parallelism: 1},
	}, Edges: []job.Edge{{From: 0, To: 1, Partitioning: job.Gather}}}
	if s.Regions {
		g.Vertices[1].Parallelism, g.Edges[0].Partitioning = 2, job.Forward
	}
	p.now = time.UnixMilli(0)
	var actions []Action
	plan := newPlan("j", g, s, durable, []string{"sink"}, p.now)
	p.state, actions = newState(plan)
	p.history = History{}
	p.history.begin(plan)
	p.print(actions)
}

// play steps through one event.
func (p *player) play(words []string) {
	number := func(i int) int {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			panic(fmt.Sprintf("%q: %v", words, err))
		}
		return n
	}
	task := func() checkpoint.TaskID {
		v, i, _ := strings.Cut(words[1], "/")
		vertex, _ := strconv.Atoi(v)
		index, _ := strconv.Atoi(i)
		return checkpoint.TaskID{Vertex: job.VertexID(vertex), Index: index}
	}
	failure := func(i int) error {
		if len(words) <= i {
			return nil
		}
		return map[string]error{"unavailable": job.ErrUnavailable, "fenced": job.ErrFenced, "invalid": job.ErrInvalid}[words[i]]
	}
	var e Event
	switch words[0] {
	case "life":
		p.life()
		return
	case "begun":
		l, err := checkpoint.Redistribute(nil, p.state.graph, checkpoint.RedistributeOptions{})
		e = Begun{Owner: checkpoint.Owner{Generation: 1, Term: 1, Nonce: "n"}, Number: 1, Layout: l, Err: errors.Join(err, failure(1)), Manifest: p.state.manifest}
		if p.state.manifest != nil {
			b := e.(Begun)
			b.Number = p.state.next + 1
			e = b
		}
	case "placed":
		e = Reported{rpc.Placed{Since: stream.Timestamp(p.now.UnixMilli())}}
	case "deployed":
		e = Reported{rpc.Deployed{Tasks: []checkpoint.TaskID{task()}}}
	case "running":
		if len(words) == 1 {
			for _, id := range p.state.ids {
				p.play([]string{"running", fmt.Sprintf("%d/%d", id.Vertex, id.Index)})
			}
			return
		}
		e = Reported{rpc.Running{Task: task()}}
	case "rescale":
		g := *p.state.graph
		g.Vertices = slices.Clone(g.Vertices)
		g.Vertices[0].Parallelism = number(1)
		e = RescaleRequested{&g}
	case "want":
		e = Reported{rpc.WantSplits{Task: task(), N: number(2)}}
	case "drained":
		e = Reported{rpc.Drained{Task: task()}}
	case "sealed":
		n := number(2)
		h := checkpoint.Handle{Task: task(), Ended: slices.Contains(words, "ended")}
		if slices.Contains(words, "state") {
			h.Tables = []checkpoint.TableState{{Runs: []checkpoint.Run{{File: "old", Bytes: 90}, {File: words[2], Bytes: 10, Newest: stream.Epoch(n)}}}}
		}
		if h.Task.Vertex == 1 {
			h.Committables = map[string][]ops.Pending{"sink": {{Epoch: stream.Epoch(n), Committables: []ops.Committable{[]byte(words[2])}}}}
		}
		e = Reported{rpc.Sealed{Task: task(), Epoch: stream.Epoch(n), Handle: h}}
	case "declined":
		e = Reported{rpc.Declined{Task: task(), Epoch: stream.Epoch(number(2)), Err: job.ErrUnavailable}}
	case "failed":
		e = Reported{rpc.Failed{Task: task(), Err: failure(2)}}
	case "lost":
		e = Reported{rpc.Failed{Task: task(), With: []checkpoint.TaskID{task()}, Gone: true, Err: job.ErrUnavailable}}
	case "canceled":
		r := rpc.Canceled{Number: p.state.cancels}
		if len(words) > 1 {
			r.Tasks = []checkpoint.TaskID{task()}
		}
		e = Reported{r}
	case "renewed":
		l, err := checkpoint.Redistribute(p.state.manifest, p.state.graph, checkpoint.RedistributeOptions{})
		e = Renewed{Owner: checkpoint.Owner{Generation: p.state.owner.Generation + 1, Term: 1, Nonce: "n"}, Number: p.state.next + 1, Layout: l, Err: errors.Join(err, failure(1))}
	case "discovered":
		e = Discovered{Attempt: p.state.attempt, Done: words[1] == "done"}
	case "taken":
		e = Taken{Attempt: p.state.attempt, Task: number(1), Generation: p.state.tasks.at(number(1)).generation, Wanted: number(2), Splits: make([]ops.Split, number(3))}
	case "frozen":
		e = Frozen{Attempt: p.state.attempt, Epoch: stream.Epoch(number(1))}
	case "claimed":
		e = Claimed{Epoch: stream.Epoch(number(1)), Kind: checkpoint.Kind(words[2]), Err: failure(2)}
	case "published":
		e = Published{Epoch: stream.Epoch(number(1)), Err: failure(2)}
	case "recorded":
		e = Recorded{}
	case "stop":
		e = StopRequested{}
	case "ask":
		e = SavepointRequested{ID: uint64(number(2)), Want: map[string]Want{"checkpoint": WantCheckpoint, "savepoint": WantSavepoint, "stop": WantStop, "drain": WantDrain}[words[1]], Target: "to"}
	case "cancel":
		e = CancelRequested{}
	case "exported":
		e = Exported{ID: uint64(number(1)), Path: "path", Err: failure(2)}
	case "after":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			panic(err)
		}
		p.now, e = p.now.Add(d), Tick{}
	}
	before := fmt.Sprintf("%+v", p.state.tasks)
	old := p.state
	next, actions := Step(p.state, p.now, e)
	if fmt.Sprintf("%+v", old.tasks) != before {
		panic("Step has changed the state that it was given")
	}
	again, actions2 := Step(old, p.now, e)
	if !reflect.DeepEqual(actions, actions2) || !reflect.DeepEqual(next, again) {
		panic("Step is not a function")
	}
	p.history.observe(p.now, e, old, next, actions)
	p.state = next
	p.print(actions)
}

// life prints what an observer sees.
func (p *player) life() {
	l, _ := p.history.Life()
	fmt.Fprintf(&p.out, "%v since %v, %d restarts\n", l.Status, l.Entered[l.Status].Sub(l.Started), l.Restarts)
	for _, t := range l.Tasks {
		a := t.Current()
		fmt.Fprintf(&p.out, "task %v: attempt %d %v since %v\n", t.Task, a.Number, a.Status, a.Entered[a.Status].Sub(l.Started))
	}
	c := l.Checkpoints
	fmt.Fprintf(&p.out, "%d triggered, %d completed, %d failed, %d restored\n", c.Triggered, c.Completed, c.Failed, c.Restored)
	for _, r := range c.Recent {
		n, latest := r.Acked()
		size, full := r.Sizes()
		fmt.Fprintf(&p.out, "%v %d %v: %d of %d tasks", r.Kind, r.Epoch, r.Status, n, len(r.Tasks))
		if n > 0 {
			fmt.Fprintf(&p.out, ", the latest at %v, %d of %d bytes", latest.Sub(l.Started), size, full)
		}
		fmt.Fprintf(&p.out, ", took %v %s%s\n", r.Took(p.now), r.Path, r.Failure)
	}
	for _, f := range l.Failures {
		fmt.Fprintf(&p.out, "failure at %v of %v: %v\n", f.At.Sub(l.Started), f.Task, f.Err)
	}
}

func (p *player) print(actions []Action) {
	for _, a := range actions {
		fmt.Fprintln(&p.out, describe(a))
	}
}

func describe(a Action) string {
	switch a := a.(type) {
	case Send:
		switch c := a.Command.(type) {
		case rpc.Deploy:
			if c.Beside {
				return fmt.Sprintf("deploy %v beside others, generation %d, from %d, with %d splits", c.Tasks[0].Task, c.Generation, c.Epoch, len(c.Tasks[0].Splits))
			}
			return fmt.Sprintf("deploy %d tasks", len(c.Tasks))
		case rpc.Assign:
			return fmt.Sprintf("assign %v: %d splits, no more: %v", c.Task, len(c.Splits), c.NoMore)
		case rpc.Inject:
			return fmt.Sprintf("inject %v: %v %d", c.Task, c.Barrier.Kind, c.Barrier.Epoch)
		case rpc.Confirm:
			return fmt.Sprintf("confirm %d", c.Epoch)
		case rpc.Cancel:
			if c.Tasks != nil {
				return fmt.Sprint("cancel ", c.Tasks)
			}
			return "cancel"
		}
	case Renew:
		return fmt.Sprintf("renew for %d tasks from %d", a.Tasks, a.Epoch)
	case Begin:
		return fmt.Sprintf("begin attempt %d", a.Attempt)
	case Discover:
		return "discover"
	case Take:
		return fmt.Sprintf("take %d for task %d", a.N, a.Task)
	case Freeze:
		return fmt.Sprintf("freeze %d", a.Epoch)
	case Claim:
		return fmt.Sprintf("claim %d as %s%s", a.Manifest.Epoch, a.Manifest.Kind, pending(a.Manifest.Pending["sink"]))
	case Publish:
		return fmt.Sprintf("publish%s, force: %v", pending(a.Pending), a.Force)
	case Delete:
		return fmt.Sprint("delete ", a.Files)
	case Export:
		return fmt.Sprintf("export %d for %d to %s", a.Manifest.Epoch, a.ID, a.Target)
	case Answer:
		return fmt.Sprintf("answer %d: %d %s%v", a.ID, a.Epoch, a.Path, a.Err)
	case Record:
		return fmt.Sprintf("record %s at %d", a.Terminal.State, a.Terminal.Epoch)
	case Finish:
		return fmt.Sprintf("finish %s at %d: %v", a.Result.State, a.Result.Epoch, a.Result.Err)
	}
	return fmt.Sprintf("%T", a)
}

func pending(ps []ops.Pending) string {
	var b strings.Builder
	for _, p := range ps {
		fmt.Fprintf(&b, " %d=%s", p.Epoch, p.Committables)
	}
	return b.String()
}
