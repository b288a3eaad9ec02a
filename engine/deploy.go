package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// gates are the receiving ends of the tasks of a deployment.
type gates map[checkpoint.TaskID]*gate

type gate struct {
	exchange.Gate
	local   *exchange.Local // nil when a sender is elsewhere
	inputOf []int           // by channel
	links   []Link          // by channel
	// first[e] is the channel of the first sender on input edge e.
	first map[edgeID]int
}

type edgeID struct {
	from, to job.VertexID
	port     uint8
	input    int
}

func idOf(e job.Edge) edgeID { return edgeID{e.From, e.To, e.Port, e.Input} }

func (g gates) drain() {
	for _, x := range g {
		if l, ok := x.Gate.(*exchange.Local); ok {
			l.Drain()
		}
	}
}

// deploy starts the tasks of c, region by region: in place of all that run here, or
// beside them. When one cannot be built, none is started.
func (w *Worker) deploy(c rpc.Deploy) error {
	if !c.Beside {
		stop(w.taken(nil))
		w.drifts, w.stats = make(map[string]*task.Drift), nil
	}
	builders := make([]*builder, 0, 1)
	starts := make([]func(), 0, len(c.Tasks))
	for _, tasks := range regions(c) {
		part := c
		part.Tasks = tasks
		b, some, err := w.build(part)
		if err != nil {
			for _, b := range builders {
				b.cancel(err)
				b.release()
			}
			return err
		}
		builders, starts = append(builders, b), append(starts, some...)
	}
	var stats []VertexStats
	for _, b := range builders {
		w.running, stats = append(w.running, b.deployment), append(stats, b.stats...)
	}
	w.count(stats)
	for _, b := range builders {
		b.report(b.deployed())
	}
	for _, start := range starts {
		start()
	}
	return nil
}

// regions are the tasks of c by the regions that they are of.
func regions(c rpc.Deploy) [][]rpc.Assignment {
	of, n := c.Graph.Regions()
	all := make([][]rpc.Assignment, n)
	for _, a := range c.Tasks {
		r := of[a.Task.Vertex][a.Task.Index]
		all[r] = append(all[r], a)
	}
	return slices.DeleteFunc(all, func(tasks []rpc.Assignment) bool { return len(tasks) == 0 })
}

// count makes stats those of the tasks that they are of.
func (w *Worker) count(stats []VertexStats) {
	at := make(map[[2]int]int, len(w.stats))
	all := slices.Clone(w.stats) // somebody may read the other
	for i, s := range all {
		at[[2]int{int(s.Vertex), s.Index}] = i
	}
	for _, s := range stats {
		if i, ok := at[[2]int{int(s.Vertex), s.Index}]; ok {
			all[i] = s
		} else {
			all = append(all, s)
		}
	}
	w.stats = all
}

// build builds the channels and the tasks of c, which are of one region.
//
// Every task first gets its gate, with one channel per task that sends to it;
// then routes can be laid, from each vertex of a chain to the gates of the
// chains behind it.
func (w *Worker) build(c rpc.Deploy) (b *builder, starts []func(), err error) {
	base := context.Background()
	if w.o.Context != nil {
		base = w.o.Context(base)
	}
	ctx, cancel := context.WithCancelCause(base)
	d := &deployment{
		worker: w, rpc: c, started: w.o.Clock.Now(), ctx: ctx, cancel: cancel,
		inboxes: make(map[checkpoint.TaskID]chan rpc.Command),
		gates:   make(gates),
		uploads: make(map[checkpoint.TaskID]*uploader),
	}
	if w.o.Exchange != nil {
		d.exchange = w.o.Exchange(c)
	}
	b = &builder{deployment: d, graph: c.Graph, chains: c.Graph.Chains(), here: make(map[checkpoint.TaskID]bool)}
	for _, a := range c.Tasks {
		b.here[a.Task] = true
	}
	for _, a := range c.Tasks {
		b.gate(a.Task)
	}
	for _, a := range c.Tasks {
		start, err := b.task(a)
		if err != nil {
			cancel(err)
			d.release()
			return nil, nil, fmt.Errorf("deploy task %v: %w", a.Task, err)
		}
		starts = append(starts, start)
	}
	return b, starts, nil
}

// deployed says which tasks are here.
func (d *deployment) deployed() rpc.Deployed {
	var r rpc.Deployed
	for _, a := range d.rpc.Tasks {
		r.Tasks = append(r.Tasks, a.Task)
	}
	return r
}

// builder turns assignments into tasks.
type builder struct {
	*deployment
	graph  *job.Graph
	chains []job.Chain
	here   map[checkpoint.TaskID]bool // the tasks of this deployment
}

// drift is a group of sources that wait for one another, whatever regions they are of.
func (b *builder) drift(group string) *task.Drift {
	drifts := b.worker.drifts
	if drifts[group] == nil {
		drifts[group] = task.NewDrift()
	}
	return drifts[group]
}

