package wadi

import (
	"context"
	"fmt"
	"os"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Stage is the tasks of one chain of a job, for one epoch: a document that
// another process, container or function can run with Env.RunStage. It may hold
// secrets: those of the tables that the job reads and writes.
type Stage struct {
	Spec stage.Spec `json:"spec"`
	// Checkpoints is the URL of the checkpoint directory.
	Checkpoints string `json:"checkpoints"`
	// Config is what was set in the Env of the keys that a job has, and of those
	// that decide about memory.
	Config map[string]string `json:"config,omitempty"`
}

// StageResult is what the tasks of a stage hold at the end of the epoch.
type StageResult = stage.Result

// Launcher runs the stages of jobs in the staged gear ('execution.gear' =
// 'staged') elsewhere. Launch returns when the stage has ended, and soon after
// the end of ctx; what cannot be helped by another try is an error that wraps
// job.ErrInvalid.
type Launcher interface {
	Launch(ctx context.Context, s Stage) (StageResult, error)
}

// RunStage runs a stage in this process. The Env needs the connectors and
// stores of the one that made the stage.
func (e *Env) RunStage(ctx context.Context, s Stage) (StageResult, error) {
	if err := e.limitMemory(); err != nil {
		return StageResult{}, err
	}
	store, err := e.checkpointStore(ctx, s.Checkpoints)
	if err != nil {
		return StageResult{}, err
	}
	o := e.workerOptions(e.registry, store)
	var m objstore.Meters
	o.Context = func(ctx context.Context) context.Context { return objstore.WithMeters(ctx, &m) }
	res, err := stage.Run(o.Context(ctx), s.Spec, newID(), o)
	res.Usage = stored(m.Counts())
	return res, err
}

func (e *Env) workerOptions(r *ops.Registry, store checkpoint.Store) engine.Options {
	return engine.Options{Registry: r, Store: e.o.copies.of(e, store), Alloc: mem.Default(), Clock: engine.WallClock{}, Log: e.log, Backend: backend, Overtaking: e.unaligned(), Debloat: e.debloat(), ChannelBytes: (&keyReader{get: e.Config}).size(keyChannelSize)}
}

// launched runs the stages of a job by a Launcher.
type launched struct {
	Launcher
	checkpoints string
	config      map[string]string
}

// Run implements coordinator.Launcher.
func (d launched) Run(ctx context.Context, s stage.Spec) (stage.Result, error) {
	return d.Launch(ctx, Stage{Spec: s, Checkpoints: d.checkpoints, Config: d.config})
}

// stageRunner runs the stages of one job where they belong: those that end in
// this process, as the rows of a SELECT do, are run in it.
type stageRunner struct {
	elsewhere coordinator.Launcher // or nil
	here      engine.Options
	account   *account
	counts    *stageCounts
}

var _ coordinator.Launcher = (*stageRunner)(nil)

// Run runs s and adds up what it has counted.
func (r *stageRunner) Run(ctx context.Context, s stage.Spec) (stage.Result, error) {
	var res stage.Result
	var err error
	if r.elsewhere == nil || endsHere(s) {
		res, err = stage.Run(ctx, s, newID(), r.here)
	} else {
		res, err = r.elsewhere.Run(ctx, s)
	}
	r.account.add(res.Usage)
	r.counts.add(res.Counts)
	return res, err
}

// endsHere reports whether a stage has a sink that gives its rows to this
// process.
func endsHere(s stage.Spec) bool {
	heads := make(map[job.VertexID]bool)
	for _, a := range s.Tasks {
		heads[a.Task.Vertex] = true
	}
	for _, c := range s.Graph.Chains() {
		v := s.Graph.Vertices[c.Tail()]
		if !heads[c.Head()] || v.Kind != job.KindSink {
			continue
		}
		config, err := ops.DecodeConfig[ops.SinkConfig](v)
		if err == nil && shown(config.Table) {
			return true
		}
	}
	return false
}

// shown reports whether the rows of a table are for who looks at this process.
func shown(t job.Table) bool { return t.Connector == collectName || t.Connector == "print" }

// scratch makes a checkpoint directory for a job that has none: the staged gear
// keeps in it what passes from one stage to the next.
func scratch() (dir string, remove func(), err error) {
	if dir, err = os.MkdirTemp("", "wadi-staged-"); err != nil {
		return "", nil, fmt.Errorf("make a directory for the stages: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // what stays is in the system's temporary directory
}
