package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
)

// Fanout runs the stages of an epoch as functions that nobody waits for:
//
//	are all results of the stage there?   they are what it has come to
//	is it this one's turn to invoke it?   the tasks without a result are invoked, and
//	                                      stage.ErrElsewhere says so
//	otherwise                             ErrElsewhere: others have done so
//
// A task that has created its result calls it again, through Then, so that the last
// of a stage finds all of them. Who invokes a stage is the first to create its wave's
// object; when results are missing for too long, there is another wave.
type Fanout struct {
	Launcher Launcher // how events are made; its Invoker is a Sender
	Then     Trigger  // what a task does behind its result
	// Patience is for how long results are waited for before there is another wave.
	Patience time.Duration
}

// Run is a coordinator.Launcher.
func (f *Fanout) Run(ctx context.Context, s stage.Spec) (stage.Result, error) {
	store := f.Launcher.Store
	found, err := store.List(ctx, resultsOf(s))
	if err != nil {
		return stage.Result{}, fmt.Errorf("%w: list the results of a stage: %w", job.ErrUnavailable, err)
	}
	there := make(map[int]bool, len(found))
	for _, name := range found {
		if i, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:]); err == nil {
			there[i] = true
		}
	}
	tasks := split(s)
	var missing []stage.Spec
	for _, t := range tasks {
		if !there[t.Tasks[0].Task.Index] {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return f.gather(ctx, tasks)
	}
	if err := f.refused(ctx, s); err != nil {
		return stage.Result{}, err
	}
	mine, again, err := f.turn(ctx, s)
	if err == nil && mine {
		err = f.send(ctx, missing, again)
	}
	if err != nil {
		return stage.Result{}, err
	}
	return stage.Result{}, stage.ErrElsewhere
}

// gather reads the results of tasks, which are all there.
func (f *Fanout) gather(ctx context.Context, tasks []stage.Spec) (stage.Result, error) {
	results := make([]stage.Result, len(tasks))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(f.Launcher.Concurrency, 1))
	for i, t := range tasks {
		g.Go(func() error {
			file := resultFile(t)
			data, err := f.Launcher.Store.Get(ctx, file)
			if err != nil {
				return fmt.Errorf("%w: read the result of task %v: %w", job.ErrUnavailable, t.Tasks[0].Task, err)
			}
			results[i], err = resultIn(file, data)
			return err
		})
	}
	err := g.Wait()
	return joined(results), err
}

// joined is the results of tasks as that of their stage.
func joined(results []stage.Result) (all stage.Result) {
	for _, r := range results {
		all.Handles, all.Counts, all.Sent = append(all.Handles, r.Handles...), append(all.Counts, r.Counts...), append(all.Sent, r.Sent...)
		all.Took, all.Usage = max(all.Took, r.Took), all.Usage.Plus(r.Usage)
	}
	return all
}

// refused is why the stage cannot be run, as one of its tasks has found out.
func (f *Fanout) refused(ctx context.Context, s stage.Spec) error {
	data, err := f.Launcher.Store.Get(ctx, refusedFile(s))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var why Failure
	if err == nil {
		err = json.Unmarshal(data, &why)
	}
	if err != nil {
		return fmt.Errorf("%w: read why a stage was refused: %w", job.ErrUnavailable, err)
	}
	return why
}

// turn reports whether this call is the one to invoke the tasks, and whether they
// were invoked before.
func (f *Fanout) turn(ctx context.Context, s stage.Spec) (mine, again bool, err error) {
	now := f.Launcher.Clock.Now()
	for n := 1; n <= max(f.Launcher.Attempts, 1); n++ {
		won, err := f.Launcher.Store.PutIfAbsent(ctx, waveFile(s, n), []byte(strconv.FormatInt(now.UnixMilli(), 10)))
		if err != nil {
			return false, false, fmt.Errorf("%w: begin a wave: %w", job.ErrUnavailable, err)
		}
		if won {
			return true, n > 1, nil
		}
		data, err := f.Launcher.Store.Get(ctx, waveFile(s, n))
		if errors.Is(err, fs.ErrNotExist) {
			return false, false, nil // the epoch is over
		}
		at, perr := strconv.ParseInt(string(data), 10, 64)
		if err = errors.Join(err, perr); err != nil {
			return false, false, fmt.Errorf("%w: look when a wave began: %w", job.ErrUnavailable, err)
		}
		if now.Sub(time.UnixMilli(at)) < f.Patience {
			return false, false, nil
		}
	}
	return false, false, fmt.Errorf("%w: results of a stage are missing after %d waves: its functions get lost, or take more memory or time than they are given (%s)",
		job.ErrUnavailable, f.Launcher.Attempts, Remedy)
}

// Remedy says what to change when a task does not fit into a function.
const Remedy = "give the function more memory or time, or less to do at a time: 'wadi.staged.rows-per-epoch', 'parallelism.default'"

func (f *Fanout) sender() (Sender, error) {
	s, ok := f.Launcher.Invoker.(Sender)
	if !ok {
		return nil, fmt.Errorf("%w: the platform takes no events that nobody waits for", job.ErrInvalid)
	}
	return s, nil
}

// send invokes tasks.
func (f *Fanout) send(ctx context.Context, tasks []stage.Spec, again bool) error {
	sender, err := f.sender()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var lost error
	var g errgroup.Group
	g.SetLimit(max(f.Launcher.Concurrency, 1))
	for _, t := range tasks {
		g.Go(func() error {
			event, err := f.Launcher.eventOf(ctx, t, again, &f.Then, MaxSent)
			if err == nil {
				err = sender.Send(ctx, event)
			}
			if errors.Is(err, job.ErrInvalid) {
				return err
			}
			if err != nil {
				mu.Lock()
				lost = err
				mu.Unlock()
			}
			return nil
		})
	}
	err = g.Wait()
	if err == nil && lost != nil { // the next wave finds it missing
		f.Launcher.Log.Warn("an event may be lost", slog.Uint64("epoch", uint64(tasks[0].Epoch)), slog.Any("error", lost))
	}
	return err
}

// Pass lets another invocation go on with the job.
func (f *Fanout) Pass(ctx context.Context) error {
	sender, err := f.sender()
	if err != nil {
		return err
	}
	event, err := encode(map[string]Trigger{"trigger": f.Then})
	if err != nil {
		return err
	}
	return sender.Send(ctx, event)
}
