// Package engine runs the tasks of jobs on one worker: it turns the commands of
// a coordinator into running tasks and their channels, and reports back.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Options are what a worker needs of its process.
type Options struct {
	Registry *ops.Registry
	// Backend makes the state of one task; store is nil when the job is not durable.
	Backend func(d rpc.Deploy, a rpc.Assignment, store checkpoint.Store) (state.Backend, error)
	// Store is the checkpoint directory, or nil. Tasks see the part of it that
	// belongs to their job.
	Store checkpoint.Store
	Alloc memory.Allocator
	Clock task.Clock
	Log   *slog.Logger
	// Exchange connects the tasks of a deployment with those that are elsewhere;
	// nil when there are none.
	Exchange func(rpc.Deploy) Exchange
	// Close, if not nil, gives up what was opened for the options.
	Close func() error
	// Context, if not nil, makes the context in which tasks run of another.
	Context func(context.Context) context.Context
	// Latency is how often the time is measured for which rows are on their way to
	// a task, at most; 0 means never. LatencyKept is of how many measurements the
	// distribution is told; it is positive then.
	Latency     time.Duration
	LatencyKept int
	// ChannelBytes is the budget of one channel between two tasks; 0 means
	// exchange.DefaultBudget.
	ChannelBytes int64
	// Overtaking lets barriers overtake rows
	// (execution.checkpointing.unaligned.enabled).
	Overtaking bool
	// Debloat, if not nil, makes the budget of channels follow the speed of tasks
	// (taskmanager.network.memory.buffer-debloat.enabled).
	Debloat *exchange.Debloat
}

// Exchange makes the channels between this deployment and tasks elsewhere.
type Exchange interface {
	// Gate is the receiving end of these channels, numbered in this order.
	Gate(channels []Link) exchange.Gate
	// Channel is the sending end of a channel.
	Channel(l Link) exchange.Channel
	// Release gives up all channels: the tasks of the deployment are gone.
	Release()
}

// Link is one channel: an edge, from one task to another.
type Link struct {
	Edge             job.Edge
	Sender, Receiver int
}

// Worker runs the tasks of one job at a time.
type Worker struct {
	o       Options
	reports chan rpc.Report

	mu      sync.Mutex
	running []*deployment          // one for each region of the job that has tasks here
	drifts  map[string]*task.Drift // of the job that was deployed last, by group
	stats   []VertexStats          // of the newest attempt of each task
	ended   chan struct{}          // closed when all that were cancelled are gone; or nil
}

// NewWorker returns a worker without tasks.
func NewWorker(o Options) *Worker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Worker{o: o, drifts: make(map[string]*task.Drift), reports: make(chan rpc.Report, 256)}
}

// storeOf is the directory of a job in the checkpoint directory.
func (w *Worker) storeOf(id job.ID) checkpoint.Store {
	if w.o.Store == nil {
		return nil
	}
	return checkpoint.Sub(w.o.Store, checkpoint.JobDir(id))
}

// Reports is what the worker has to say. The coordinator must keep reading it
// until Close has returned.
func (w *Worker) Reports() <-chan rpc.Report { return w.reports }

// Send obeys a command. Commands to a task arrive in the order of the calls.
func (w *Worker) Send(c rpc.Command) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch c := c.(type) {
	case rpc.Deploy:
		return w.deploy(c)
	case rpc.Assign:
		return w.toSource(c.Task, c)
	case rpc.Inject:
		return w.toSource(c.Task, c)
	case rpc.Confirm:
		w.confirm(c.Epoch)
		return nil
	case rpc.Cancel:
		before, gone := w.ended, make(chan struct{})
		w.ended = gone
		go w.cancel(c, w.taken(c.Tasks), before, gone)
		return nil
	}
	panic(fmt.Sprintf("command %T", c))
}

// Close cancels what runs and waits for it.
func (w *Worker) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	stop(w.taken(nil))
	if w.ended != nil {
		<-w.ended
	}
	return nil
}

func (w *Worker) toSource(id checkpoint.TaskID, c rpc.Command) error {
	i := slices.IndexFunc(w.running, func(d *deployment) bool { return d.uploads[id] != nil })
	if i < 0 {
		return nil // cancelled meanwhile: the coordinator learns it from the reports
	}
	inbox, ok := w.running[i].inboxes[id]
	if !ok {
		return fmt.Errorf("%T to task %v, which is no source here", c, id)
	}
	select {
	case inbox <- c:
		return nil
	case <-w.running[i].ctx.Done():
		return nil
	}
}

