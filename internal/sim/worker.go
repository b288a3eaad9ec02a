package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// worker runs the tasks of one process, or some of them: engine.Worker with
// coroutines in place of goroutines. The keyed tasks are real ones; the source task is a model of
// engine/task.Source, which waits on Go channels.
type worker struct {
	w     *world
	of    *process // nil when tasks do not share its fate
	post  func(rpc.Report)
	store checkpoint.Store
	table *target
	bugs  mutant.Set
	// gates are the receiving ends of all tasks, here and elsewhere.
	gates map[gateKey]*gate
	// stage, if not nil, is the stage of which the tasks are: their channels are
	// durable.
	stage *stageLinks
	// fails is how rare the failure of a task is, or 0 for none.
	fails int
	// pace is how many milliseconds a source may rest.
	pace int

	running []*deployment // by region
}

var _ coordinator.Worker = (*worker)(nil)

// alone is the worker of a process that has no other, and whose tasks may outlive
// it: nobody has told them that it is dead.
func (h *host) alone(store checkpoint.Store, t *target) *worker {
	post := func(r rpc.Report) { h.Post(coordinator.Reported{Report: r}) }
	return &worker{w: h.w, post: post, store: store, table: t, gates: map[gateKey]*gate{}}
}

func (w *worker) Reports() <-chan rpc.Report { return nil }

func (w *worker) report(d *deployment, r rpc.Report) {
	if !d.process.gone() {
		w.post(r)
	}
}

// Send obeys at once: commands to a task keep their order.
func (w *worker) Send(c rpc.Command) error {
	switch c := c.(type) {
	case rpc.Deploy:
		w.deploy(c)
	case rpc.Assign:
		w.toSource(c.Task, c)
	case rpc.Inject:
		w.toSource(c.Task, c)
	case rpc.Confirm:
		for _, d := range w.running {
			for _, u := range d.uploads {
				u.confirm(c.Epoch)
			}
		}
	case rpc.Cancel:
		w.kill(c.Tasks)
		w.post(rpc.Canceled(c))
	}
	return nil
}

// kill ends the regions of tasks, nil meaning all.
func (w *worker) kill(tasks []checkpoint.TaskID) {
	w.running = slices.DeleteFunc(w.running, func(d *deployment) bool {
		if tasks == nil || slices.ContainsFunc(tasks, func(id checkpoint.TaskID) bool { return d.has(id) }) {
			d.process.dead = true
		}
		return d.process.dead
	})
}

func (w *worker) toSource(id checkpoint.TaskID, c rpc.Command) {
	for _, d := range w.running {
		if d.sources[id] != nil {
			d.sources[id].inbox = append(d.sources[id].inbox, c)
		}
	}
}

// deployment is the tasks of one region; they die together.
type deployment struct {
	rpc.Deploy
	process *process
	sources map[checkpoint.TaskID]*source
	uploads []*uploader
}

func (d *deployment) has(id checkpoint.TaskID) bool {
	return slices.ContainsFunc(d.Tasks, func(a rpc.Assignment) bool { return a.Task == id })
}

func (w *worker) deploy(c rpc.Deploy) {
	if !c.Beside {
		w.kill(nil)
	}
	of, n := c.Graph.Regions()
	parts := make([][]rpc.Assignment, n)
	for _, a := range c.Tasks {
		r := of[a.Task.Vertex][a.Task.Index]
		parts[r] = append(parts[r], a)
		if slices.ContainsFunc(w.running, func(d *deployment) bool { return d.has(a.Task) }) {
			w.w.violate("task %v is started beside itself", a.Task)
		}
	}
	for r, tasks := range parts {
		if len(tasks) > 0 {
			d := c
			d.Tasks = tasks
			w.start(d, r)
		}
	}
}

// start starts the tasks of c, which are of a region.
func (w *worker) start(c rpc.Deploy, region int) {
	d := &deployment{
		Deploy: c, process: &process{name: fmt.Sprintf("tasks of generation %d, region %d", c.Generation, region), in: w.of},
		sources: map[checkpoint.TaskID]*source{},
	}
	w.running = append(w.running, d)
	var deployed rpc.Deployed
	for _, a := range c.Tasks {
		deployed.Tasks = append(deployed.Tasks, a.Task)
		if a.Task.Vertex >= sourceVertices && !w.sealed(d, a.Task) {
			w.gates[gateKey{c.Generation, a.Task}] = newGate(w.w, d.process, len(channelsOf(c.Graph, a.Task)))
		}
	}
	w.report(d, deployed)
	for _, a := range c.Tasks {
		up := &uploader{w: w, d: d, a: a, sink: sinkOf(a.Task.Vertex)}
		up.backend = state.NewMemory(state.Options{
			Generation: c.Generation, Task: a.Task, Groups: a.Groups, KeyGroups: c.Graph.KeyGroups, Durable: c.Durable,
			Restored: a.Tables, Store: checkpoint.Sub(w.store, string(c.Job)), MaxRuns: 2, Compression: state.Uncompressed, Bugs: w.bugs,
		})
		d.uploads = append(d.uploads, up)
		w.w.spawn(d.process, up.run)
		if a.Task.Vertex < sourceVertices {
			w.startSource(d, a, up)
		} else {
			w.startTask(d, a, up)
		}
	}
}

