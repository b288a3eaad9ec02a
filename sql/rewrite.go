package sql

import (
	"context"
	"slices"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/diag"
)

// inBatch plans a statement that only a batch can carry out: also in a session
// that has not chosen how its jobs run.
func (s *Session) inBatch(plan func() (Result, error)) (Result, error) {
	if _, chosen := s.config.All()[KeyRuntimeMode]; chosen {
		return plan()
	}
	if err := s.config.Set(KeyRuntimeMode, "BATCH"); err != nil {
		return nil, err
	}
	defer func() { _ = s.config.Reset(KeyRuntimeMode) }() // a key that was just set
	return plan()
}

// target is a table that a statement changes.
type target struct {
	table     *catalog.Table
	job       job.Table
	connector *ops.Connector
}

func (s *Session) target(ctx context.Context, name ast.Name, verb string) (*target, error) {
	t, err := s.table(ctx, name)
	if err != nil {
		return nil, err
	}
	if t.View != nil {
		return nil, diag.At(name.Pos, "%s is a view; %s changes tables", t.Ident, verb)
	}
	jt, err := s.binder().JobTable(ctx, t)
	if err != nil {
		return nil, diag.Wrap(name.Pos, err)
	}
	c, err := s.registry.Connector(jt.Connector)
	if err != nil {
		return nil, diag.Wrap(name.Pos, err)
	}
	return &target{table: t, job: jt, connector: c}, nil
}

// truncate removes all rows of a table.
func (s *Session) truncate(ctx context.Context, q *ast.Truncate) (Result, error) {
	t, err := s.target(ctx, q.Table, "TRUNCATE TABLE")
	if err != nil {
		return nil, err
	}
	if t.connector.Truncate == nil {
		return nil, diag.At(q.Pos, "the rows of table %s cannot be removed: the connector '%s' cannot do that", q.Table, t.connector.Name)
	}
	if err := t.connector.Truncate(ctx, t.job); err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	return ok()
}

// rewritten is UPDATE or DELETE as a statement that replaces the table by rows
// which are computed from it.
type rewritten struct {
	insert *ast.Insert
	base   string // see bind.Binder
}

// rewriting plans with do what r says.
func (s *Session) rewriting(r *rewritten, do func(*ast.Insert) (Result, error)) (Result, error) {
	s.base = r.base
	defer func() { s.base = "" }()
	return s.inBatch(func() (Result, error) { return do(r.insert) })
}

// rewritePlan is the job of UPDATE or DELETE.
func (s *Session) rewritePlan(ctx context.Context, stmt ast.Statement) (Result, error) {
	r, err := s.rewritten(ctx, stmt)
	if err != nil {
		return nil, err
	}
	return s.rewriting(r, func(i *ast.Insert) (Result, error) { return s.insertPlan(ctx, []*ast.Insert{i}) })
}

func (s *Session) rewritten(ctx context.Context, stmt ast.Statement) (*rewritten, error) {
	if q, ok := stmt.(*ast.Update); ok {
		return s.update(ctx, q)
	}
	return s.deleteRows(ctx, stmt.(*ast.Delete))
}

// update is UPDATE: the table is replaced by its rows, of which some have other
// values.
//
//	UPDATE t SET a = x WHERE c   →   INSERT OVERWRITE t SELECT CASE WHEN c THEN x ELSE a END, b FROM t
func (s *Session) update(ctx context.Context, q *ast.Update) (*rewritten, error) {
	set := map[string]ast.Expr{}
	for _, a := range q.Set {
		name := a.Column.Last()
		if _, twice := set[name]; twice {
			return nil, diag.At(a.Column.Pos, "column %q is set twice", name)
		}
		set[name] = a.Value
	}
	return s.rewrite(ctx, "UPDATE", q.Pos, q.Table, q.Alias, func(columns []string) (*ast.Select, error) {
		out := &ast.Select{}
		for _, a := range q.Set {
			if name := a.Column.Last(); !slices.Contains(columns, name) {
				return nil, diag.At(a.Column.Pos, "table %s has no column %q%s", q.Table, name, nearest.Hint(name, columns, `"`))
			}
		}
		for _, c := range columns {
			var e ast.Expr = ast.Col(c)
			if x := set[c]; x != nil && q.Where == nil {
				e = x
			} else if x != nil {
				e = &ast.Case{Pos: x.Position(), Whens: []ast.When{{Conds: []ast.Expr{q.Where}, Then: x}}, Else: e}
			}
			out.Items = append(out.Items, ast.SelectItem{Expr: e, Alias: ast.Ident{Name: c}})
		}
		return out, nil
	})
}

// deleteRows is DELETE: the table is replaced by the rows that stay.
func (s *Session) deleteRows(ctx context.Context, q *ast.Delete) (*rewritten, error) {
	return s.rewrite(ctx, "DELETE", q.Pos, q.Table, q.Alias, func(columns []string) (*ast.Select, error) {
		out := &ast.Select{Where: &ast.Bool{}}
		if q.Where != nil {
			out.Where = &ast.Is{Pos: q.Where.Position(), X: q.Where, Not: true, What: ast.IsTrue}
		}
		for _, c := range columns {
			out.Items = append(out.Items, ast.SelectItem{Expr: ast.Col(c)})
		}
		return out, nil
	})
}

// rewrite replaces a table by rows that are computed from it. The job fails when
// the table has changed since it was read.
func (s *Session) rewrite(ctx context.Context, verb string, pos ast.Pos, name ast.Name, alias ast.Ident, rows func(columns []string) (*ast.Select, error)) (*rewritten, error) {
	t, err := s.target(ctx, name, verb)
	if err != nil {
		return nil, err
	}
	if t.connector.Version == nil {
		return nil, diag.At(pos, "rows of table %s cannot be changed: the connector '%s' keeps no versions of its tables, so that rows which "+
			"others write meanwhile would be lost; use a table of a catalog of type iceberg, or INSERT OVERWRITE this one with the rows that are to be there", name, t.connector.Name)
	}
	if _, chosen := s.config.All()[KeyRuntimeMode]; chosen && !s.config.Batch() {
		return nil, diag.At(pos, "%s replaces a table when its job has ended, and a job in streaming mode may have no end: SET 'execution.runtime-mode' = 'batch'", verb)
	}
	version, options, err := t.connector.Version(ctx, t.job)
	if err != nil {
		return nil, diag.Wrap(name.Pos, err)
	}
	q, err := rows(written(t.table))
	if err != nil {
		return nil, err
	}
	from := &ast.Table{Pos: name.Pos, Name: name, Alias: ast.Alias{Pos: alias.Pos, Name: alias.Name}}
	if len(options) > 0 {
		h := ast.Hint{Name: "OPTIONS"}
		for k, v := range options {
			h.Options = append(h.Options, ast.Option{Key: k, Value: v})
		}
		from.Hints = []ast.Hint{h}
	}
	q.From = from
	return &rewritten{insert: &ast.Insert{Pos: pos, Overwrite: true, Table: name, Query: q}, base: version}, nil
}

// written are the columns that an INSERT fills.
func written(t *catalog.Table) []string {
	var out []string
	for _, c := range t.Columns {
		if c.Kind != ast.ComputedColumn && !c.Virtual {
			out = append(out, c.Name)
		}
	}
	return out
}