// chainOf is the chain that vertex v belongs to.
func (b *builder) chainOf(v job.VertexID) job.Chain {
	for _, c := range b.chains {
		if slices.Contains(c.Vertices, v) {
			return c
		}
	}
	panic(fmt.Sprintf("vertex %d is in no chain", v))
}

// gate makes the receiving end of a task that has inputs: in memory when its
// senders are all in this deployment.
func (b *builder) gate(id checkpoint.TaskID) {
	g := &gate{first: make(map[edgeID]int)}
	var links []Link
	local := true
	for _, e := range b.graph.Inputs(id.Vertex) {
		g.first[idOf(e)] = len(links)
		first, senders := 0, b.graph.Vertices[e.From].Parallelism
		if e.Partitioning == job.Forward {
			first, senders = id.Index, 1
		}
		for s := range senders {
			links = append(links, Link{Edge: e, Sender: first + s, Receiver: id.Index})
			g.inputOf = append(g.inputOf, e.Input)
			local = local && b.here[checkpoint.TaskID{Vertex: b.chainOf(e.From).Head(), Index: first + s}]
		}
	}
	if local || b.exchange == nil {
		g.local = exchange.NewLocal(len(links), b.worker.o.ChannelBytes)
		g.Gate = g.local
	} else {
		g.Gate = b.exchange.Gate(links)
	}
	g.links = links
	if l, ok := g.Gate.(*exchange.Local); ok && b.worker.o.Debloat != nil {
		l.Debloat(*b.worker.o.Debloat)
	}
	b.gates[id] = g
}

// routes lays the edges that leave vertex v of a chain for task index.
func (b *builder) routes(c job.Chain, v job.VertexID, index int) (routes [ops.Ports][]*exchange.Route, err error) {
	for _, e := range b.graph.Outputs(v) {
		if e.Port == 0 && v != c.Tail() {
			continue // the next vertex of the chain
		}
		r := exchange.NewRoute(e, b.graph.KeyGroups, b.channels(e, index), b.worker.o.Alloc)
		if e.Partitioning == job.Custom {
			d, err := b.divider(b.graph.Vertices[e.To])
			if err != nil {
				return routes, err
			}
			r.Divide(d)
		}
		routes[e.Port] = append(routes[e.Port], r)
	}
	return routes, nil
}

// divider is what divides rows among the tasks of a sink.
func (b *builder) divider(v job.Vertex) (ops.Divider, error) {
	sc, err := ops.DecodeConfig[ops.SinkConfig](v)
	if err != nil {
		return nil, err
	}
	sink, err := b.worker.openSink(b.ctx, sc.Table)
	if err != nil {
		return nil, err
	}
	d, ok := sink.(ops.Dividing)
	if !ok {
		return nil, fmt.Errorf("%w: %s: connector %q does not divide rows", job.ErrInvalid, v.Label(), sc.Table.Connector)
	}
	return d.Divider(b.ctx, v.Parallelism)
}

// channels are the sending ends of edge e for sender index.
func (b *builder) channels(e job.Edge, index int) []exchange.Channel {
	switch e.Partitioning {
	case job.Forward:
		return []exchange.Channel{b.channel(e, index, index, 0)}
	case job.Gather:
		return []exchange.Channel{b.channel(e, index, 0, index)}
	case job.ByKey, job.Rebalance, job.Broadcast, job.Custom:
	}
	all := make([]exchange.Channel, b.graph.Vertices[e.To].Parallelism)
	for i := range all {
		all[i] = b.channel(e, index, i, index)
	}
	return all
}

// channel is the sending end of one channel, the offset-th of its edge at the
// receiver.
func (b *builder) channel(e job.Edge, sender, receiver, offset int) exchange.Channel {
	to := checkpoint.TaskID{Vertex: e.To, Index: receiver}
	if g := b.gates[to]; g != nil && g.local != nil {
		return g.local.Channel(g.first[idOf(e)] + offset)
	}
	return b.exchange.Channel(Link{Edge: e, Sender: sender, Receiver: receiver})
}

// task builds one task and returns what starts it.
func (b *builder) task(a rpc.Assignment) (start func(), err error) {
	w, c := b.worker, b.chainOf(a.Task.Vertex)
	cfg := task.Config{Alloc: w.o.Alloc, Watermark: a.Watermark, Epoch: b.rpc.Epoch, InFlight: b.inFlight(c, a), Clock: w.o.Clock}
	up := newUploader(b.deployment, a)
	b.uploads[a.Task] = up
	if cfg.State, err = w.o.Backend(b.rpc, a, w.storeOf(b.rpc.Job)); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	up.backend = cfg.State
	for _, v := range c.Vertices {
		st, err := b.stage(c, v, a)
		if err != nil {
			return nil, err
		}
		cfg.Stages = append(cfg.Stages, st)
	}
	cfg.Report, up.stats = up, cfg.Stages[0].Stats
	b.clock(a.Task, cfg.Stages)
	head := b.graph.Vertices[c.Head()]
	if head.Kind == job.KindSource {
		return b.sourceTask(a, cfg, head, up)
	}
	g := b.gates[a.Task]
	if a.Ended {
		return b.endedTask(a, cfg), nil
	}
	b.lend(a.Task, cfg.Stages)
	t := task.New(cfg, g.Gate, g.inputOf, a.Channels)
	return func() { b.run(a.Task, t.Run) }, nil
}

