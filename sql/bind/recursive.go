package bind

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/recursion"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Recursion is a query of WITH RECURSIVE that names itself: the first rows, and
// the step from the rows of one step to those of the next.
type Recursion struct {
	Name       string
	Schema     logical.Schema
	Base, Step logical.Node
	All        bool // UNION ALL
}

// self is a query of WITH RECURSIVE where it names itself.
type self struct {
	schema logical.Schema // nil where it must not
	used   bool
}

// named binds the query that WITH has given a name, or what a recursive one
// reads where it names itself.
func (b *Binder) named(ctx context.Context, t *ast.Table, c *ctes) (logical.Node, error) {
	switch {
	case c.self != nil:
		c.self.used = true
		if c.self.schema == nil {
			return nil, diag.At(t.Pos, "%s can name itself only in the last query of its UNION [ALL]", c.cte.Name)
		}
		return scanOf(recursion.StepTable(c.cte.Name, job.Schema{Schema: tableSchema(c.self.schema)}), c.self.schema), nil
	case c.recursive:
		return b.recursive(ctx, c)
	}
	return b.query(ctx, c.cte.Query, c.outer)
}

// recursive binds a query that may name itself:
//
//	WITH RECURSIVE r AS (base UNION [ALL] step that reads r)
//
// The columns have types that hold what both give.
func (b *Binder) recursive(ctx context.Context, c *ctes) (logical.Node, error) {
	within := &ctes{cte: c.cte, next: c.outer, self: &self{}}
	q, ok := c.cte.Query.(*ast.SetOp)
	if !ok || q.Op != ast.Union {
		return b.query(ctx, c.cte.Query, within)
	}
	base, err := b.query(ctx, q.Left, within)
	if err != nil {
		return nil, err
	}
	var step logical.Node
	schema := b.selfSchema(c.cte, base.Schema())
	for range 2 {
		within.self = &self{schema: schema}
		if step, err = b.query(ctx, q.Right, within); err != nil {
			return nil, err
		}
		if !within.self.used {
			return b.query(ctx, c.cte.Query, c.outer)
		}
		u, err := union(q.Pos, q.Op, []logical.Node{base, step})
		if err != nil {
			return nil, err
		}
		wider := b.selfSchema(c.cte, u.Output)
		if sameTypes(schema, wider) {
			return b.recursion(ctx, q, Recursion{
				Name: c.cte.Name, Schema: schema, Base: castColumns(base, schema), Step: castColumns(step, schema), All: q.All,
			})
		}
		schema = wider
	}
	for i, col := range step.Schema() {
		if t, ok := datatype.Common(schema[i].Type, col.Type); !ok || !t.WithNull(true).Same(schema[i].Type) {
			return nil, diag.At(q.Pos, "column %q of %s is of type %s at first and of type %s after a step; CAST it in the step", schema[i].Name, c.cte.Name, schema[i].Type.Text(), col.Type.Text())
		}
	}
	return nil, diag.At(q.Pos, "the columns of %s have other types after each step; CAST them in the step", c.cte.Name)
}

func sameTypes(a, b logical.Schema) bool {
	return slices.EqualFunc(a, b, func(x, y logical.Column) bool { return x.Type.Same(y.Type) })
}

// selfSchema is the columns of a recursive query: any may be NULL after a step.
func (b *Binder) selfSchema(c ast.CTE, s logical.Schema) logical.Schema {
	out := make(logical.Schema, len(s))
	for i, col := range s {
		out[i] = logical.Column{Name: col.Name, Type: col.Type.WithNull(true)}
		if len(c.Columns) == len(s) {
			out[i].Name = c.Columns[i].Name
		}
	}
	return out
}

func (b *Binder) recursion(ctx context.Context, q *ast.SetOp, r Recursion) (logical.Node, error) {
	switch {
	case !b.Batch:
		return nil, diag.At(q.Pos, "a stream has no end after which the steps of WITH RECURSIVE could begin; SET 'execution.runtime-mode' = 'batch'")
	case b.Kept:
		return nil, unsupported(q.Pos, "WITH RECURSIVE in COMPILE PLAN")
	case b.Recursion == nil:
		return nil, unsupported(q.Pos, "WITH RECURSIVE here")
	}
	if !r.All {
		for _, c := range r.Schema {
			if c.Type.IsNested() {
				return nil, diag.At(q.Pos, "column %q of %s is of type %s: equal rows are found by columns that are not nested; say UNION ALL", c.Name, r.Name, c.Type.Text())
			}
		}
	}
	t, err := b.Recursion(ctx, r)
	if err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	return scanOf(t, r.Schema), nil
}

func scanOf(t job.Table, s logical.Schema) *logical.Scan {
	return &logical.Scan{Table: t, Output: slices.Clone(s)}
}

func tableSchema(s logical.Schema) *arrow.Schema {
	fields := make([]arrow.Field, len(s))
	for i, c := range s {
		fields[i] = datatype.ArrowField(c.Name, c.Type)
	}
	return arrow.NewSchema(fields, nil)
}
