package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/stream"
)

// session runs the statements of one case.
type session struct {
	env   *wadi.Env
	world *world
	sinks int
	// settled reports that the sinks hold what they must before a savepoint;
	// nil takes it when the sources were read.
	settled func() bool
}

// newSession opens a session over a world. Streams fire per row and take
// checkpoints as fast as they can.
func newSession(w *world, batch bool, parallelism int, config map[string]string) (*session, error) {
	c := map[string]string{
		"execution.runtime-mode": "STREAMING", "pipeline.auto-watermark-interval": "0 ms",
		"execution.checkpointing.dir": "mem://conformance", "execution.checkpointing.interval": "1 ms",
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "3", "restart-strategy.fixed-delay.delay": "0 ms",
	}
	if batch {
		c["execution.runtime-mode"] = "BATCH"
	}
	maps.Copy(c, config)
	env, err := wadi.Local(wadi.Options{Parallelism: parallelism, Config: c, Connectors: []*ops.Connector{w.connector()}})
	if err != nil {
		return nil, err
	}
	return &session{env: env, world: w}, nil
}

func (s *session) close() { _ = s.env.Close() }

// define executes statements that run no data.
func (s *session) define(ctx context.Context, script string) error {
	return s.env.Execute(ctx, script, func(o wadi.Outcome) error {
		if o.Query != nil || o.Pipeline != nil {
			return errors.New("a statement that runs data stands among definitions")
		}
		return nil
	})
}

// answer is a query's result.
type answer struct {
	types   []datatype.Type
	names   []string
	changes []change
}

// query runs a script and gives the answer of its last query. INSERTs before it
// are run.
func (s *session) query(ctx context.Context, script string) (*answer, error) {
	var a *answer
	err := s.env.Execute(ctx, script, func(o wadi.Outcome) error {
		switch {
		case o.Pipeline != nil:
			_, err := o.Pipeline.Run(ctx)
			return err
		case o.Query == nil:
			return nil
		}
		a = &answer{}
		for _, f := range o.Query.Schema.Fields() {
			t, ok := datatype.FromField(f)
			if !ok {
				return fmt.Errorf("column %s has type %s", f.Name, f.Type)
			}
			a.types, a.names = append(a.types, t), append(a.names, f.Name)
		}
		for c, err := range o.Query.Changes(ctx) {
			if err != nil {
				return err
			}
			rows, err := changesOf(&stream.Batch{Rows: c.Record, Kinds: c.Kinds})
			if err != nil {
				return err
			}
			a.changes = append(a.changes, rows...)
		}
		return nil
	})
	if err == nil && a == nil {
		err = errors.New("the script has no query")
	}
	return a, err
}

// rows is the final table of an answer.
func (a *answer) rows() ([][]any, error) { return final(a.changes, nil, javaTexts) }

// into declares a table like a query's result and runs the query into it, as a
// job with checkpoints. It gives the table's name.
func (s *session) into(ctx context.Context, query string) (string, error) {
	name, err := s.declare(ctx, query)
	if err != nil {
		return name, err
	}
	return name, s.insert(ctx, "INSERT INTO "+name+" "+query)
}

// declare declares a table like a query's result.
func (s *session) declare(ctx context.Context, query string) (string, error) {
	s.sinks++
	name := fmt.Sprintf("sink_%d", s.sinks)
	var cols []string
	err := s.env.Execute(ctx, query, func(o wadi.Outcome) error {
		if o.Query == nil {
			return errors.New("not a query")
		}
		for i, f := range o.Query.Schema.Fields() {
			t, ok := datatype.FromField(f)
			if !ok {
				return fmt.Errorf("column %s has type %s", f.Name, f.Type)
			}
			cols = append(cols, fmt.Sprintf("c%d %s", i, t.WithNull(true)))
		}
		return nil
	})
	if err != nil {
		return name, err
	}
	return name, s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = '%s')", name, strings.Join(cols, ", "), connectorName))
}

// insert runs a script whose jobs must finish.
func (s *session) insert(ctx context.Context, script string) error {
	return s.env.Execute(ctx, script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(ctx, wadi.RestoreNone)
		if err != nil {
			return err
		}
		res, err := run.Wait()
		if err == nil && res.State != coordinator.Finished {
			err = fmt.Errorf("the job is %v: %w", res.State, context.Cause(ctx))
		}
		return err
	})
}
