package wadi

import (
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/sql/ast"
)

// Frame is a table that has not been computed: rows of a file, of a stream, or
// of a query over other Frames. Its methods return new Frames and do no work;
// an error in between shows up where the Frame is used. A Frame may be used
// more than once.
type Frame struct {
	env   *Env
	query ast.Query
	text  string   // what the query was parsed from, for errors
	read  *reading // set on a Frame that is a table as it was read
	err   error
}

func (f *Frame) fail(err error) *Frame { return &Frame{env: f.env, err: err} }

// from is the Frame as an item of FROM.
func (f *Frame) from() ast.TableRef {
	return &ast.Derived{Query: f.query, Alias: ast.Alias{Name: "f"}}
}

func (f *Frame) selecting(s *ast.Select) *Frame {
	if s.From == nil {
		s.From = f.from()
	}
	return &Frame{env: f.env, query: s}
}

// items turns expressions into a select list.
func items(exprs []Expr) ([]ast.SelectItem, error) {
	list := make([]ast.SelectItem, len(exprs))
	for i, e := range exprs {
		if e.err != nil {
			return nil, e.err
		}
		list[i] = ast.SelectItem{Expr: e.node, Alias: ast.Ident{Name: e.alias}}
	}
	return list, nil
}

// Filter keeps the rows for which cond is true (not those where it is NULL).
func (f *Frame) Filter(cond Expr) *Frame {
	if err := firstError(f.err, cond.err); err != nil {
		return f.fail(err)
	}
	return f.selecting(&ast.Select{Items: []ast.SelectItem{{Expr: &ast.Star{}}}, Where: cond.node})
}

// Select computes the columns of the result.
func (f *Frame) Select(exprs ...Expr) *Frame {
	list, err := items(exprs)
	if err = firstError(f.err, err); err != nil {
		return f.fail(err)
	}
	return f.selecting(&ast.Select{Items: list})
}

// With adds computed columns behind those that are there; each expression
// needs a name, given by As.
func (f *Frame) With(exprs ...Expr) *Frame {
	list, err := items(exprs)
	if err = firstError(f.err, err); err != nil {
		return f.fail(err)
	}
	for _, e := range exprs {
		if e.alias == "" {
			return f.fail(fmt.Errorf("With(%s): the column needs a name: add .As(name)", e))
		}
	}
	return f.selecting(&ast.Select{Items: append([]ast.SelectItem{{Expr: &ast.Star{}}}, list...)})
}

// Distinct keeps one of each set of equal rows.
func (f *Frame) Distinct() *Frame {
	if f.err != nil {
		return f
	}
	return f.selecting(&ast.Select{Distinct: true, Items: []ast.SelectItem{{Expr: &ast.Star{}}}})
}

// Union appends the rows of another Frame with the same columns; equal rows stay.
func (f *Frame) Union(other *Frame) *Frame {
	if err := firstError(f.err, other.err); err != nil {
		return f.fail(err)
	}
	return &Frame{env: f.env, query: &ast.SetOp{Op: ast.Union, All: true, Left: f.query, Right: other.query}}
}

// Sort orders the rows; Col("delay").Desc() puts the largest first, NULL is
// the lowest value. It needs an input that ends.
func (f *Frame) Sort(by ...Expr) *Frame {
	o := &ast.Ordered{Body: f.query}
	err := f.err
	for _, e := range by {
		err = firstError(err, e.err)
		o.OrderBy = append(o.OrderBy, ast.OrderItem{Expr: e.node, Desc: e.desc})
	}
	if err != nil {
		return f.fail(err)
	}
	return &Frame{env: f.env, query: o}
}

// Limit keeps the first n rows: of a sorted Frame, in its order.
func (f *Frame) Limit(n int) *Frame {
	if f.err != nil {
		return f
	}
	limit := Lit(n)
	if o, ok := f.query.(*ast.Ordered); ok && o.Limit == nil {
		c := *o
		c.Limit = limit.node
		return &Frame{env: f.env, query: &c}
	}
	return &Frame{env: f.env, query: &ast.Ordered{Body: f.query, Limit: limit.node}}
}

// Join pairs the rows of two Frames for which on is true.
func (f *Frame) Join(other *Frame, on Expr) *Frame {
	if err := firstError(f.err, other.err, on.err); err != nil {
		return f.fail(err)
	}
	return &Frame{env: f.env, query: &ast.Select{
		Items: []ast.SelectItem{{Expr: &ast.Star{}}},
		From:  &ast.Join{Kind: ast.InnerJoin, Left: f.from(), Right: other.from(), On: on.node},
	}}
}

// Grouped is a Frame with its keys, waiting for Agg.
type Grouped struct {
	frame *Frame
	keys  []Key
}

// GroupBy begins an aggregation; with no keys, of the whole input.
func (f *Frame) GroupBy(keys ...Key) *Grouped { return &Grouped{frame: f, keys: keys} }

// Agg computes one row per group: the keys, then the aggregates.
func (g *Grouped) Agg(aggs ...Expr) *Frame {
	f := g.frame
	s := &ast.Select{}
	by := &ast.GroupBy{}
	err := f.err
	for _, k := range g.keys {
		switch k := k.(type) {
		case Window:
			if s.From != nil {
				err = firstError(err, fmt.Errorf("GroupBy takes one window"))
			}
			s.From = k.table(f.query)
			for _, c := range []string{"window_start", "window_end"} {
				s.Items = append(s.Items, ast.SelectItem{Expr: ast.Col(c)})
				by.Items = append(by.Items, ast.Col(c))
			}
		case Expr:
			err = firstError(err, k.err)
			s.Items = append(s.Items, ast.SelectItem{Expr: k.node, Alias: ast.Ident{Name: k.alias}})
			by.Items = append(by.Items, k.node)
		}
	}
	list, ierr := items(aggs)
	if err = firstError(err, ierr); err != nil {
		return f.fail(err)
	}
	s.Items = append(s.Items, list...)
	if len(by.Items) > 0 {
		s.GroupBy = by
	}
	return f.selecting(s)
}

// Watermark declares that column is the event time of a Frame that was just
// read, and that rows come at most delay behind the latest one.
func (f *Frame) Watermark(column string, delay time.Duration) *Frame {
	if f.err != nil {
		return f
	}
	if f.read == nil {
		return f.fail(fmt.Errorf("Watermark(%q): say it right after Read…, before other steps", column))
	}
	r := *f.read
	r.watermark = &ast.Watermark{
		Column: ast.NewName(column),
		Expr:   &ast.Binary{Op: ast.Sub, Left: ast.Col(column), Right: interval(delay)},
	}
	return f.env.reading(r)
}