// sender is where a channel comes from.
type sender struct {
	task checkpoint.TaskID
	edge job.Edge
}

// channelsOf are the channels of a task.
func channelsOf(g *job.Graph, id checkpoint.TaskID) (all []sender) {
	for _, e := range g.Inputs(id.Vertex) {
		for i := range g.Vertices[e.From].Parallelism {
			if e.Partitioning != job.Forward || i == id.Index {
				all = append(all, sender{checkpoint.TaskID{Vertex: e.From, Index: i}, e})
			}
		}
	}
	return all
}

// sealed reports whether a task is in another process, or stage, than those that
// send to it and have ended before.
func (w *worker) sealed(d *deployment, id checkpoint.TaskID) bool {
	return w.stage != nil && !slices.ContainsFunc(channelsOf(d.Graph, id), func(s sender) bool { return d.has(s.task) && d.has(id) })
}

// routes are the edges from a source task.
func (w *worker) routes(d *deployment, of checkpoint.TaskID) (all []*exchange.Route) {
	for _, e := range d.Graph.Outputs(of.Vertex) {
		var to []exchange.Channel
		for i := range d.Graph.Vertices[e.To].Parallelism {
			id := checkpoint.TaskID{Vertex: e.To, Index: i}
			ch := slices.IndexFunc(channelsOf(d.Graph, id), func(s sender) bool { return s.task == of })
			switch {
			case ch < 0:
			case w.sealed(d, id):
				to = append(to, w.stage.channel(e, of, i))
			default:
				to = append(to, channel{w, gateKey{d.Generation, id}, ch})
			}
		}
		all = append(all, exchange.NewRoute(e, d.Graph.KeyGroups, to, memory.DefaultAllocator))
	}
	return all
}

// failure is that of a machine, now and then.
func (w *worker) failure() error {
	if w.fails > 0 && w.w.chance(w.fails) {
		return fmt.Errorf("%w: the machine is gone", job.ErrUnavailable)
	}
	return nil
}

func (w *worker) startTask(d *deployment, a rpc.Assignment, up *uploader) {
	cfg := task.Config{State: up.backend, Report: up, Alloc: memory.DefaultAllocator, Watermark: a.Watermark, Clock: clock{w.w}}
	var op ops.Operator = copier{a.Task.Vertex, w.failure}
	if a.Task.Vertex == counterVertex {
		op = &counter{w: w.w, fails: w.failure}
	}
	for i, op := range []ops.Operator{op, task.NewSink(table{w.table})} {
		v := d.Graph.Vertices[int(a.Task.Vertex)+i]
		cfg.Stages = append(cfg.Stages, task.Stage{Op: op, Stats: &task.Stats{}, Info: ops.TaskInfo{
			Job: d.Job, Vertex: v.ID, UID: v.UID, Index: a.Task.Index, Parallelism: v.Parallelism,
			Groups: d.Graph.KeyGroups, KeyGroups: a.Groups,
		}})
	}
	var g exchange.Gate
	if w.sealed(d, a.Task) {
		g = w.stage.gate(d.Graph, a.Task)
	} else {
		g = w.gates[gateKey{d.Generation, a.Task}]
	}
	var inputs []int
	for _, s := range channelsOf(d.Graph, a.Task) {
		inputs = append(inputs, s.edge.Input)
	}
	w.w.spawn(d.process, func() {
		run := task.New(cfg, g, inputs, a.Channels).Run
		if a.Ended {
			run = func(ctx context.Context) error { return task.End(ctx, cfg) }
		}
		w.end(d, a.Task, up, run(context.Background()))
	})
}

