package wadi

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/coordinator/gear"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Restore says what a job that takes checkpoints begins with.
type Restore string

const (
	// RestoreRefuse starts fresh, and refuses when an unfinished job of the
	// same pipeline.name has checkpoints.
	RestoreRefuse Restore = ""
	// RestoreNone starts fresh and leaves an unfinished job behind.
	RestoreNone Restore = "none"
	// RestoreLatest goes on with the newest job of the same pipeline.name; it
	// starts fresh when there is none, and does nothing when it had finished.
	RestoreLatest Restore = "latest"
)

// Any other Restore is the path of a checkpoint, from which a new job starts.

// ErrUnfinished is what RestoreRefuse reports.
var ErrUnfinished = coordinator.ErrUnfinished

// Run is a job that has been started.
type Run struct {
	graph       *job.Graph
	bounded     bool
	checkpoints string            // the URL of the checkpoint directory, or ""
	config      map[string]string // what was set when it was started
	history     coordinator.History
	begun       chan struct{} // closed when the job has its id
	account     *account

	tasks *gearTasks
	stop  chan struct{}
	asks  chan coordinator.Request
	// rescales brings graphs of other parallelism.
	rescales chan *job.Graph
	shifts   chan coordinator.Shift // that wish for another gear
	// open is what runs the stages of a brief gear.
	open    func(context.Context, job.Gear) (coordinator.Launcher, error)
	policy  func() (gear.Policy, error) // of a job that chooses its gear
	shifted func(*Run)                  // see launch
	log     *slog.Logger
	once    sync.Once
	cancel  context.CancelCauseFunc
	done    chan struct{}

	mu       sync.Mutex
	chosen   string // the gear that was asked for
	choices  int    // how often that was auto
	progress coordinator.Progress
	result   coordinator.Result
	err      error
}

// Result is how a job ended.
type Result = coordinator.Result

// Progress is how far a running job is.
type Progress struct {
	coordinator.Progress
	// Read and Written count rows at the sources and at the sinks.
	Read, Written int64
	// Watermark is the event time that every sink has reached; zero while it is
	// unknown, and when it is at its end.
	Watermark time.Time
}

// Fraction is how much of the input has been read, from 0 to 1, or 0 when that
// is not known.
func (p Progress) Fraction() float64 {
	if p.Sources == 0 || !p.Discovered {
		return 0
	}
	return float64(p.Drained) / float64(p.Sources)
}

// launch is what a job is started with, besides its plan.
type launch struct {
	restore    Restore
	registry   *ops.Registry // nil means the Env's
	checkpoint bool          // take checkpoints, if a directory is configured
	here       bool          // run in this process, without stages
	id         job.ID        // of a job that starts fresh; "" means any
	recover    bool          // the job of this id has been submitted before
	since      time.Time     // when; zero means now
	gear       job.Gear      // in which a job was last that chooses its gear
	shifted    func(*Run)    // called when a job has changed gear; it must not wait
}

// newRun is a job that is not started yet, whose checkpoints go to dir.
func (e *Env) newRun(p *sql.Plan, dir string) (*Run, error) {
	r := &Run{
		graph: &p.Graph, bounded: p.Bounded, config: e.jobConfig(), begun: make(chan struct{}),
		stop: make(chan struct{}), done: make(chan struct{}), asks: make(chan coordinator.Request), rescales: make(chan *job.Graph), shifts: make(chan coordinator.Shift), checkpoints: dir,
	}
	if e.jobs.changed != nil {
		r.history.Changed = func() { e.jobs.changed(r) }
	}
	if s := e.jobs.span.Load(); s != nil {
		r.history.Span, r.history.SpanTasks = s.send, s.tasks
	}
	return r, e.shown(&r.history)
}

