package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Launcher runs the stages of a job as functions, each task in an invocation of
// its own. One that gets lost is invoked again; one that takes much longer than
// the others of its stage is invoked a second time beside the first, and
// whichever result is there first counts.
type Launcher struct {
	Invoker     Invoker
	Store       checkpoint.Store // the checkpoint directory
	Checkpoints string           // its URL
	Config      map[string]string
	// Deployment is where the graph is found; "" means that events have it.
	Deployment string
	// Concurrency is how many invocations run at once; Attempts how often one is
	// begun again that got lost, at most.
	Concurrency, Attempts int
	// Memory is how much a function has, in bytes, when the platform does not say.
	Memory int64
	Clock  task.Clock
	NewID  func() string
	Log    *slog.Logger
}

// Run runs a stage: it is a coordinator.Launcher.
func (l *Launcher) Run(ctx context.Context, s stage.Spec) (stage.Result, error) {
	tasks := split(s)
	results := make([]stage.Result, len(tasks))
	w := &wave{tasks: len(tasks)}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(l.Concurrency, 1))
	for i, t := range tasks {
		g.Go(func() (err error) {
			began := l.Clock.Now()
			results[i], err = l.settle(ctx, w, t)
			w.took(l.Clock.Now().Sub(began))
			return err
		})
	}
	err := g.Wait()
	all := joined(results)
	all.Usage = w.used.total()
	return all, err
}

// split is a stage for each index of the tasks of s.
func split(s stage.Spec) []stage.Spec {
	var all []stage.Spec
	at := make(map[int]int)
	for _, a := range s.Tasks {
		i, ok := at[a.Task.Index]
		if !ok {
			i = len(all)
			at[a.Task.Index], all = i, append(all, partOf(s, a.Task.Index))
		}
		all[i].Tasks = append(all[i].Tasks, a)
	}
	for i := range all {
		all[i].Inputs = stage.InputsOf(all[i], s.Inputs)
	}
	return all
}

// partOf is s with what is read at an index, and without tasks.
func partOf(s stage.Spec, index int) stage.Spec {
	t := s
	t.Tasks, t.Splits, t.Until = nil, nil, nil
	if of, ok := s.Until[index]; ok {
		t.Until = map[int][]ops.Split{index: of}
	}
	if of, ok := s.Splits[index]; ok {
		t.Splits = map[int][]ops.Split{index: of}
	}
	return t
}

// settle runs a task until its result is there, or it is of no use to go on.
func (l *Launcher) settle(ctx context.Context, w *wave, s stage.Spec) (stage.Result, error) {
	pause := 100 * time.Millisecond
	for n := 1; ; n++ {
		r, err := l.race(ctx, w, s, n > 1)
		if err == nil || !errors.Is(err, job.ErrUnavailable) || ctx.Err() != nil {
			return r, err
		}
		if n >= l.Attempts {
			return r, fmt.Errorf("task %v, after %d invocations: %w", s.Tasks[0].Task, n, err)
		}
		l.Log.Warn("invocation lost", slog.String("task", s.Tasks[0].Task.String()), slog.Uint64("epoch", uint64(s.Epoch)), slog.Any("error", err))
		select {
		case <-l.Clock.After(pause):
			pause = min(2*pause, 5*time.Second)
		case <-ctx.Done():
			return r, context.Cause(ctx)
		}
	}
}

// outcome is how one invocation ended.
type outcome struct {
	result stage.Result
	err    error
}

// race invokes a task, and once more when it is late. It ends with the first
// success, or when no invocation is left.
func (l *Launcher) race(ctx context.Context, w *wave, s stage.Spec, again bool) (stage.Result, error) {
	ctx, cancel := context.WithCancel(ctx) // for the slower one
	outcomes := make(chan outcome, 2)
	invoke := func(again bool) {
		r, err := l.invoke(ctx, w, s, again)
		outcomes <- outcome{r, err}
	}
	began, running, doubled := l.Clock.Now(), 1, false
	defer func() {
		for cancel(); running > 0; running-- { // what it has used counts
			<-outcomes
		}
	}()
	go invoke(again)
	for {
		select {
		case o := <-outcomes:
			if running--; o.err == nil || running == 0 {
				return o.result, o.err
			}
		case <-l.Clock.After(checkLate):
			if !doubled && w.late(l.Clock.Now().Sub(began)) {
				doubled = true
				running++
				l.Log.Info("invocation doubled", slog.String("task", s.Tasks[0].Task.String()), slog.Uint64("epoch", uint64(s.Epoch)))
				go invoke(true)
			}
		}
	}
}

// invoke calls the function once.
func (l *Launcher) invoke(ctx context.Context, w *wave, s stage.Spec, again bool) (stage.Result, error) {
	event, err := l.eventOf(ctx, s, again, nil, MaxPayload)
	if err != nil {
		return stage.Result{}, err
	}
	var r Reply
	began := l.Clock.Now()
	answer, billed, err := l.call(ctx, event)
	if err == nil {
		if bad := json.Unmarshal(answer, &r); bad != nil {
			err = fmt.Errorf("%w: read a reply: %w", job.ErrUnavailable, bad)
		}
	}
	w.used.add(l.bill(r.Usage, billed, l.Clock.Now().Sub(began)))
	if ctx.Err() != nil {
		return stage.Result{}, context.Cause(ctx)
	}
	if err != nil {
		return stage.Result{}, err
	}
	switch {
	case r.Result != nil:
		return *r.Result, nil
	case r.File == "":
		return stage.Result{}, fmt.Errorf("%w: a reply without a result: is another function called than the one that runs tasks?", job.ErrInvalid)
	}
	data, err := l.Store.Get(ctx, r.File)
	if err != nil {
		return stage.Result{}, fmt.Errorf("read a result: %w", err)
	}
	return resultIn(r.File, data)
}

// eventOf is the event for a task; one that is longer than limit goes through storage.
func (l *Launcher) eventOf(ctx context.Context, s stage.Spec, again bool, then *Trigger, limit int) (json.RawMessage, error) {
	e := Event{Checkpoints: l.Checkpoints, Config: l.Config, Deployment: l.Deployment, Stage: &s, Again: again || l.Deployment != "", Then: then}
	if l.Deployment != "" {
		e.KeyGroups, s.Graph = s.Graph.KeyGroups, nil
	}
	event, err := encode(e)
	if err != nil || len(event) <= limit {
		return event, err
	}
	spec, err := encode(s)
	if err != nil {
		return nil, err
	}
	e.Stage, e.File = nil, eventFile(s, l.NewID())
	if err := l.Store.Put(ctx, e.File, spec); err != nil {
		return nil, fmt.Errorf("write a long event: %w", err)
	}
	return encode(e)
}