// taken takes out the deployments of these tasks, nil meaning all: from now on no
// command reaches them.
func (w *Worker) taken(tasks []checkpoint.TaskID) (some []*deployment) {
	var others []*deployment
	for _, d := range w.running {
		if tasks == nil || slices.ContainsFunc(tasks, func(id checkpoint.TaskID) bool { return d.uploads[id] != nil }) {
			some = append(some, d)
		} else {
			others = append(others, d)
		}
	}
	w.running = others
	return some
}

// cancel stops some deployments and says so, when those that were cancelled before are
// gone, too.
func (w *Worker) cancel(c rpc.Cancel, some []*deployment, before <-chan struct{}, gone chan<- struct{}) {
	stop(some)
	if before != nil {
		<-before
	}
	close(gone)
	w.reports <- rpc.Canceled(c)
}

// stop cancels deployments and waits until their tasks are gone.
func stop(some []*deployment) {
	for _, d := range some {
		d.cancel(errCancelled)
	}
	for _, d := range some {
		d.tasks.Wait()
		d.release()
	}
}

var errCancelled = errors.New("cancelled by the coordinator")

// report sends r unless the deployment is being cancelled.
func (d *deployment) report(r rpc.Report) {
	select {
	case d.worker.reports <- r:
	case <-d.ctx.Done():
	}
}

// deployment is the tasks of one region of a job that are here. Other regions go on
// without it.
type deployment struct {
	worker  *Worker
	rpc     rpc.Deploy
	started time.Time
	ctx     context.Context
	cancel  context.CancelCauseFunc
	tasks   sync.WaitGroup
	inboxes map[checkpoint.TaskID]chan rpc.Command
	gates   gates
	uploads map[checkpoint.TaskID]*uploader
	stats   []VertexStats
	// exchange leads to tasks elsewhere, or is nil.
	exchange Exchange
}

// run is the life of one task: whatever ends it is reported. Profiles tell whose
// goroutines they are, by the labels job and vertex, which is a UID.
func (d *deployment) run(id checkpoint.TaskID, body func(context.Context) error) {
	d.tasks.Add(1)
	uid := d.rpc.Graph.Vertices[id.Vertex].UID
	labels := pprof.Labels("job", string(d.rpc.Job), "vertex", uid)
	log := d.worker.o.Log.With(slog.String(logs.Job, string(d.rpc.Job)), slog.String("vertex", uid), slog.Int("task", id.Index), slog.Int("attempt", d.rpc.Attempt))
	log.Debug("a task starts")
	go func() {
		defer d.tasks.Done()
		var err error
		pprof.Do(d.ctx, labels, func(ctx context.Context) {
			err = protect(func() error { return body(ctx) })
		})
		log.Debug("a task ends", slog.Any("error", err))
		switch {
		case d.ctx.Err() != nil:
		case errors.Is(err, exchange.ErrSealed): // the reports of the epoch say everything
		case err != nil:
			d.report(rpc.Failed{Task: id, Err: err})
		default:
			d.uploads[id].finish()
			d.report(rpc.Ended{Task: id})
		}
	}()
}

// protect turns a panic, which is a bug of ours, into an error with the stack;
// but a full disk is none.
func protect(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if e, ok := p.(error); ok && errors.Is(e, mem.ErrDiskFull) {
				err = fmt.Errorf("%w: %w; free the disk, or raise taskmanager.memory.process.size", job.ErrUnavailable, e)
				return
			}
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

func (w *Worker) confirm(e stream.Epoch) {
	if copies, ok := w.o.Store.(*checkpoint.Copies); ok && len(w.running) > 0 {
		needed := make(map[string]bool)
		for _, d := range w.running {
			for _, u := range d.uploads {
				u.needed(e, needed)
			}
		}
		copies.Prune(checkpoint.JobDir(w.running[0].rpc.Job), needed)
	}
	for _, d := range w.running {
		for _, u := range d.uploads {
			u.confirm(e)
		}
	}
}

func (d *deployment) release() {
	for _, u := range d.uploads {
		u.finish()
	}
	if d.exchange != nil {
		d.exchange.Release()
	}
	d.gates.drain()
}

// VertexStats counts what one task has done at one vertex.
type VertexStats struct {
	Vertex job.VertexID
	Index  int
	*task.Stats
}

// Stats returns the counters of the newest attempt of each task; while it runs, they
// go on counting.
func (w *Worker) Stats() []VertexStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// WallClock is the clock of the process.
type WallClock struct{}

// Now is the time.
func (WallClock) Now() time.Time { return time.Now() } //nolint:forbidigo // this is the edge where the clock comes in

// After sends once, d from now.
func (WallClock) After(d time.Duration) <-chan time.Time { return time.After(d) } //nolint:forbidigo // this is the edge where the clock comes in
