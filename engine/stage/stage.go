// Package stage runs one stage of a job for one epoch: the tasks of one chain
// start, restore, read the epoch's sealed input, seal it, and exit. A job runs
// in the staged gear as a sequence of such runs, each in a process, a container
// or a function of its own; between them there is only storage.
package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Spec is what to run: a document that can be sent to another process.
type Spec struct {
	Job        job.ID                `json:"job"`
	Generation checkpoint.Generation `json:"generation"`
	Graph      *job.Graph            `json:"graph"`
	Epoch      stream.Epoch          `json:"epoch"`
	// Tasks are some or all of a stage of the graph; those of its first chain come
	// first, and of each index there are those of all chains.
	Tasks []checkpoint.Assignment `json:"tasks"`
	// Splits are those of each source task, by its index; with NoMore set, none
	// will follow in later epochs.
	Splits map[int][]ops.Split `json:"splits,omitempty"`
	NoMore bool                `json:"noMore,omitempty"`
	// Until is up to where they are read, for those that do not end.
	Until map[int][]ops.Split `json:"until,omitempty"`
	// Inputs is what the tasks before these have sent in the epoch.
	Inputs []durable.Sent `json:"inputs,omitempty"`
	// Rows is how many rows, at about, each source task reads before the epoch
	// ends; 0 means all that it has.
	Rows int64 `json:"rows,omitempty"`
	// Wait is how long, at most, the source tasks read before the epoch ends;
	// 0 means until all rest.
	Wait time.Duration `json:"waitNanos,omitempty"`
	// Beside says that the stages behind this one run in the same process: what is sent
	// need not go through storage.
	Beside bool `json:"beside,omitempty"`
}

// inline is how much of what a task sends stays in the result.
func (s Spec) inline() int {
	if s.Beside {
		return durable.Beside
	}
	return durable.Inline
}

// Result is what the tasks hold at the end of the epoch.
type Result struct {
	Handles []checkpoint.Handle `json:"handles"`
	Sent    []durable.Sent      `json:"sent,omitempty"`
	Counts  []Count             `json:"counts,omitempty"`
	// Usage is what has been used for it elsewhere, as far as it is known: of all
	// invocations, those too whose result does not count.
	Usage cost.Usage `json:"usage,omitzero"`
	// Took is how long it took; of several runs, the longest.
	Took time.Duration `json:"tookNanos,omitempty"`
}

// ErrElsewhere is how who runs stages says that the tasks of one run, and that their
// end need not be waited for.
var ErrElsewhere = fmt.Errorf("%w: the tasks run elsewhere", job.ErrUnavailable)

// Count is what one task has counted at one vertex during the epoch.
type Count = rpc.Count

// Run runs s. The options need a Store, the checkpoint directory: the channels
// lie in the job's part of it, as its state does. Their Exchange is replaced.
// No two attempts at the same tasks may have the same name.
func Run(ctx context.Context, s Spec, attempt string, o engine.Options) (Result, error) {
	links := newLinks(s, attempt, o)
	o.Exchange = func(rpc.Deploy) engine.Exchange { return links }
	w := engine.NewWorker(o)
	defer func() { _ = w.Close() }() // it waits for tasks, and has nothing to say
	r := run{spec: s, worker: w, waiting: make(map[checkpoint.TaskID]bool), resting: make(map[checkpoint.TaskID]bool), asked: make(map[checkpoint.TaskID]bool)}
	for _, a := range s.Tasks {
		r.waiting[a.Task] = true
	}
	if err := w.Send(rpc.Deploy{Job: s.Job, Generation: s.Generation, Graph: s.Graph, Durable: true, Tasks: s.Tasks}); err != nil {
		return Result{}, err
	}
	began := o.Clock.Now()
	res, err := r.loop(ctx, o.Clock)
	if err != nil {
		return Result{}, err
	}
	res.Counts = w.Counts()
	res.Sent, err = links.seal(ctx)
	res.Took = o.Clock.Now().Sub(began)
	return res, err
}

// run is the coordinator of one stage.
type run struct {
	spec    Spec
	worker  *engine.Worker
	waiting map[checkpoint.TaskID]bool // tasks that have neither sealed nor ended
	asked   map[checkpoint.TaskID]bool // source tasks that have their splits
	resting map[checkpoint.TaskID]bool // source tasks that wait for the barrier
	sent    bool                       // the barrier
	result  Result
	ended   int
}

func (r *run) loop(ctx context.Context, clock task.Clock) (Result, error) {
	var late <-chan time.Time
	if r.spec.Wait > 0 {
		late = clock.After(r.spec.Wait)
	}
	for len(r.waiting) > 0 || r.ended < r.ending() {
		select {
		case rep := <-r.worker.Reports():
			if err := r.on(rep); err != nil {
				return Result{}, err
			}
		case <-late:
			if !r.sent {
				if err := r.inject(stream.Stop); err != nil {
					return Result{}, err
				}
			}
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}
	return r.result, nil
}

// ending is how many tasks end with this epoch: they have more to send behind
// the barrier that they have sealed.
func (r *run) ending() (n int) {
	for _, h := range r.result.Handles {
		if h.Ended {
			n++
		}
	}
	return n
}

func (r *run) on(rep rpc.Report) error {
	switch rep := rep.(type) {
	case rpc.WantSplits:
		return r.assign(rep.Task)
	case rpc.Drained:
		return r.rest(rep.Task)
	case rpc.Paused:
		return r.rest(rep.Task)
	case rpc.Sealed:
		if rep.Epoch == r.spec.Epoch {
			delete(r.waiting, rep.Task)
			r.result.Handles = append(r.result.Handles, rep.Handle)
		}
	case rpc.Ended:
		r.ended++
		if r.waiting[rep.Task] { // it had ended in an earlier epoch
			delete(r.waiting, rep.Task)
			r.ended--
		}
	case rpc.Declined:
		return rep.Err
	case rpc.Failed:
		return rep.Err
	case rpc.Canceled, rpc.Placed, rpc.Deployed, rpc.Running:
	}
	return nil
}

// sources are the source tasks that had not ended before.
func (r *run) sources() (all []checkpoint.TaskID) {
	for _, a := range r.spec.Tasks {
		if !a.Ended && r.spec.Graph.Vertices[a.Task.Vertex].Kind == job.KindSource {
			all = append(all, a.Task)
		}
	}
	return all
}

// assign gives a task its splits when it first asks. One that asks again has
// read them, and more will come in later epochs only.
func (r *run) assign(id checkpoint.TaskID) error {
	splits, first := r.spec.Splits[id.Index], !r.asked[id]
	if r.asked[id] = true; !first || splits == nil && !r.spec.NoMore {
		return r.rest(id)
	}
	return r.worker.Send(rpc.Assign{Task: id, Splits: splits, NoMore: r.spec.NoMore, Rows: r.spec.Rows, Whole: true, Until: r.spec.Until[id.Index]})
}

// rest notes that a source task waits for the barrier. When all do, the epoch
// ends. The barrier is one that stops: the next epoch is another stage's run.
func (r *run) rest(id checkpoint.TaskID) error {
	r.resting[id] = true
	if len(r.resting) < len(r.sources()) || r.sent {
		return nil
	}
	return r.inject(stream.Stop)
}

func (r *run) inject(kind stream.BarrierKind) error {
	r.sent = true
	for _, id := range r.sources() {
		if err := r.worker.Send(rpc.Inject{Task: id, Barrier: stream.Barrier{Epoch: r.spec.Epoch, Kind: kind}}); err != nil {
			return err
		}
	}
	return nil
}
