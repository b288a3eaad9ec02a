package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Job is what to run.
type Job struct {
	Graph *job.Graph
	// Store is the checkpoint directory, or nil: then nothing is stored, state
	// is not logged, and the only barrier is the last one.
	Store   checkpoint.Store
	Restore Restore
	// Recover goes on with the job of this ID when it had begun, whatever Restore
	// says: its coordinator is gone. Tasks that run on are adopted.
	Recover bool
	// Since is when the job was submitted; zero means now.
	Since time.Time
	// Connectors find the sources and sinks of the graph.
	Connectors *ops.Registry
	Settings   Settings
	// AllowNonRestored lets state go that the graph has no vertex for.
	AllowNonRestored bool

	// Stop ends the job with a checkpoint when it is closed.
	Stop <-chan struct{}
	// Requests, if not nil, are for checkpoints and savepoints while the job runs;
	// Savepoints opens a folder for one below a directory, and says its URL.
	Requests   <-chan Request
	Savepoints func(ctx context.Context, target, folder string) (checkpoint.Store, string, error)
	// Rescales, if not nil, brings graphs that are as Graph is but for their
	// parallelisms: the tasks are started anew as those of such a graph, from the
	// newest checkpoint.
	Rescales <-chan *job.Graph
	// Shifts, if not nil, brings wishes for other gears.
	Shifts <-chan Shift
	// Progress, if not nil, is called after every step of the coordinator.
	Progress func(Progress)
	// History, if not nil, follows the job.
	History *History
	Log     *slog.Logger
	// ID is that of the job when it starts fresh; "" means a random one.
	ID job.ID
	// NewID returns 32 random lower-case hex digits.
	NewID func() string
}

// ErrSuspend is the cause of the end of a context that lets go of a job without
// a word to its tasks: another coordinator goes on with it.
var ErrSuspend = fmt.Errorf("%w: the job is left to another coordinator", job.ErrUnavailable)

// Run runs a job to its end on a worker. It returns a Result for everything
// that happens to a job that could be started; the error says why it could not
// be: it is job.ErrInvalid when the user must change something.
//
// When ctx ends, the tasks are canceled and nothing more is claimed.
func Run(ctx context.Context, j Job, w Worker, h Host) (Result, error) {
	return RunGears(ctx, j, Gears{Pipelined: w}, h)
}

func (d *driver) run(ctx context.Context) (Result, error) {
	graph := *d.Graph // its key groups become those of the job's first start
	d.Graph = &graph
	io, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.io = io
	defer func() {
		stop()
		d.host.Wait()
		d.close()
	}()
	finished, err := d.open(ctx)
	if err != nil || finished != nil {
		if err != nil {
			return Result{}, err
		}
		return *finished, nil
	}
	d.listen(ctx)
	res := d.loop(ctx)
	if d.lone != nil {
		d.tidy(io, res)
	} else {
		d.sweepStages(io, res)
	}
	return res, nil
}

// driver carries out what Step decides. Its loop owns everything in it.
type driver struct {
	Job
	worker  Worker // that of the gear
	gear    job.Gear
	workers map[job.Gear]Worker
	holder  Holder // the worker of the pipelined gear, if its tasks may outlive this process
	host    Host
	io      context.Context //nolint:containedctx // the life of all I/O beside the loop
	life    context.Context //nolint:containedctx // that of epochs whose tasks live for them only
	lone    *lone           // of a driverless job, or nil
	waiting int64           // rows that the epoch of a brief gear has found at its begin

	id      job.ID
	nonce   string
	keeper  checkpoint.Keeper
	sources []*source
	sinks   []committer

	state       State
	result      *Result
	answers     map[uint64]func(Answer) // to requests, by id
	folders     map[uint64]string       // that they name
	lastRequest uint64
}

// source is a source, its enumerator of this attempt, and what is to be done
// with it, one thing after the other.
type source struct {
	ops.Source
	uid   string
	enum  ops.SplitEnumerator
	queue []func() any
	busy  bool
}

type committer struct {
	uid string
	ops.Committer
}

// done is posted when an operation on a source has ended.
type done struct {
	source *source
	event  any
}

