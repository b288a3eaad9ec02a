package wadi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Triggered is what has come of a trigger for a job.
type Triggered struct {
	Job   string       `json:"job"`
	State TriggerState `json:"state"`
	// Epochs is how many have ended in this call, Epoch the last of them or the one
	// that is open, and Rows how many rows the sources have read.
	Epochs int          `json:"epochs,omitempty"`
	Epoch  stream.Epoch `json:"epoch,omitempty"`
	Rows   int64        `json:"rows,omitempty"`
	// Usage is what was used for these epochs, Total for all since the job was
	// deployed: without calls that had nothing to do, and invocations of which nobody
	// knows the end.
	Usage cost.Usage `json:"usage,omitzero"`
	Total cost.Usage `json:"usageTotal,omitzero"`
}

// TriggerState is what has become of a trigger.
type TriggerState string

const (
	// TriggerDone says that an epoch of all that there was has ended.
	TriggerDone TriggerState = "done"
	// TriggerIdle says that there was nothing to do.
	TriggerIdle TriggerState = "idle"
	// TriggerOpen says that an epoch goes on elsewhere. If it began before the
	// trigger, another follows.
	TriggerOpen TriggerState = "open"
	// TriggerNotDue says that the job's own triggers do not want an epoch yet.
	TriggerNotDue TriggerState = "not due"
	// TriggerIgnored says that the job does not read what has come.
	TriggerIgnored TriggerState = "ignored"
	// TriggerFinished says that the job has ended: its sources have.
	TriggerFinished TriggerState = "finished"
)

// Trigger runs epochs of deployed jobs, as a function does on an event. Without
// 'execution.functions.target' everything runs in this process.
func (e *Env) Trigger(ctx context.Context, t lambda.Trigger) ([]Triggered, error) {
	return e.trigger(ctx, t, func(config map[string]string) (*Env, func(), error) {
		o := e.o
		o.Config = e.configuredFor(config)
		of, err := Local(o)
		if err != nil {
			return nil, nil, err
		}
		return of, func() { _ = of.Close() }, of.limitMemory() // everything that matters is in storage
	})
}

// trigger does so with environments of the jobs.
func (e *Env) trigger(ctx context.Context, t lambda.Trigger, open func(map[string]string) (*Env, func(), error)) (all []Triggered, err error) {
	dir := cmp.Or(t.Storage, e.Config(keyCheckpointDir))
	store, jobs, err := e.deployments(ctx, dir)
	if err != nil {
		return nil, err
	}
	k := &keyReader{get: e.Config}
	ctx, cancel := context.WithTimeout(ctx, k.duration(keyFunctionTimeout)) // for all of them
	defer cancel()
	if k.err != nil {
		return nil, k.err
	}
	found := false
	for _, d := range jobs {
		if t.Job != "" && t.Job != d.Name {
			continue
		}
		found = true
		done, derr := e.triggerOne(ctx, turn{d: d, t: t, store: store, dir: dir}, open)
		if derr != nil {
			err = errors.Join(err, fmt.Errorf("job %s: %w", d.Name, derr))
			continue
		}
		all = append(all, done)
	}
	if !found && t.Job != "" {
		return nil, notDeployed(t.Job, dir, jobs)
	}
	return all, err
}

func (e *Env) triggerOne(ctx context.Context, r turn, open func(map[string]string) (*Env, func(), error)) (Triggered, error) {
	if err := r.d.unseal(e.Config(keySecret)); err != nil {
		return Triggered{}, err
	}
	if r.t.Reason == lambda.New && !r.d.reads(r.t.Objects) {
		return Triggered{Job: r.d.Name, State: TriggerIgnored}, nil
	}
	of, done, err := open(r.d.Content.Config)
	if err != nil {
		return Triggered{}, err
	}
	defer done()
	r.e = of
	return r.run(ctx)
}

