package wadi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql"
)

// Bootstrap says what a job's state is made of before it has run.
type Bootstrap struct {
	// History has the rows that tables of the job are taken to have given so far, by
	// the tables' names. A Frame has the columns of its table that the job reads, by
	// their names. Where event time matters, they come in its order: ORDER BY.
	History map[string]*Frame
	// Directory is where the savepoint gets a folder.
	Directory string
	// Write lets the job's sinks write what comes of the history. Otherwise
	// nothing is written.
	Write bool
}

// Bootstrap runs the job over rows of the past in place of what its tables give,
// and makes a savepoint of the state that it has then. A job that starts from it
// reads its tables from their beginning, as if it had read the history before. It
// returns the savepoint's URL.
//
//	history ─► the job's own operators ─► nowhere, or its sinks
//	                  └ state ─► savepoint
//
// Every table without end that the job reads needs a history; others are read as
// the job reads them.
func (p *Pipeline) Bootstrap(ctx context.Context, b Bootstrap) (string, error) {
	if p.err != nil {
		return "", p.err
	}
	dir, finally, err := scratch()
	if err != nil {
		return "", err
	}
	defer finally()
	past := &past{env: p.env, queries: map[string]*Query{}, read: make(chan struct{})}
	graph, err := past.graph(ctx, p.plan.Graph, b)
	if err != nil {
		return "", err
	}
	env, err := p.env.apart(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = env.Close() }() // its job has ended
	registry := *p.env.registry
	registry.Connectors = maps.Clone(registry.Connectors)
	registry.Connectors[pastName] = past.connector()
	run, err := env.start(ctx, &sql.Plan{Graph: graph}, launch{restore: RestoreNone, registry: &registry, checkpoint: true, here: true})
	if err != nil {
		return "", err
	}
	path, err := past.save(ctx, run, b.Directory)
	if err == nil {
		return path, nil
	}
	run.Cancel(err)
	if _, failed := run.Wait(); failed != nil && ctx.Err() == nil && !errors.Is(failed, err) {
		return "", fmt.Errorf("read the history: %w", failed)
	}
	return "", err
}

// apart is an Env for a job of this Env's plans, whose checkpoints go to a
// directory: one, when it is asked for.
func (e *Env) apart(dir string) (*Env, error) {
	o := e.o
	e.mu.Lock()
	o.Config = e.session.Config().All()
	e.mu.Unlock()
	for _, k := range []string{keyCheckpointInterval, keyRestorePath, keyRestart, keyGear, sql.KeyName} {
		delete(o.Config, k)
	}
	o.Config[keyCheckpointDir] = dir
	o.Parallelism = 0 // it is in the plan
	return local(o, &jobs{})
}

// past stands in for the tables that have a history.
type past struct {
	env     *Env
	queries map[string]*Query // by identifier of the table
	tasks   int               // that read them
	read    chan struct{}     // gets one from each of them, when it has read everything
}

// graph is the job's graph with other sources, and perhaps with other sinks.
func (h *past) graph(ctx context.Context, g job.Graph, b Bootstrap) (job.Graph, error) {
	if err := h.plan(ctx, b.History); err != nil {
		return g, err
	}
	g.Vertices = slices.Clone(g.Vertices)
	used := map[string]bool{}
	for i := range g.Vertices {
		v := &g.Vertices[i]
		var err error
		switch {
		case v.Kind == job.KindSource:
			err = h.replace(ctx, v, used)
		case v.Kind == job.KindSink && !b.Write:
			err = discard(v)
		}
		if err != nil {
			return g, err
		}
	}
	for name := range h.queries {
		if !used[name] {
			return g, fmt.Errorf("%w: the job does not read table %s, which has a history", job.ErrInvalid, name)
		}
	}
	return g, nil
}

// plan plans the queries, as batches.
func (h *past) plan(ctx context.Context, history map[string]*Frame) error {
	h.env.mu.Lock()
	defer h.env.mu.Unlock()
	c := h.env.session.Config()
	mode, chosen := c.All()[sql.KeyRuntimeMode]
	if err := c.Set(sql.KeyRuntimeMode, "BATCH"); err != nil {
		return err
	}
	defer func() {
		_ = c.Reset(sql.KeyRuntimeMode)
		if chosen {
			_ = c.Set(sql.KeyRuntimeMode, mode) // as it was
		}
	}()
	for name, f := range history {
		if f.err != nil {
			return fmt.Errorf("the history of %s: %w", name, f.err)
		}
		id, err := h.env.session.Space().Ident(strings.Split(name, "."))
		if err != nil {
			return err
		}
		r, err := h.env.session.Execute(ctx, f.query, f.text)
		if err != nil {
			return fmt.Errorf("the history of %s: %w", name, err)
		}
		plan, ok := r.(*sql.Plan)
		if !ok {
			return fmt.Errorf("%w: the history of %s is no query", job.ErrInvalid, name)
		}
		h.queries[id.String()] = h.env.newQuery(plan)
	}
	return nil
}

// replace makes a source read its history; a bounded one without is left alone.
func (h *past) replace(ctx context.Context, v *job.Vertex, used map[string]bool) error {
	config, err := ops.DecodeConfig[ops.SourceConfig](*v)
	if err != nil {
		return err
	}
	t := &config.Scan.Table
	q := h.queries[t.Ident.String()]
	if q == nil {
		return h.env.bounded(ctx, config.Scan)
	}
	used[t.Ident.String()] = true
	if _, err := newPastSource(config.Scan, q); err != nil {
		return err
	}
	h.tasks += v.Parallelism
	t.Connector, t.Options = pastName, nil
	v.Config, err = json.Marshal(config)
	return err
}

// bounded refuses a table that has no end.
func (e *Env) bounded(ctx context.Context, scan ops.Scan) error {
	c, err := e.registry.Connector(scan.Table.Connector)
	if err != nil {
		return err
	}
	s, err := c.Source(ctx, scan)
	if err != nil {
		return err
	}
	if s.Bounded() {
		return nil
	}
	return fmt.Errorf("%w: table %s has no end, so that it needs a history", job.ErrInvalid, scan.Table.Ident)
}

// discard makes a sink forget its rows.
func discard(v *job.Vertex) error {
	config, err := ops.DecodeConfig[ops.SinkConfig](*v)
	if err != nil {
		return err
	}
	config.Table.Connector, config.Table.Options = "blackhole", map[string]string{"connector": "blackhole"}
	v.Config, err = json.Marshal(config)
	return err
}

// save waits until everything is read, and stops the job with a savepoint.
func (h *past) save(ctx context.Context, run *Run, dir string) (string, error) {
	for range h.tasks {
		select {
		case <-h.read:
		case <-run.Done():
			return "", fmt.Errorf("%w: the job has ended before the history was read", job.ErrUnavailable)
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	const look = 20 * time.Millisecond
	for every := time.NewTicker(look); ; { //nolint:forbidigo // a Run is watched from outside
		if p := run.Progress(); p.Drained >= p.Sources-h.tasks {
			every.Stop()
			break
		}
		select {
		case <-every.C:
		case <-run.Done():
			return "", fmt.Errorf("%w: the job has ended before the history was read", job.ErrUnavailable)
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	return run.StopWithSavepoint(ctx, dir, false)
}
