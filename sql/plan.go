package sql

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/bind"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/sql/lower"
	"github.com/wadi-engine/wadi/sql/optimize"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Compile turns a query, parsed or built by a program, into a job that ends in
// the sink of SELECT.
func (s *Session) Compile(ctx context.Context, q ast.Query) (*Plan, error) {
	r, err := s.Execute(ctx, q, "")
	if err != nil {
		return nil, err
	}
	return r.(*Plan), nil
}

// Schema is that of a query's rows.
func (s *Session) Schema(ctx context.Context, q ast.Query) (*arrow.Schema, error) {
	n, err := s.binder().Query(ctx, q)
	if err != nil {
		return nil, err
	}
	return arrowSchema(n.Schema()), nil
}

func arrowSchema(s logical.Schema) *arrow.Schema {
	fields := make([]arrow.Field, len(s))
	for i, c := range s {
		fields[i] = datatype.ArrowField(c.Name, c.Type)
	}
	return arrow.NewSchema(fields, nil)
}

// bound is a statement after binding: its plans, each with a sink on top.
type bound struct {
	roots []logical.Node
	// query is the schema of a SELECT, nil for INSERTs.
	query  logical.Schema
	tables []job.Ident
}

func (s *Session) bindQuery(ctx context.Context, q ast.Query) (*bound, error) {
	n, err := s.binder().Query(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.collected(n, n.Schema()), nil
}

// collected ends a query in the sink of SELECT.
func (s *Session) collected(n logical.Node, schema logical.Schema) *bound {
	t := job.Table{
		Ident: job.Ident{Name: "collect"}, Schema: job.Schema{Schema: arrowSchema(schema)}, Connector: s.o.Collect,
		Options: map[string]string{"connector": s.o.Collect, "sink.parallelism": "1"},
	}
	return &bound{roots: []logical.Node{bind.Into(n, t)}, query: schema}
}

func (s *Session) bindInserts(ctx context.Context, inserts []*ast.Insert) (*bound, error) {
	b := &bound{}
	for _, in := range inserts {
		sink, err := s.binder().Insert(ctx, in)
		if err != nil {
			return nil, err
		}
		b.roots = append(b.roots, sink)
		b.tables = append(b.tables, sink.Table.Ident)
	}
	return b, nil
}

func (s *Session) selectPlan(ctx context.Context, q ast.Query) (Result, error) {
	b, err := s.bindQuery(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.plan(ctx, b)
}

func (s *Session) insertPlan(ctx context.Context, inserts []*ast.Insert) (Result, error) {
	plan := func() (Result, error) {
		b, err := s.bindInserts(ctx, inserts)
		if err != nil {
			return nil, err
		}
		return s.plan(ctx, b)
	}
	if overwrites(inserts) {
		return s.inBatch(plan)
	}
	return plan()
}

// overwrites reports that a statement replaces rows, for which it has to be a
// batch.
func overwrites(inserts []*ast.Insert) bool {
	return slices.ContainsFunc(inserts, func(i *ast.Insert) bool { return i.Overwrite })
}

// plan optimizes and lowers.
func (s *Session) plan(ctx context.Context, b *bound) (*Plan, error) {
	res, err := s.lower(ctx, b)
	if err != nil {
		return nil, err
	}
	p := &Plan{Graph: res.Graph, Bounded: res.Bounded, Tables: b.tables}
	if b.query != nil {
		p.Query, p.Schema = true, arrowSchema(b.query)
		p.Updating = res.Modes[res.Sinks[0]] != lower.Insert
	}
	return p, nil
}

func (s *Session) lower(ctx context.Context, b *bound) (*lower.Result, error) {
	emission, err := s.config.emission()
	if err != nil {
		return nil, err
	}
	roots := optimize.Plan(b.roots, s.optimizer(ctx))
	return lower.Plans(ctx, roots, lower.Options{
		Name: s.jobName(b), Registry: s.registry, Batch: s.config.Batch(),
		Parallelism: s.config.Parallelism(), MaxParallelism: s.config.MaxParallelism(),
		WatermarkIntervalMillis: s.config.millis(KeyWatermarkInterval), IdleMillis: s.config.millis(KeyIdleTimeout),
		TTLMillis: s.config.millis(KeyStateTTL), Sinks: s.config.sinks(), Duplicates: s.config.duplicates(), Emission: emission,
		Zone: s.config.Zone().String(), NowMillis: s.o.Now(),
	})
}

// jobName is what was SET, or is made of the tables that are written.
func (s *Session) jobName(b *bound) string {
	if name := s.config.Get(KeyName); name != "" {
		return name
	}
	if b.query != nil {
		return "collect"
	}
	parts := make([]string, len(b.tables))
	for i, id := range b.tables {
		parts[i] = strings.ReplaceAll(id.String(), "`", "")
	}
	return "insert-into_" + strings.Join(parts, ",")
}

func (s *Session) optimizer(ctx context.Context) optimize.Options {
	can := func(n *logical.Scan) (projects, filters bool) {
		c := s.registry.Connectors[n.Table.Connector]
		return c != nil && c.Projects, c != nil && c.Filters
	}
	return optimize.Options{
		Batch: s.config.Batch(),
		Fold:  folder(s.config.Zone()),
		Projects: func(n *logical.Scan) bool { // the key of changes that may come twice is read
			p, _ := can(n)
			return p && (!s.config.duplicates() || len(n.Table.PrimaryKey) == 0)
		},
		Filters: func(n *logical.Scan) bool { _, f := can(n); return f },
		Timed: func(n *logical.Sink) bool {
			c := s.registry.Connectors[n.Table.Connector]
			return c != nil && c.Timed != nil && c.Timed(n.Table)
		},
		Rows: func(n *logical.Scan) (float64, bool) { return s.rows(ctx, n) },
	}
}

// rows asks a connector how large a table is.
func (s *Session) rows(ctx context.Context, n *logical.Scan) (float64, bool) {
	c := s.registry.Connectors[n.Table.Connector]
	if c == nil || c.Rows == nil {
		return 0, false
	}
	e := c.Rows(ctx, ops.Scan{Table: n.Table, Filter: expr.NewDoc(n.Filter)})
	return e.Rows, e.Known && (e.Fixed || s.config.Batch())
}
