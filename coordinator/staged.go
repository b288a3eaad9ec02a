package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Launcher runs one stage of a job for one epoch: in this process, in another,
// in a container or a function. It returns when the stage has ended, and at the
// end of ctx soon. Errors keep their class: job.ErrInvalid,
// checkpoint.ErrCorrupt, or neither, which is worth another try.
type Launcher interface {
	Run(ctx context.Context, s stage.Spec) (stage.Result, error)
}

// stages is the Worker of the brief gears. To the coordinator it looks like
// tasks that live long; in truth a barrier is what starts them, one stage after
// the other, with the splits that were assigned before it:
//
//	Deploy ─► Running, WantSplits ⇄ Assign ─► Inject n ─► run stage 1, 2, …; Sealed, Ended ─► Confirm n
//	                       ▲                                             │ next epoch
//	                       └─────────────────────────────────────────────┘
//
// Source tasks ask for one split at a time, in turn, so that all get their
// part. One that will get no more is said to be drained: nothing is worth
// waiting for, so the coordinator injects the barrier at once.
type stages struct {
	ctx      context.Context //nolint:containedctx // the life of all deployments
	launcher Launcher
	host     Host
	store    checkpoint.Store
	rows     int64
	wait     time.Duration // the longest that a source task reads; 0 means as long as it takes
	log      *slog.Logger
	lone     *lone // of a driverless job, or nil
	bugs     mutant.Set

	running *staging
}

var _ Worker = (*stages)(nil)

// Leave drops the epoch that runs: another coordinator begins it again.
func (w *stages) Leave() {
	if w.running != nil {
		w.running.cancel(ErrSuspend)
	}
}

// Reports is nil: reports go to the coordinator's queue.
func (w *stages) Reports() <-chan rpc.Report { return nil }

// Send obeys a command. Epochs run beside it.
func (w *stages) Send(c rpc.Command) error {
	switch c := c.(type) {
	case rpc.Deploy:
		w.deploy(c)
	case rpc.Assign:
		w.running.assign(c)
	case rpc.Inject:
		w.running.inject(c)
	case rpc.Confirm:
		w.running.confirm(c.Epoch)
	case rpc.Cancel:
		d := w.running
		if d == nil {
			w.host.Post(Reported{rpc.Canceled{}})
			return nil
		}
		d.cancel(errCanceled)
		epoch := d.epoch
		w.host.Go(func() {
			if epoch != nil {
				w.host.Await(w.ctx, epoch, unlimited)
			}
			w.host.Post(Reported{rpc.Canceled{}})
		})
	}
	return nil
}

var errCanceled = fmt.Errorf("canceled by the coordinator")

// staging is one attempt at the job: what its tasks hold between two epochs.
type staging struct {
	*stages
	deploy rpc.Deploy
	waves  [][]job.Chain   // the stages of the graph
	ctx    context.Context //nolint:containedctx // the life of the attempt
	cancel context.CancelCauseFunc
	epoch  chan struct{} // closed at the end of the newest epoch; nil before the first

	mu    sync.Mutex
	tasks map[checkpoint.TaskID]*stagedTask
}

// stagedTask is a task between two epochs.
type stagedTask struct {
	source   bool
	handle   checkpoint.Handle // at the end of the last epoch, or as restored
	splits   []ops.Split       // assigned, and not read to their end
	noMore   bool
	injected stream.Epoch
	// unconfirmed are the committables of epochs that may have been aborted:
	// they are reported again.
	unconfirmed map[string][]ops.Pending
	// inFlight was on its way in the checkpoint that was restored, for the first epoch.
	inFlight []checkpoint.Flow
}

