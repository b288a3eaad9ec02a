package wadi

import (
	"context"
	"errors"
	"maps"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/recursion"
	"github.com/wadi-engine/wadi/sql"
	"github.com/wadi-engine/wadi/stream"
)

// recur runs a job of a query of WITH RECURSIVE within another job; it is a
// recursion.Run.
func (e *Env) recur(ctx context.Context, g *job.Graph, step []arrow.RecordBatch, take func(arrow.RecordBatch) error) error {
	c := &collector{rows: make(chan *stream.Batch, 4)}
	registry := *e.registry
	registry.Connectors = maps.Clone(registry.Connectors)
	registry.Connectors[collectName] = c.connector()
	registry.Connectors[recursion.StepName] = recursion.StepConnector(step)
	run, err := e.start(ctx, &sql.Plan{Graph: *g, Bounded: true}, launch{registry: &registry, here: true})
	if err != nil {
		return err
	}
	var refused error
	c.drain(run, func(b *stream.Batch) bool {
		refused = take(b.Rows)
		return refused == nil
	})
	_, err = run.Wait()
	if refused != nil {
		return refused
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, context.Canceled) {
		err = context.Canceled
	}
	return err
}