// listen turns what comes from outside into messages.
func (d *driver) listen(ctx context.Context) {
	var reports <-chan rpc.Report
	if w := d.workers[job.Pipelined]; w != nil {
		reports = w.Reports()
	}
	if reports != nil {
		d.host.Go(func() {
			for {
				select {
				case r, ok := <-reports:
					if !ok {
						return
					}
					d.host.Post(Reported{r})
				case <-d.io.Done():
					return
				}
			}
		})
	}
	if d.Requests != nil {
		d.listenRequests()
	}
	if d.Shifts != nil {
		d.listenShifts()
	}
	if d.Rescales != nil {
		d.host.Go(func() {
			for {
				select {
				case g := <-d.Rescales:
					d.host.Post(RescaleRequested{g})
				case <-d.io.Done():
					return
				}
			}
		})
	}
	if d.Stop != nil {
		d.host.Go(func() {
			select {
			case <-d.Stop:
				d.host.Post(StopRequested{})
			case <-ctx.Done():
			case <-d.io.Done():
			}
		})
	}
}

// listenRequests turns requests into messages.
func (d *driver) listenRequests() {
	d.host.Go(func() {
		for {
			select {
			case r := <-d.Requests:
				d.host.Post(asked{r})
			case <-d.io.Done():
				return
			}
		}
	})
}

// loop takes messages, one at a time, until the job has ended.
func (d *driver) loop(ctx context.Context) Result {
	var actions []Action
	p := newPlan(d.id, d.Graph, d.Settings, d.Store != nil, d.sinkUIDs(), d.since())
	for i := range p.sources {
		if s, ok := d.sources[i].Source.(ops.Discoverer); ok && s.DiscoveryInterval() > 0 {
			p.sources[i].discovers = s.DiscoveryInterval()
		}
	}
	p.gear, p.bounded, p.recovering = d.gear, d.bounded(), d.recovering()
	d.state, actions = newState(p)
	if d.History != nil {
		d.History.begin(p)
	}
	canceled := false
	for {
		for _, a := range actions {
			d.perform(a)
		}
		if d.Progress != nil {
			p := d.state.progress(d.host.Now())
			p.Job, p.Waiting = d.id, d.waiting
			d.Progress(p)
		}
		if d.result != nil {
			return *d.result
		}
		var e Event = Tick{}
		if errors.Is(context.Cause(ctx), ErrSuspend) {
			if w, ok := d.worker.(interface{ Leave() }); ok {
				w.Leave()
			}
			return Result{State: Left, Resumable: true, Err: ErrSuspend, Took: d.host.Now().Sub(d.state.started)}
		}
		if ctx.Err() != nil && !canceled {
			canceled, e = true, CancelRequested{context.Cause(ctx)}
		} else {
			wait := ctx
			if canceled {
				wait = d.io
			}
			if message, ok := d.host.Next(wait, d.state.Wake()); ok {
				e = d.receive(message)
			}
		}
		old, now := d.state, d.host.Now()
		d.state, actions = Step(old, now, e)
		if d.History != nil {
			d.History.observe(now, e, old, d.state, actions)
		}
		if c, ok := e.(Claimed); ok && c.Err == nil && c.Kind != checkpoint.Aborted {
			d.acknowledge()
		}
	}
}

// acknowledge tells enumerators of the newest checkpoint.
func (d *driver) acknowledge() {
	doc := d.state.manifest
	for i, s := range d.sources {
		if _, ok := s.enum.(ops.Acknowledging); !ok {
			continue
		}
		var splits []ops.Split
		for _, h := range doc.Handles {
			if h.Task.Vertex == d.state.plan.sources[i].vertex {
				splits = append(splits, h.Splits...)
			}
		}
		d.enqueue(s, func() any {
			if a, ok := s.enum.(ops.Acknowledging); ok {
				if err := a.Durable(d.io, doc.Sources[s.uid].Snapshot, splits); err != nil {
					d.Log.Warn("what the checkpoint has read is not told", slog.String("source", s.uid), slog.Any("error", err))
				}
			}
			return nil
		})
	}
}