func (w *stages) deploy(c rpc.Deploy) {
	d := &staging{stages: w, deploy: c, waves: c.Graph.Stages(), tasks: make(map[checkpoint.TaskID]*stagedTask)}
	d.ctx, d.cancel = context.WithCancelCause(w.ctx)
	before := w.running
	w.running = d
	for _, a := range c.Tasks { // they run when their barrier comes
		d.post(rpc.Running{Task: a.Task})
	}
	for _, a := range c.Tasks {
		t := &stagedTask{source: c.Graph.Vertices[a.Task.Vertex].Kind == job.KindSource, handle: handleOf(a), inFlight: a.InFlight}
		if before != nil && before.tasks[a.Task] != nil && w.bugs.StagesRemember {
			t.handle = before.tasks[a.Task].handle
		}
		d.tasks[a.Task] = t
		if t.source && !a.Ended {
			d.post(rpc.WantSplits{Task: a.Task, N: 1})
		}
	}
}

// handleOf is what a task holds before its first epoch.
func handleOf(a checkpoint.Assignment) checkpoint.Handle {
	return checkpoint.Handle{
		Task: a.Task, Groups: a.Groups, Tables: a.Tables, Channels: a.Channels,
		Watermark: a.Watermark, NextTick: a.NextTick, Ended: a.Ended,
	}
}

func (d *staging) post(r rpc.Report) { d.host.Post(Reported{r}) }

func (d *staging) assign(c rpc.Assign) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tasks[c.Task]
	t.splits = append(t.splits, c.Splits...)
	if t.noMore = t.noMore || c.NoMore; t.noMore {
		d.post(rpc.Drained{Task: c.Task})
		return
	}
	d.post(rpc.WantSplits{Task: c.Task, N: 1})
}

// inject begins the epoch when every source task has its barrier.
func (d *staging) inject(c rpc.Inject) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks[c.Task].injected = c.Barrier.Epoch
	for _, t := range d.tasks {
		if t.source && !t.handle.Ended && t.injected != c.Barrier.Epoch {
			return
		}
	}
	specs, err := d.planned(c.Barrier.Epoch)
	if err != nil {
		d.post(rpc.Failed{Task: c.Task, Err: err})
		return
	}
	ended := make(chan struct{})
	d.epoch = ended
	d.host.Go(func() {
		defer close(ended)
		d.run(c.Barrier.Epoch, specs)
	})
}

// planned are the stages of an epoch: as its plan says, if it has one.
func (d *staging) planned(e stream.Epoch) ([]stage.Spec, error) {
	if d.lone != nil {
		return slices.Clone(d.lone.plan.Stages), nil
	}
	return d.specs(e)
}

// specs are the stages of an epoch, in topological order. Splits that are
// assigned from now on are for the next.
func (d *staging) specs(e stream.Epoch) ([]stage.Spec, error) {
	layout, err := checkpoint.Redistribute(d.standing(), d.deploy.Graph, checkpoint.RedistributeOptions{Again: true})
	if err != nil {
		return nil, err
	}
	specs := make([]stage.Spec, len(d.waves))
	for i, chains := range d.waves {
		s := stage.Spec{Job: d.deploy.Job, Generation: d.deploy.Generation, Graph: d.deploy.Graph, Epoch: e}
		for _, c := range chains {
			for _, a := range layout.Tasks {
				if a.Task.Vertex == c.Head() {
					a.InFlight = d.tasks[a.Task].inFlight
					s.Tasks = append(s.Tasks, a)
				}
			}
		}
		if d.deploy.Graph.Vertices[chains[0].Head()].Kind == job.KindSource {
			d.reads(&s)
		}
		specs[i] = s
	}
	return specs, nil
}

// reads gives the source tasks of a stage what they read.
func (d *staging) reads(s *stage.Spec) {
	s.Rows, s.Wait, s.NoMore, s.Splits = d.rows, d.wait, true, make(map[int][]ops.Split)
	for _, a := range s.Tasks {
		t := d.tasks[a.Task]
		if !t.source {
			continue
		}
		s.NoMore = s.NoMore && (t.noMore || a.Ended)
		if len(t.splits) > 0 {
			s.Splits[a.Task.Index] = t.splits
		}
		t.splits = nil
	}
}

