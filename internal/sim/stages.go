package sim

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// stages runs the stages of brief gears: engine/stage with coroutines in place of
// goroutines. Channels are the real durable ones.
type stages struct {
	w     *world
	of    *process
	store checkpoint.Store
	table *target
	bugs  mutant.Set
	fails int
	pace  int
	runs  int
}

var _ coordinator.Launcher = (*stages)(nil)

// Run runs the tasks of one stage for one epoch.
func (s *stages) Run(ctx context.Context, spec stage.Spec) (stage.Result, error) {
	s.runs++
	r := &stageRun{w: s.w, spec: spec, waiting: map[checkpoint.TaskID]bool{}, asked: map[checkpoint.TaskID]bool{}, resting: map[checkpoint.TaskID]bool{}}
	of := &process{name: fmt.Sprintf("stage %d", s.runs), in: s.of}
	defer func() { of.dead = true }()
	links := &stageLinks{spec: spec, attempt: fmt.Sprint(s.runs), store: checkpoint.Sub(s.store, string(spec.Job)), outputs: map[checkpoint.TaskID]*durable.Output{}}
	r.worker = &worker{w: s.w, of: of, store: s.store, table: s.table, bugs: s.bugs, fails: s.fails, pace: s.pace, stage: links, post: r.on, gates: map[gateKey]*gate{}}
	for _, a := range spec.Tasks {
		r.waiting[a.Task] = true
	}
	_ = r.worker.Send(rpc.Deploy{Job: spec.Job, Generation: spec.Generation, Graph: spec.Graph, Durable: true, Tasks: spec.Tasks})
	late := s.w.now.Add(spec.Wait)
	for !r.done() {
		over := func() bool {
			return ctx.Err() != nil || r.err != nil || r.done() || spec.Wait > 0 && !r.sent && !s.w.now.Before(late)
		}
		if spec.Wait > 0 && !r.sent {
			s.w.park(over, late)
		} else {
			s.w.parkFor(over)
		}
		switch {
		case ctx.Err() != nil:
			return stage.Result{}, context.Cause(ctx)
		case r.err != nil:
			return stage.Result{}, r.err
		case !r.done() && !r.sent:
			r.inject()
		}
	}
	sent, err := links.seal(ctx)
	return stage.Result{Handles: r.handles, Sent: sent}, err
}

// stageRun is the coordinator of one stage, as that of engine/stage.
type stageRun struct {
	w       *world
	spec    stage.Spec
	worker  *worker
	waiting map[checkpoint.TaskID]bool // tasks that have neither sealed nor ended
	asked   map[checkpoint.TaskID]bool // source tasks that have their splits
	resting map[checkpoint.TaskID]bool // source tasks that wait for the barrier
	sent    bool
	ended   int
	handles []checkpoint.Handle
	err     error
}

func (r *stageRun) done() bool {
	n := 0
	for _, h := range r.handles {
		if h.Ended {
			n++
		}
	}
	return len(r.waiting) == 0 && r.ended >= n
}

// on takes what a task reports.
func (r *stageRun) on(rep rpc.Report) {
	switch rep := rep.(type) {
	case rpc.WantSplits:
		splits, first := r.spec.Splits[rep.Task.Index], !r.asked[rep.Task]
		if r.asked[rep.Task] = true; !first || splits == nil && !r.spec.NoMore {
			r.rest(rep.Task)
			return
		}
		_ = r.worker.Send(rpc.Assign{Task: rep.Task, Splits: append([]ops.Split(nil), splits...), NoMore: r.spec.NoMore, Rows: r.spec.Rows})
	case rpc.Drained:
		r.rest(rep.Task)
	case rpc.Paused:
		r.rest(rep.Task)
	case rpc.Sealed:
		if rep.Epoch == r.spec.Epoch {
			delete(r.waiting, rep.Task)
			r.handles = append(r.handles, rep.Handle)
		}
	case rpc.Ended:
		r.ended++
		if r.waiting[rep.Task] { // it had ended in an earlier epoch
			delete(r.waiting, rep.Task)
			r.ended--
		}
	case rpc.Declined:
		r.err = rep.Err
	case rpc.Failed:
		r.err = rep.Err
	case rpc.Canceled, rpc.Placed, rpc.Deployed, rpc.Running:
	}
}

func (r *stageRun) rest(id checkpoint.TaskID) {
	r.resting[id] = true
	if len(r.resting) == len(r.sources()) && !r.sent {
		r.inject()
	}
}

func (r *stageRun) inject() {
	r.sent = true
	for _, id := range r.sources() {
		_ = r.worker.Send(rpc.Inject{Task: id, Barrier: stream.Barrier{Epoch: r.spec.Epoch, Kind: stream.Stop}})
	}
}

// sources are the source tasks that had not ended before.
func (r *stageRun) sources() (all []checkpoint.TaskID) {
	for _, a := range r.spec.Tasks {
		if !a.Ended && a.Task.Vertex < sourceVertices {
			all = append(all, a.Task)
		}
	}
	return all
}

// stageLinks are the durable channels of a stage.
type stageLinks struct {
	spec    stage.Spec
	attempt string
	store   checkpoint.Store
	outputs map[checkpoint.TaskID]*durable.Output
}

// edgeName is what engine/stage calls an edge.
func edgeName(e job.Edge) string { return fmt.Sprintf("%d.%d-%d.%d", e.From, e.Port, e.To, e.Input) }

func (l *stageLinks) channel(e job.Edge, of checkpoint.TaskID, receiver int) exchange.Channel {
	out := l.outputs[of]
	if out == nil {
		out = durable.NewOutput(durable.Name{Epoch: l.spec.Epoch, Task: of, Attempt: l.attempt}, l.store, memory.DefaultAllocator, durable.Inline)
		l.outputs[of] = out
	}
	return out.Channel(edgeName(e), receiver)
}

// gate reads what the sources have sealed for a task behind them.
func (l *stageLinks) gate(g *job.Graph, of checkpoint.TaskID) exchange.Gate {
	var all []durable.Channel
	for _, s := range channelsOf(g, of) {
		all = append(all, durable.Channel{Edge: edgeName(s.edge), Sender: s.task, Receiver: of.Index})
	}
	return durable.NewGate(all, l.spec.Inputs, l.store, memory.DefaultAllocator)
}

func (l *stageLinks) seal(ctx context.Context) (all []durable.Sent, err error) {
	for _, a := range l.spec.Tasks {
		if out := l.outputs[a.Task]; out != nil {
			sent, err := out.Seal(ctx)
			if err != nil {
				return nil, err
			}
			all = append(all, sent)
		}
	}
	return all, nil
}