// start starts the job of a plan. The Run must be waited for.
func (e *Env) start(ctx context.Context, p *sql.Plan, l launch) (run *Run, err error) {
	s, dir, err := e.settings()
	if err != nil {
		return nil, err
	}
	if err := e.limitMemory(); err != nil {
		return nil, err
	}
	if l.registry == nil {
		l.registry = e.registry
	}
	saving, err := e.savingOften(l.checkpoint)
	if err != nil {
		return nil, err
	}
	in, chooses, err := e.gearOf(l, &s)
	if err != nil {
		return nil, err
	}
	if !l.checkpoint {
		dir = ""
	}
	store, dir, finally, err := e.checkpoints(ctx, dir, in.Brief())
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			finally()
		}
	}()
	r, err := e.newRun(p, dir)
	if err != nil {
		return nil, err
	}
	from, err := e.restoreOf(ctx, l.restore, dir)
	if err != nil {
		return nil, err
	}
	o, err := e.optionsOf(r, l.registry, store)
	if err != nil {
		return nil, err
	}
	finally = closing(finally, o.Close)
	r.shifted, r.log = l.shifted, o.Log
	j := coordinator.Job{
		Graph: &p.Graph, Store: store, Restore: from, Connectors: l.registry, Settings: s, Recover: l.recover, Since: l.since,
		Stop: r.stop, Requests: r.asks, Rescales: r.rescales, Shifts: r.shifts, Savepoints: e.savepoints, Progress: r.observe, History: &r.history, Log: o.Log, NewID: newID, ID: l.id,
		AllowNonRestored: strings.EqualFold(e.Config(keyIgnoreUnclaimed), "true"),
	}
	body, err := e.runner(ctx, r, j, l, in, o)
	if err != nil {
		return nil, err
	}
	if chooses && !p.Bounded {
		if err := r.choose(); err != nil {
			return nil, err
		}
	}
	e.jobs.add(r, e, time.Now(), dir) //nolint:forbidigo // what people read in SHOW JOBS
	r.account.enter(in, slotsOf(&p.Graph), 0)
	ctx, r.cancel = context.WithCancelCause(o.Context(ctx))
	go func() {
		defer close(r.done)
		defer finally()
		defer e.saveOften(ctx, r, saving)()
		r.end(body(ctx))
	}()
	return r, nil
}

// gearOf is in which gear a job begins, and whether it chooses the next.
func (e *Env) gearOf(l launch, s *coordinator.Settings) (in job.Gear, chooses bool, err error) {
	in, chooses, err = e.gear()
	switch {
	case err != nil:
	case l.here:
		return job.Pipelined, false, nil
	case chooses:
		in, s.Interval = cmp.Or(l.gear, in), cmp.Or(s.Interval, usual/2)
	}
	return in, chooses, err
}

// optionsOf is how the tasks of a job are run.
func (e *Env) optionsOf(r *Run, registry *ops.Registry, store checkpoint.Store) (o engine.Options, err error) {
	o = e.workerOptions(registry, store)
	o.Latency, o.LatencyKept = e.latency()
	o.Log = e.log.With(slog.String("job_name", r.Name()))
	if o.Context, err = e.accounting(r, o.Clock.Now); err != nil {
		return o, err
	}
	return e.withCopies(o)
}

// closing is what to do behind the end of a job, and then to close what was opened
// for its tasks.
func closing(finally func(), opened func() error) func() {
	if opened == nil {
		return finally
	}
	return func() {
		finally()
		_ = opened() // what stays is in a directory for what may go
	}
}

// end keeps how the job has ended.
func (r *Run) end(res Result, err error) {
	r.account.end()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result, r.err = res, err
}

// runner is what carries a job out, in its gear and in those to which it changes.
func (e *Env) runner(ctx context.Context, r *Run, j coordinator.Job, l launch, g job.Gear, o engine.Options) (func(context.Context) (Result, error), error) {
	host := coordinator.NewHost(o.Clock)
	w := e.worker(o, l, r.checkpoints, host)
	r.tasks, r.chosen = newGearTasks(r, w, g), string(g)
	of, err := e.gearing(r.checkpoints, o)
	if err != nil {
		return nil, err
	}
	r.policy = func() (gear.Policy, error) { return of.policy(r.graph) }
	r.open = func(ctx context.Context, g job.Gear) (coordinator.Launcher, error) {
		elsewhere, err := of.launcher(ctx, g)
		return &stageRunner{elsewhere: elsewhere, here: o, account: r.account, counts: &r.tasks.counts}, err
	}
	gears := coordinator.Gears{At: g, Pipelined: w}
	if g.Brief() {
		first, err := r.open(ctx, g)
		if err != nil {
			return nil, err
		}
		gears.Launchers = map[job.Gear]coordinator.Launcher{g: first}
	}
	return func(ctx context.Context) (Result, error) {
		res, err := coordinator.RunGears(ctx, j, gears, host)
		if res.State != coordinator.Left {
			_ = w.Close() // it waits for tasks, and has nothing to say
		}
		return res, err
	}, nil
}

// checkpoints opens the checkpoint directory of a job, if it has one; stages need
// one in any case, which finally removes.
func (e *Env) checkpoints(ctx context.Context, dir string, staged bool) (store checkpoint.Store, at string, finally func(), err error) {
	finally = func() {}
	if staged && dir == "" {
		if dir, finally, err = scratch(); err != nil {
			return nil, "", nil, err
		}
	}
	if dir == "" {
		return nil, "", finally, nil
	}
	if store, err = e.checkpointStore(ctx, dir); err != nil {
		finally()
		return nil, "", nil, err
	}
	return store, dir, finally, nil
}