func (d *driver) since() time.Time {
	if d.Since.IsZero() {
		return d.host.Now()
	}
	return d.Since
}

func (d *driver) sinkUIDs() []string {
	uids := make([]string, len(d.sinks))
	for i, s := range d.sinks {
		uids[i] = s.uid
	}
	return uids
}

// receive turns a message into an event.
func (d *driver) receive(message any) Event {
	if m, ok := message.(done); ok {
		m.source.busy = false
		d.next(m.source)
		message = m.event
		if f, ok := message.(func() any); ok {
			message = f()
		}
	}
	if l, ok := message.(leave); ok {
		d.left(l)
		return Tick{}
	}
	if r, ok := message.(asked); ok {
		return d.ask(r.Request)
	}
	if m, ok := message.(*measuring); ok {
		d.measureFor(m)
		return Tick{}
	}
	if s, ok := message.(Shift); ok {
		return d.wish(s)
	}
	if e, ok := message.(Event); ok {
		switch e := e.(type) {
		case Claimed:
			d.phase("claimed", e.Epoch)
			d.waiting = 0 // they are read
		case Begun:
			if e.Held != nil {
				d.engage(job.Pipelined)
			}
		case Published:
			d.phase("published", e.Epoch)
			if e.Err != nil {
				d.Log.Warn("rows are not published yet", slog.String("sink", d.sinks[e.Sink].uid), slog.Any("error", e.Err))
			}
		case Tick, Reported, SavepointRequested, RescaleRequested, GearRequested, StopRequested, CancelRequested, Renewed, Discovered, Taken, Frozen, Exported, Recorded:
		}
		return e
	}
	return Tick{}
}

// enqueue does op on a source after everything that came before it.
func (d *driver) enqueue(s *source, op func() any) {
	s.queue = append(s.queue, op)
	d.next(s)
}

func (d *driver) next(s *source) {
	if s.busy || len(s.queue) == 0 {
		return
	}
	op := s.queue[0]
	s.queue = s.queue[1:]
	s.busy = true
	d.host.Go(func() { d.host.Post(done{s, op()}) })
}

// perform carries out an action.
func (d *driver) perform(a Action) {
	switch a := a.(type) {
	case Send:
		d.log(a)
		if err := d.worker.Send(a.Command); err != nil {
			d.host.Post(Reported{rpc.FailedBy(a.Command, fmt.Errorf("send %T: %w", a.Command, err))})
		}
	case Begin:
		d.log(a)
		if a.Graph != nil {
			groups := d.Graph.KeyGroups
			d.Graph = a.Graph
			d.Graph.KeyGroups = groups
		}
		d.engage(a.Gear)
		d.begin(a)
	case Renew:
		d.logRenew(a)
		d.host.Go(func() { d.host.Post(d.renew(d.io, a)) })
	case Discover:
		s := d.sources[a.Source]
		d.enqueue(s, func() any {
			done, err := s.enum.Discover(d.io)
			return Discovered{Attempt: a.Attempt, Source: a.Source, Done: done, Err: err}
		})
	case Take:
		s := d.sources[a.Source]
		readers := d.Graph.Vertices[d.state.plan.sources[a.Source].vertex].Parallelism
		d.enqueue(s, func() any {
			return Taken{Attempt: a.Attempt, Task: a.Task, Generation: a.Generation, Wanted: a.N, Splits: s.enum.Take(a.Reader, readers, a.N)}
		})
	case Freeze:
		d.log(a)
		d.freeze(a)
	case Claim:
		d.log(a)
		d.host.Go(func() { d.host.Post(d.claim(a.Manifest)) })
	case Publish:
		d.log(a)
		pending := slices.Clone(a.Pending)
		d.host.Go(func() {
			e, err := d.sinks[a.Sink].Commit(d.io, pending, a.Force)
			d.host.Post(Published{Sink: a.Sink, Epoch: e, Err: err})
		})
	case Delete:
		d.host.Go(func() { d.remove(a.Files) })
	case Export:
		folder := d.folders[a.ID]
		d.host.Go(func() { d.host.Post(d.export(d.io, a, folder)) })
	case Answer:
		d.answer(a)
	case Record:
		d.host.Go(func() { d.host.Post(Recorded{d.record(d.io, a.Terminal)}) })
	case Finish:
		d.log(a)
		d.result = &a.Result
	}
}