// clock lets the ends of a task's channels add up for how long it waits at them,
// and what passes them.
func (b *builder) clock(id checkpoint.TaskID, stages []task.Stage) {
	stats, now := stages[0].Stats, b.worker.o.Clock.Now
	stats.Latency.Measure(b.worker.o.Latency, b.worker.o.LatencyKept)
	if g := b.gates[id]; g != nil {
		if w, ok := g.Gate.(exchange.Waiter); ok {
			w.OnWait(&stats.Idle, now)
		}
		if l, ok := g.Gate.(*exchange.Local); ok && len(g.inputOf) > 0 {
			l.OnTake(&stats.Here, &stats.Elsewhere)
			look := func() rpc.Queue { return rpc.Queue(l.Queue()) }
			stats.Queue.Store(&look)
		}
	}
	for _, s := range stages {
		for _, routes := range s.Routes {
			for _, r := range routes {
				r.OnWait(&stats.Blocked, now)
				r.OnSend(&stats.Sent)
			}
		}
	}
}

func (b *builder) sourceTask(a rpc.Assignment, cfg task.Config, head job.Vertex, up *uploader) (func(), error) {
	sc, err := ops.DecodeConfig[ops.SourceConfig](head)
	if err != nil {
		return nil, err
	}
	src, err := b.worker.openSource(b.ctx, sc.Scan)
	if err != nil {
		return nil, err
	}
	inbox := make(chan rpc.Command, 64)
	b.inboxes[a.Task] = inbox
	if len(a.Splits) > 0 {
		inbox <- rpc.Assign{Task: a.Task, Splits: a.Splits}
	}
	if a.Ended {
		return b.endedTask(a, cfg), nil
	}
	t := task.NewSource(cfg, src, sc.Watermark, up, inbox)
	if b.worker.o.Overtaking {
		t.Lend(outputs(cfg.Stages))
	}
	if sc.Ticks {
		t.KeepTicking()
	}
	if sc.Watermark != nil && sc.Watermark.Align != nil {
		t.Align(b.drift(sc.Watermark.Align.Group), *sc.Watermark.Align)
	}
	return func() { b.run(a.Task, t.Run) }, nil
}

// endedTask is a task that had ended before the checkpoint: nothing is left to
// do but to say so again.
func (b *builder) endedTask(a rpc.Assignment, cfg task.Config) func() {
	return func() {
		b.run(a.Task, func(ctx context.Context) error { return task.End(ctx, cfg) })
	}
}

func (w *Worker) openSource(ctx context.Context, scan ops.Scan) (ops.Source, error) {
	c, err := w.o.Registry.Connector(scan.Table.Connector)
	if err != nil {
		return nil, err
	}
	if c.Source == nil {
		return nil, fmt.Errorf("%w: connector %q cannot be read", job.ErrInvalid, c.Name)
	}
	return c.Source(ctx, scan)
}

func (w *Worker) openSink(ctx context.Context, t job.Table) (ops.Sink, error) {
	c, err := w.o.Registry.Connector(t.Connector)
	if err != nil {
		return nil, err
	}
	if c.Sink == nil {
		return nil, fmt.Errorf("%w: connector %q cannot be written", job.ErrInvalid, c.Name)
	}
	return c.Sink(ctx, t)
}

// stage builds one vertex of a chain for one task.
func (b *builder) stage(c job.Chain, v job.VertexID, a rpc.Assignment) (task.Stage, error) {
	vx := b.graph.Vertices[v]
	st := task.Stage{
		Info: ops.TaskInfo{
			Job: b.rpc.Job, Vertex: v, UID: vx.UID, Index: a.Task.Index, Parallelism: vx.Parallelism,
			Groups: b.graph.KeyGroups, KeyGroups: a.Groups,
		},
		Stats: &task.Stats{},
	}
	var err error
	if st.Routes, err = b.routes(c, v, a.Task.Index); err != nil {
		return st, err
	}
	st.Stats.Watermark.Store(int64(stream.Start))
	b.stats = append(b.stats, VertexStats{Vertex: v, Index: a.Task.Index, Stats: st.Stats})
	switch vx.Kind {
	case job.KindSource:
		return st, nil
	case job.KindSink:
		sc, err := ops.DecodeConfig[ops.SinkConfig](vx)
		if err != nil {
			return st, err
		}
		sink, err := b.worker.openSink(b.ctx, sc.Table)
		if err != nil {
			return st, err
		}
		st.Op = task.NewSink(sink)
		return st, nil
	}
	op, err := b.worker.o.Registry.Operator(vx, b.graph.InputSchemas(v))
	st.Op, st.Open = op, b.worker.openSource
	return st, err
}
