package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

// Worker answers the events of a Launcher.
type Worker struct {
	// Open is how tasks are run with the configuration and the checkpoint
	// directory of an event, whose Graph it finds in its Deployment; done is called
	// behind it.
	Open func(ctx context.Context, e *Event) (o engine.Options, done func(), err error)
	// NewID makes what no other call of it, anywhere, has made.
	NewID func() string
	// Then does what an event says that is to be done behind a task.
	Then func(ctx context.Context, t Trigger) error
	// Meter, if not nil, begins to count what an invocation uses: its time, and what
	// it asks of storage in the contexts that with makes.
	Meter func(e Event) (with func(context.Context) context.Context, used func() cost.Usage)
}

func (w Worker) meter(e Event) (with func(context.Context) context.Context, used func() cost.Usage) {
	if w.Meter != nil {
		return w.Meter(e)
	}
	return func(ctx context.Context) context.Context { return ctx }, func() (none cost.Usage) { return none }
}

// Handle runs the task of an event, unless its result is there already, and
// replies with the result that counts: of several invocations for one task, the
// first to create the result's object has run it, and all reply the same.
//
// What is to be done then belongs to it: if that fails, the event has failed.
func (w Worker) Handle(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	var e Event
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, fmt.Errorf("%w: read the event: %w", job.ErrInvalid, err)
	}
	reply, last, err := w.task(ctx, e)
	if err == nil && last {
		err = w.Then(ctx, *e.Then)
	}
	return reply, err
}

// task runs the task of an event. last says that there is something to be done then,
// and that it is time: the other tasks of the stage have their results, too.
func (w Worker) task(ctx context.Context, e Event) (reply json.RawMessage, last bool, err error) {
	with, used := w.meter(e)
	ctx = with(ctx)
	o, done, err := w.Open(ctx, &e)
	if err != nil {
		return nil, false, err
	}
	defer done()
	o.Context = with
	spec, err := specOf(ctx, e, o.Store)
	if err != nil {
		return nil, false, err
	}
	file := resultFile(spec)
	if e.Again || e.Then != nil {
		if data, err := o.Store.Get(ctx, file); err == nil {
			return w.settled(ctx, e, spec, o.Store, file, data, used())
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, false, fmt.Errorf("look for the result of an earlier invocation: %w", err)
		}
	}
	attempt := w.NewID()
	result, err := stage.Run(ctx, spec, attempt, o)
	if errors.Is(err, job.ErrInvalid) && e.Then != nil { // whoever looks for the result finds why there is none
		if why, err := encode(FailureOf(err)); err == nil {
			_, _ = o.Store.PutIfAbsent(ctx, refusedFile(spec), why) // or the waves run out
		}
		reply, err := encode(Reply{})
		return reply, true, err
	}
	if err != nil {
		return nil, false, err
	}
	result.Usage = used()
	result.Usage.Puts++ // the result itself
	data, err := encode(record{attempt, result})
	if err != nil {
		return nil, false, err
	}
	won, err := o.Store.PutIfAbsent(ctx, file, data)
	if err == nil && !won {
		data, err = o.Store.Get(ctx, file)
	}
	if err != nil {
		return nil, false, fmt.Errorf("write the result: %w", err)
	}
	return w.settled(ctx, e, spec, o.Store, file, data, used())
}

// settled is the reply for a task that has a result.
func (w Worker) settled(ctx context.Context, e Event, s stage.Spec, store checkpoint.Store, file string, data []byte, used cost.Usage) (json.RawMessage, bool, error) {
	reply, err := replyOf(file, data, used)
	if err != nil || e.Then == nil {
		return reply, false, err
	}
	found, err := store.List(ctx, resultsOf(s))
	if err != nil {
		return nil, false, fmt.Errorf("%w: look whether it is the last of its stage: %w", job.ErrUnavailable, err)
	}
	return reply, len(found) >= s.Graph.Vertices[s.Tasks[0].Task.Vertex].Parallelism, nil
}

func specOf(ctx context.Context, e Event, s checkpoint.Store) (spec stage.Spec, err error) {
	switch {
	case e.File != "":
		data, err := s.Get(ctx, e.File)
		if errors.Is(err, fs.ErrNotExist) {
			return spec, fmt.Errorf("%w: what to run is gone, %s: its epoch is over", job.ErrInvalid, e.File)
		}
		if err == nil {
			err = json.Unmarshal(data, &spec)
		}
		if err != nil {
			return spec, fmt.Errorf("read what to run: %w", err)
		}
	case e.Stage != nil:
		spec = *e.Stage
	}
	if spec.Graph == nil && e.Graph != nil {
		graph := *e.Graph
		graph.KeyGroups, spec.Graph = e.KeyGroups, &graph
	}
	if spec.Graph == nil || len(spec.Tasks) == 0 {
		return spec, fmt.Errorf("%w: the event names no task to run", job.ErrInvalid)
	}
	return spec, nil
}

// replyOf is the result in a record, by its name when it is long, and what the
// invocation that replies has used.
func replyOf(file string, data []byte, used cost.Usage) (json.RawMessage, error) {
	if len(data) > MaxPayload/2 {
		return encode(Reply{File: file, Usage: used})
	}
	r, err := resultIn(file, data)
	if err != nil {
		return nil, err
	}
	return encode(Reply{Result: &r, Usage: used})
}