func (d *driver) log(a Action) {
	switch a := a.(type) {
	case Begin:
		if a.Attempt > 0 {
			args := []slog.Attr{slog.Int("attempt", a.Attempt), slog.Any("cause", d.state.problem)}
			if d.state.whole != "" {
				args = append(args, slog.String("whole", d.state.whole))
			}
			d.Log.LogAttrs(context.Background(), slog.LevelWarn, "restart", args...)
		}
	case Finish:
		level, args := slog.LevelInfo, []slog.Attr{slog.String("state", string(a.Result.State)), slog.Uint64("epoch", uint64(a.Result.Epoch))}
		if a.Result.Err != nil {
			args = append(args, slog.Any("error", a.Result.Err))
		}
		if a.Result.State == Failed {
			level = slog.LevelWarn
		}
		d.Log.LogAttrs(context.Background(), level, "job ended", args...)
	case Freeze:
		d.phase("prepare", a.Epoch)
	case Claim:
		d.phase("claim", a.Manifest.Epoch)
	case Publish:
		if n := len(a.Pending); n > 0 {
			d.phase("commit", a.Pending[n-1].Epoch)
		}
	case Send:
		if c, ok := a.Command.(rpc.Deploy); ok {
			d.Log.Info("tasks are deployed", slog.Int("tasks", len(c.Tasks)), slog.Int("attempt", c.Attempt), slog.Uint64("restored", uint64(c.Epoch)))
		}
	case Discover, Take, Delete, Export, Answer, Record, Renew:
	}
}

// phase logs where an epoch is on its way: what a crash would interrupt.
func (d *driver) phase(name string, e stream.Epoch) {
	d.Log.Debug("epoch", slog.String("phase", name), slog.Uint64("epoch", uint64(e)))
}

// freeze takes the snapshot of every source behind what was done with it before.
func (d *driver) freeze(a Freeze) {
	f := Frozen{Attempt: a.Attempt, Epoch: a.Epoch, Sources: map[string]checkpoint.SourceState{}}
	missing := len(d.sources)
	for _, s := range d.sources {
		d.enqueue(s, func() any {
			data, err := s.enum.Snapshot()
			return func() any { // in the loop
				missing--
				f.Sources[s.uid] = checkpoint.SourceState{Snapshot: data}
				f.Err = errors.Join(f.Err, err)
				if missing == 0 && d.lone != nil {
					d.fix(f)
				} else if missing == 0 {
					return f
				}
				return nil
			}
		})
	}
}

// remove deletes files, in order. What stays is found by the next start.
func (d *driver) remove(files []string) {
	for _, f := range files {
		if err := d.keeper.Store.Delete(d.io, f); err != nil {
			d.Log.Warn("an old file of a checkpoint stays", slog.String("file", f), slog.Any("error", err))
			return
		}
	}
}

// pause is between the tries of an operation on the checkpoint directory.
func (d *driver) pause(ctx context.Context, n int, cause error) error {
	const tries = 8
	if n >= tries {
		return fmt.Errorf("%w: %d tries: %w", job.ErrUnavailable, n, cause)
	}
	return d.host.Sleep(ctx, min(10*time.Millisecond<<n, time.Second))
}

func (d *driver) now() stream.Timestamp { return stream.Timestamp(d.host.Now().UnixMilli()) }

func (d *driver) close() {
	for _, s := range d.sinks {
		if err := s.Close(); err != nil {
			d.Log.Warn("close committer", slog.String("sink", s.uid), slog.Any("error", err))
		}
	}
	for _, s := range d.sources {
		d.closeEnumerator(s)
	}
}

func (d *driver) closeEnumerator(s *source) {
	if s.enum == nil {
		return
	}
	if err := s.enum.Close(); err != nil {
		d.Log.Warn("close enumerator", slog.String("source", s.uid), slog.Any("error", err))
	}
	s.enum = nil
}