// end reports how a task ended.
func (w *worker) end(d *deployment, id checkpoint.TaskID, up *uploader, err error) {
	if errors.Is(err, exchange.ErrSealed) { // what it has sealed says everything
		return
	}
	if err != nil {
		w.report(d, rpc.Failed{Task: id, Err: err})
		return
	}
	w.w.parkFor(func() bool { return len(up.queue) == 0 && !up.busy })
	w.report(d, rpc.Ended{Task: id})
}

// uploader copies sealed epochs to storage beside its task, and keeps receipts
// until they are confirmed, as that of engine does.
type uploader struct {
	w       *worker
	d       *deployment
	a       rpc.Assignment
	backend *state.Memory
	sink    string // that of the task
	queue   []sealed
	busy    bool
	pending []ops.Pending
}

type sealed struct {
	task.Snapshot
	frozen state.Frozen
}

func (u *uploader) Running() { u.w.report(u.d, rpc.Running{Task: u.a.Task}) }

func (u *uploader) Sealed(s task.Snapshot, frozen state.Frozen) {
	u.queue = append(u.queue, sealed{s, frozen})
	u.w.w.pause()
}

func (u *uploader) confirm(e stream.Epoch) {
	u.backend.Confirm(e)
	for len(u.pending) > 0 && u.pending[0].Epoch <= e {
		u.pending = u.pending[1:]
	}
}

func (u *uploader) run() {
	for {
		u.w.w.parkFor(func() bool { return len(u.queue) > 0 })
		s := u.queue[0]
		u.queue, u.busy = u.queue[1:], true
		tables, err := s.frozen.Upload(context.Background(), checkpoint.Sub(u.w.store, string(u.d.Job)))
		s.frozen.Release()
		h := checkpoint.Handle{
			Task: u.a.Task, Groups: u.a.Groups, Tables: tables, Splits: s.Splits, Channels: s.Channels,
			Watermark: s.Watermark, Ended: s.Ended,
		}
		u.pending = append(u.pending, ops.Pending{Epoch: s.Barrier.Epoch, Committables: s.Committables[u.sink]})
		h.Committables = map[string][]ops.Pending{u.sink: append([]ops.Pending(nil), u.pending...)}
		u.busy = false
		if err != nil {
			u.w.report(u.d, rpc.Declined{Task: u.a.Task, Epoch: s.Barrier.Epoch, Err: err})
			continue
		}
		u.w.report(u.d, rpc.Sealed{Task: u.a.Task, Epoch: s.Barrier.Epoch, Handle: h})
	}
}

// gateKey finds a gate.
type gateKey struct {
	generation checkpoint.Generation
	task       checkpoint.TaskID
}

// gate is a bounded exchange.Gate that parks.
type gate struct {
	w       *world
	of      *process
	q       [][]stream.Element
	blocked []bool
	open    int
}

var _ exchange.Gate = (*gate)(nil)

func newGate(w *world, of *process, channels int) *gate {
	return &gate{w: w, of: of, q: make([][]stream.Element, channels), blocked: make([]bool, channels), open: channels}
}

func (g *gate) some() []int {
	var can []int
	for ch := range g.q {
		if !g.blocked[ch] && len(g.q[ch]) > 0 {
			can = append(can, ch)
		}
	}
	return can
}

func (g *gate) any() bool {
	for ch := range g.q {
		if !g.blocked[ch] && len(g.q[ch]) > 0 {
			return true
		}
	}
	return g.open == 0
}

func (g *gate) Next(context.Context) (stream.Element, int, error) {
	g.w.parkFor(g.any)
	can := g.some()
	if len(can) == 0 {
		return nil, 0, io.EOF
	}
	ch := can[g.w.rnd.IntN(len(can))]
	e := g.q[ch][0]
	g.q[ch] = g.q[ch][1:]
	if _, end := e.(stream.EndOfInput); end {
		g.open--
	}
	return e, ch, nil
}

func (g *gate) Block(ch int)   { g.blocked[ch] = true }
func (g *gate) Unblock(ch int) { g.blocked[ch] = false }

// channel is the sending end of a channel of a gate, which may be elsewhere, and
// which may not be there yet.
type channel struct {
	w  *worker
	to gateKey
	ch int
}

func (c channel) Send(_ context.Context, e stream.Element) error {
	gates := c.w.gates
	c.w.w.parkFor(func() bool {
		g := gates[c.to]
		return g != nil && (g.of.gone() || len(g.q[c.ch]) < 3)
	})
	g := gates[c.to]
	if g.of.gone() {
		return fmt.Errorf("%w: the receiver is gone", job.ErrUnavailable)
	}
	g.q[c.ch] = append(g.q[c.ch], e)
	return nil
}