// reads reports whether a source of the job reads one of the objects.
func (d *deployed) reads(objects []lambda.Object) bool {
	for _, v := range d.Content.Graph.Vertices {
		if v.Kind != job.KindSource {
			continue
		}
		config, err := ops.DecodeConfig[ops.SourceConfig](v)
		if err != nil {
			return true // running it says what is wrong
		}
		for _, o := range objects {
			if o.Below(config.Scan.Table.Options["path"]) {
				return true
			}
		}
	}
	return false
}

// turn is what one trigger does for one job:
//
//	finish the epoch that is open ─► begin one, if the trigger wants it
//	       │ it goes on elsewhere           ▲ ends: rows were left, or
//	       ▼                                │ somebody has asked meanwhile
//	one more is asked for                   └──────
type turn struct {
	e     *Env // of the job
	d     *deployed
	t     lambda.Trigger
	store checkpoint.Store // the checkpoint directory
	dir   string

	own   checkpoint.Store // the job's part of it
	rules triggers
	limit time.Duration // of an invocation
	// heartbeat is for how long an epoch without signs of life is left alone.
	heartbeat time.Duration
	fuse      fusing
	waves     coordinator.Launcher // nil: all stages run here
	earlier   earlier
	wants     bool // an epoch that begins behind the trigger
	// allowed is how many rows each source task of the newest plan reads, failures how
	// many plans have failed in this call.
	allowed  int64
	failures int
	done     Triggered
	spent    spending
}

// mostEpochs is how many a call runs at most; who asks then asks again.
const mostEpochs = 1000

func (r *turn) run(ctx context.Context) (Triggered, error) {
	r.spent = r.e.spending(r.t.Reason)
	ctx = r.spent.with(ctx)
	if err := r.prepare(ctx); err != nil {
		return r.done, err
	}
	end := time.Duration(float64(r.limit) * 0.9)
	ctx, cancel := context.WithTimeoutCause(ctx, end, coordinator.ErrSuspend)
	defer cancel()
	half := now().Add(end / 2) // no epoch begins behind it
	for range mostEpochs {
		again, err := r.epoch(ctx)
		if err != nil || !again {
			return r.done, err
		}
		if now().After(half) {
			return r.done, r.pass(ctx)
		}
	}
	return r.done, nil
}

// prepare finds out what the trigger wants, and by what means.
func (r *turn) prepare(ctx context.Context) (err error) {
	r.done = Triggered{Job: r.d.Name, State: TriggerIdle}
	r.own = checkpoint.Sub(r.store, checkpoint.JobDir(r.d.Job))
	if r.rules, err = r.e.triggersOf(); err != nil {
		return err
	}
	if r.fuse, err = r.e.fusing(); err != nil {
		return err
	}
	k := &keyReader{get: r.e.Config}
	if r.limit, r.heartbeat = k.duration(keyFunctionTimeout), k.duration(keyAlive); k.err != nil {
		return k.err
	}
	if at, ok := ctx.Deadline(); ok {
		r.limit = min(r.limit, at.Sub(now()))
	}
	if r.earlier, err = readEarlier(ctx, r.own); err != nil {
		return err
	}
	if r.wants, err = r.due(ctx); err != nil {
		return err
	}
	if r.e.Config(keyFunctions) != "" {
		r.waves, err = r.launcher(ctx)
	}
	return err
}

const firedFile = "driverless/fired"