// standing is what the tasks hold, as a checkpoint.
func (d *staging) standing() *checkpoint.Manifest {
	m := &checkpoint.Manifest{KeyGroups: d.deploy.Graph.KeyGroups, Vertices: checkpoint.VerticesOf(d.deploy.Graph)}
	for _, a := range d.deploy.Tasks {
		m.Handles = append(m.Handles, d.tasks[a.Task].handle)
	}
	return m
}

// run runs the stages of an epoch and reports what they hold at its end.
func (d *staging) run(e stream.Epoch, specs []stage.Spec) {
	var handles []checkpoint.Handle
	var sent []durable.Sent
	if d.lone != nil {
		d.lone.ran = nil
	}
	launcher := d.launcher
	if d.lone != nil && d.lone.plan.Fused {
		launcher = d.lone.Here
	}
	for _, s := range specs {
		s.Inputs = stage.InputsOf(s, sent)
		s = d.limited(s)
		began := d.host.Now()
		r, err := launcher.Run(d.ctx, s)
		if errors.Is(err, stage.ErrElsewhere) && d.lone != nil {
			d.host.Post(leave{err})
			return
		}
		if err != nil {
			d.post(rpc.Failed{Task: s.Tasks[0].Task, Err: fmt.Errorf("run its stage for epoch %d: %w", e, err)})
			return
		}
		d.log.Debug("stage", slog.Uint64("epoch", uint64(e)), slog.Int("vertex", int(s.Tasks[0].Task.Vertex)),
			slog.Duration("took", d.host.Now().Sub(began)))
		handles, sent = append(handles, r.Handles...), append(sent, r.Sent...)
		if d.lone != nil {
			d.lone.note(s, r)
		}
	}
	d.seal(e, handles)
	if d.lone == nil { // others may still need them
		d.sweep(d.ctx, d.deploy.Job, e)
	}
}

func (d *staging) seal(e stream.Epoch, handles []checkpoint.Handle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range handles {
		t := d.tasks[h.Task]
		h.Committables = t.hold(h.Committables)
		t.handle, t.inFlight = h, nil
		t.handle.Committables, t.handle.Splits = nil, nil
		t.splits = append(slices.Clone(h.Splits), t.splits...)
		if d.bugs.UnreadUnsealed {
			h.Splits = nil
		}
		d.post(rpc.Sealed{Task: h.Task, Epoch: e, Handle: h})
		if h.Ended {
			d.post(rpc.Ended{Task: h.Task})
		}
	}
}

// hold adds to what is not confirmed, and returns all of it.
func (t *stagedTask) hold(add map[string][]ops.Pending) map[string][]ops.Pending {
	all := make(map[string][]ops.Pending)
	for _, m := range []map[string][]ops.Pending{t.unconfirmed, add} {
		for uid, p := range m {
			all[uid] = append(all[uid], p...)
		}
	}
	t.unconfirmed = all
	return all
}

func (d *staging) confirm(e stream.Epoch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tasks {
		kept := make(map[string][]ops.Pending)
		for uid, ps := range t.unconfirmed {
			for _, p := range ps {
				if p.Epoch > e {
					kept[uid] = append(kept[uid], p)
				}
			}
		}
		t.unconfirmed = kept
	}
}

// sweep deletes the channels of an epoch that all stages have read, and those
// of attempts that came to nothing. What stays is found by the next epoch, or at the end of the job.
func (w *stages) sweep(ctx context.Context, id job.ID, e stream.Epoch) {
	store := checkpoint.Sub(w.store, checkpoint.JobDir(id))
	names, err := store.List(ctx, durable.Root)
	for _, name := range names {
		if of, ok := durable.EpochOf(name); !ok || of > e {
			continue
		}
		if err == nil {
			err = store.Delete(ctx, name)
		}
	}
	if err != nil && ctx.Err() == nil {
		w.log.Warn("channels of an epoch stay", slog.Uint64("epoch", uint64(e)), slog.Any("error", err))
	}
}