// checkpointStore opens a checkpoint directory.
func (e *Env) checkpointStore(ctx context.Context, dir string) (checkpoint.Store, error) {
	bucket, err := e.stores.Open(ctx, dir, nil)
	if err != nil { // a nil Store is something else
		return nil, fmt.Errorf("open checkpoint directory: %w", err)
	}
	return bucket, nil
}

// worker runs the tasks of one job: in this process, or on the workers of the
// cluster.
func (e *Env) worker(o engine.Options, l launch, checkpoints string, host coordinator.Host) longTasks {
	e.mu.Lock()
	c := e.cluster
	e.mu.Unlock()
	if c == nil || l.here || l.registry != e.registry { // the rows of a query come back to this process
		return engine.NewWorker(o)
	}
	t := c.Job(host, rpc.Start{Checkpoints: checkpoints, Config: e.jobConfig()})
	t.Local = e.readsCopies()
	return t
}

// backend keeps the state of a task in memory, and its changes in the store.
func backend(d rpc.Deploy, a rpc.Assignment, store checkpoint.Store) (state.Backend, error) {
	return state.NewMemory(state.Options{
		Task: a.Task, Generation: d.Generation, KeyGroups: d.Graph.KeyGroups, Groups: a.Groups,
		Restored: a.Tables, Store: store, Durable: d.Durable, Allocator: mem.Default(), Pool: mem.Default(),
	}), nil
}

func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // the operating system has no randomness
	}
	return hex.EncodeToString(b[:])
}

// observe is called by the coordinator after every step.
func (r *Run) observe(p coordinator.Progress) {
	r.account.observe(p, r.read)
	r.mu.Lock()
	was := r.progress
	if was.Job == "" {
		close(r.begun)
	}
	r.progress = p
	r.mu.Unlock()
	if was.Gear != p.Gear && was.Job != "" {
		r.account.enter(p.Gear, slotsOf(r.graph), r.read())
		r.inGear(p.Gear)
	}
}

// Life is what has become of the job; false until it has begun.
func (r *Run) Life() (coordinator.Life, bool) { return r.history.Life() }

// Name is the job's pipeline.name.
func (r *Run) Name() string { return r.graph.Name }

// Progress is how far the job is.
func (r *Run) Progress() Progress {
	r.mu.Lock()
	p := Progress{Progress: r.progress}
	r.mu.Unlock()
	p.Read, p.Written, p.Watermark = r.count()
	return p
}

// Counters yields what the tasks have counted, by vertex: numRecordsIn,
// numRecordsOut and whatever the operators count, such as
// numLateRecordsDropped.
func (r *Run) Counters() map[job.VertexID]map[string]int64 {
	all := make(map[job.VertexID]map[string]int64)
	for _, s := range r.tasks.Stats() {
		m := all[s.Vertex]
		if m == nil {
			m = make(map[string]int64)
			all[s.Vertex] = m
		}
		m["numRecordsIn"] += s.RecordsIn.Load()
		m["numRecordsOut"] += s.RecordsOut.Load()
		for name, n := range s.Counters {
			m[name] += n
		}
	}
	return all
}

// count adds up the rows at the sources and at the sinks, and finds the least
// event time of the sinks.
func (r *Run) count() (read, written int64, at time.Time) {
	low, sinks := stream.End, 0
	for _, s := range r.tasks.Stats() {
		switch r.graph.Vertices[s.Vertex].Kind {
		case job.KindSource:
			read += s.RecordsOut.Load()
		case job.KindSink:
			written += s.RecordsIn.Load()
			sinks++
			low = min(low, stream.Timestamp(s.Watermark.Load()))
		}
	}
	if sinks == 0 || low == stream.Start || low == stream.End {
		return read, written, time.Time{}
	}
	return read, written, time.UnixMilli(int64(low)).UTC()
}

// Done is closed when the job has ended.
func (r *Run) Done() <-chan struct{} { return r.done }

// Stop ends the job with a last checkpoint, from which it can be resumed, and
// waits for it.
func (r *Run) Stop() (Result, error) {
	r.once.Do(func() { close(r.stop) })
	return r.Wait()
}

// Cancel ends the job at once, without a checkpoint.
func (r *Run) Cancel(cause error) { r.cancel(cause) }

// Wait waits for the end of the job. The error says why it could not start, or
// why it failed.
func (r *Run) Wait() (Result, error) {
	<-r.done
	r.cancel(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.result, r.err
	}
	switch r.result.State {
	case coordinator.Finished, coordinator.Stopped:
		return r.result, nil
	case coordinator.Canceled, coordinator.Failed, coordinator.Fenced, coordinator.Left:
	}
	return r.result, errors.Join(r.result.Err)
}