// due reports whether the trigger asks for an epoch. That a schedule does is noted,
// so that the next timer knows.
func (r *turn) due(ctx context.Context) (bool, error) {
	switch r.t.Reason {
	case lambda.Manual, lambda.New, "":
		return true, nil
	case lambda.Task:
		return false, nil
	case lambda.Timer:
	default:
		return false, fmt.Errorf("%w: a trigger for the reason %q: want manual, timer or new", job.ErrInvalid, r.t.Reason)
	}
	if !r.rules.scheduled() {
		return true, nil // or as many rows wait as the plan must find
	}
	var fired time.Time
	data, err := r.own.Get(ctx, firedFile)
	if err == nil {
		var millis int64
		if millis, err = strconv.ParseInt(string(data), 10, 64); err == nil {
			fired = time.UnixMilli(millis)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%w: look when the schedule was last met: %w", job.ErrUnavailable, err)
	}
	due, err := r.rules.due(now(), fired)
	if err == nil && due {
		err = r.own.Put(ctx, firedFile, []byte(strconv.FormatInt(now().UnixMilli(), 10)))
		return true, err
	}
	return r.rules.lagging(), err
}

// launcher runs the stages of epochs as functions.
func (r *turn) launcher(ctx context.Context) (coordinator.Launcher, error) {
	g, err := r.e.gearing(r.dir, r.e.workerOptions(r.e.registry, r.store))
	if err != nil {
		return nil, err
	}
	g.stages = map[string]string{}
	if memory := r.e.Config(keyFunctionMemory); memory != "" { // what an invocation is billed
		g.stages[keyFunctionMemory] = memory
	}
	l, err := g.functions(ctx)
	if err != nil {
		return nil, err
	}
	l.Deployment = r.d.file()
	if _, ok := l.Invoker.(lambda.Sender); !ok {
		return l, nil
	}
	return &lambda.Fanout{
		Launcher: *l, Then: lambda.Trigger{Storage: r.dir, Job: r.d.Name, Reason: lambda.Task}, Patience: r.patience(),
	}, nil
}

// patience is for how long results of tasks are waited for before they are invoked
// again: three times as long as the slowest lately.
func (r *turn) patience() time.Duration {
	var slowest time.Duration
	for _, e := range r.earlier.Epochs {
		slowest = max(slowest, time.Duration(e.Slowest)*time.Millisecond)
	}
	return min(max(r.heartbeat, 3*slowest), r.limit)
}

// epoch runs one, and reports whether there should be another.
func (r *turn) epoch(ctx context.Context) (again bool, err error) {
	left, err := coordinator.RemainsOf(ctx, r.store, r.d.Job)
	if err != nil {
		return false, err
	}
	r.wants = r.wants || len(left.Asked) > 0 && len(left.Open) == 0
	if !r.wants && len(left.Open) == 0 {
		if r.t.Reason == lambda.Timer && r.done.Epochs == 0 {
			r.done.State = TriggerNotDue
		}
		return false, nil
	}
	j, err := r.e.driverlessJob(r.store, r.d.Content.Graph)
	if err != nil {
		return false, err
	}
	j.ID = r.d.Job
	o := r.e.workerOptions(r.e.registry, r.store)
	o.Context = r.spent.with
	refused := false
	r.failures = 0
	waves := r.waves
	if waves == nil {
		waves = here{o}
	}
	p, err := coordinator.RunEpoch(ctx, j, coordinator.Driverless{
		Lead: r.d.Owner, Waves: waves, Here: here{o}, Joins: r.t.Reason == lambda.Task, Patience: r.heartbeat,
		Host: func() coordinator.Host { return coordinator.NewHost(o.Clock) }, Finish: !r.wants,
		Attempts: (&keyReader{get: r.e.Config}).int(keyInvocations),
		Shape: func(p *coordinator.Plan, w coordinator.Waiting) bool {
			r.shape(p, w)
			refused = r.t.Reason == lambda.Timer && r.rules.lagging() && !r.rules.enough(waits{w.Rows, w.Known, w.Since})
			return !refused
		},
	})
	if err != nil {
		return false, err
	}
	return r.passed(ctx, p, refused, left)
}

// shape cuts the epoch to fit.
func (r *turn) shape(p *coordinator.Plan, w coordinator.Waiting) {
	k := &keyReader{get: r.e.Config}
	for ; r.failures < w.Failures; r.failures++ { // in this call, of the plan before
		r.earlier = r.earlier.add(earlierEpoch{Failed: true}, r.allowed)
	}
	limit, fused := r.earlier.fit(int64(k.int(keyEpochRows)), r.limit, r.fuse, w.Rows, w.Known)
	r.allowed = limit
	p.Fused = fused || r.waves == nil
	for i := range p.Stages {
		s := &p.Stages[i]
		s.Beside, s.Wait = p.Fused, min(s.Wait, r.limit/2)
		if s.Splits != nil {
			s.Rows = limit
		}
	}
}

// passed takes note of what has come of a call, and reports whether there should be
// another.
func (r *turn) passed(ctx context.Context, p coordinator.Passed, refused bool, left coordinator.Remains) (again bool, err error) {
	switch {
	case p.Open:
		r.done.State, r.done.Epoch = TriggerOpen, p.Epoch
		if !r.wants || p.Made {
			return false, nil
		}
		told, err := coordinator.Remember(ctx, r.store, r.d.Job, p.Epoch, newID())
		return !told, err
	case p.State == coordinator.Finished:
		r.done.State = TriggerFinished
		r.ran(ctx, p)
		return false, nil
	case p.Idle:
		if refused && r.done.Epochs == 0 {
			r.done.State = TriggerNotDue
		}
		wanted := r.wants
		if r.wants = false; wanted && len(left.Open) > 0 {
			return true, nil // what was claimed before may not be published
		}
		if wanted && !refused {
			err = left.Forget(ctx, r.store, r.d.Job)
		}
		return false, err
	case p.State == coordinator.Stopped:
		r.ran(ctx, p)
		r.done.State = TriggerDone
		if p.Made {
			r.wants = false
		}
		left, err := coordinator.RemainsOf(ctx, r.store, r.d.Job)
		if len(left.Asked) > 0 || p.More() {
			r.wants = true
		}
		return r.wants, err
	}
	return false, r.failed(ctx, p)
}

// ran notes an epoch that has ended.
func (r *turn) ran(ctx context.Context, p coordinator.Passed) {
	if len(p.Ran) == 0 {
		return
	}
	e, limit := epochOf(p)
	e.Usage = r.spent.on(p, e.Rows)
	r.earlier = r.earlier.add(e, limit)
	r.earlier.write(ctx, r.own, r.e.log)
	r.done.Usage, r.done.Total = r.done.Usage.Plus(e.Usage), r.earlier.Usage
	r.done.Epochs++
	r.done.Epoch, r.done.Rows = p.Epoch, r.done.Rows+e.Rows
}

// failed notes an epoch that has not.
func (r *turn) failed(ctx context.Context, p coordinator.Passed) error {
	if p.Epoch > 0 {
		e, limit := epochOf(p)
		e.Failed, e.Usage = true, r.spent.on(p, 0)
		r.earlier = r.earlier.add(e, limit)
		r.earlier.write(context.WithoutCancel(ctx), r.own, r.e.log)
	}
	err := cmp.Or(p.Err, errors.New("the epoch has not ended"))
	if errors.Is(err, coordinator.ErrSuspend) {
		err = fmt.Errorf("%w: epoch %d has not ended within '%s', %v: the next trigger goes on with it, or with less at a time", job.ErrUnavailable, p.Epoch, keyFunctionTimeout, r.limit)
	}
	if !errors.Is(err, job.ErrInvalid) && r.earlier.smallest() {
		err = fmt.Errorf("%w; tasks read as little at a time as they can already (%d rows): %s", err, leastRows, lambda.Remedy)
	}
	return err
}

// pass leaves what is to be done to another invocation: time is short.
func (r *turn) pass(ctx context.Context) error {
	if _, err := coordinator.Remember(ctx, r.store, r.d.Job, r.done.Epoch, newID()); err != nil {
		return err
	}
	f, ok := r.waves.(*lambda.Fanout)
	if !ok {
		r.e.log.Info("there is more to read than one call may take: the next trigger goes on", slog.String("job_name", r.d.Name))
		return nil
	}
	return f.Pass(ctx)
}

// here runs stages in this process.
type here struct{ o engine.Options }

// Run implements coordinator.Launcher.
func (h here) Run(ctx context.Context, s stage.Spec) (stage.Result, error) {
	return stage.Run(ctx, s, newID(), h.o)
}
