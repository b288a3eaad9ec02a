package wadi

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/lambda"
)

// StageHandler answers the events by which jobs in the functions gear run their
// tasks, and those that trigger deployed jobs, with the connectors and stores of o.
// The configuration of a job comes with each event or is deployed with it, and counts
// before that of o; what is opened for one stays open for the next.
func StageHandler(o Options) lambda.Handler {
	o.invoked, o.copies = true, &functionCopies{}
	h := &stageHandler{o: o, envs: make(map[string]*Env), deployed: make(map[string]*deployedContent)}
	meter := func(e lambda.Event) (func(context.Context) context.Context, func() cost.Usage) {
		return meterInvocation(memoryOf(e.Config[keyFunctionMemory]))
	}
	worker := lambda.Worker{Open: h.open, NewID: newID, Meter: meter, Then: func(ctx context.Context, t lambda.Trigger) error {
		_, err := h.trigger(ctx, t)
		return err
	}}
	return func(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
		n, ok, err := lambda.NotificationOf(event)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return worker.Handle(ctx, event)
		case n.Trigger == nil:
			if n.Reply == nil {
				n.Reply = json.RawMessage(`{}`)
			}
			return n.Reply, nil
		}
		done, err := h.trigger(ctx, *n.Trigger)
		if err != nil || n.Reply != nil {
			return n.Reply, err
		}
		return json.Marshal(done)
	}
}

// trigger runs epochs of deployed jobs.
func (h *stageHandler) trigger(ctx context.Context, t lambda.Trigger) ([]Triggered, error) {
	e, done, err := h.env(nil)
	if err != nil {
		return nil, err
	}
	defer done()
	return e.trigger(ctx, t, h.env)
}

// stageHandler keeps the environments of the configurations that it has seen.
type stageHandler struct {
	o Options

	mu   sync.Mutex
	envs map[string]*Env
	// deployed are the deployments that it has seen, by where they are.
	deployed map[string]*deployedContent
}

// keptEnvs is how many stay open. A function runs the tasks of few jobs.
const keptEnvs = 8

func (h *stageHandler) open(ctx context.Context, event *lambda.Event) (o engine.Options, done func(), err error) {
	config := event.Config
	if event.Deployment != "" {
		d, err := h.deployment(ctx, event.Checkpoints, event.Deployment)
		if err != nil {
			return o, nil, err
		}
		config, event.Graph = d.Config, d.Graph
	}
	e, done, err := h.env(config)
	if err != nil {
		return o, nil, err
	}
	store, err := e.checkpointStore(ctx, event.Checkpoints)
	if err != nil {
		done()
		return o, nil, err
	}
	return e.workerOptions(e.registry, store), done, nil
}

// deployment is what a deployment has, which never changes.
func (h *stageHandler) deployment(ctx context.Context, dir, file string) (*deployedContent, error) {
	key := dir + " " + file
	h.mu.Lock()
	c := h.deployed[key]
	h.mu.Unlock()
	if c != nil {
		return c, nil
	}
	e, done, err := h.env(nil)
	if err != nil {
		return nil, err
	}
	defer done()
	store, err := e.checkpointStore(ctx, dir)
	if err != nil {
		return nil, err
	}
	d, err := readDeployed(ctx, store, file)
	if err == nil {
		err = d.unseal(e.Config(keySecret))
	}
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.deployed) >= keptEnvs {
		clear(h.deployed)
	}
	h.deployed[key] = d.Content
	return d.Content, nil
}

// env is the environment of a configuration, and what to do behind its use.
func (h *stageHandler) env(config map[string]string) (e *Env, done func(), err error) {
	key, err := json.Marshal(config) // its keys are sorted
	if err != nil {
		return nil, nil, fmt.Errorf("%w: the configuration of an event: %w", job.ErrInvalid, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.envs[string(key)]; e != nil {
		return e, func() {}, nil
	}
	o := h.o
	o.Config = make(map[string]string)
	maps.Copy(o.Config, h.o.Config)
	maps.Copy(o.Config, config)
	if e, err = Local(o); err != nil {
		return nil, nil, err
	}
	if err := e.limitMemory(); err != nil {
		_ = e.Close() // nothing was done in it
		return nil, nil, err
	}
	if len(h.envs) < keptEnvs {
		h.envs[string(key)] = e
		return e, func() {}, nil
	}
	return e, func() { _ = e.Close() }, nil // everything that matters is in storage
}
