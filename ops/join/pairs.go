package join

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// maxRows bounds the rows of a batch that is emitted, and the pairs that are
// looked at together.
const maxRows = 16 << 10

// pairs lists rows of a batch beside rows of the other side's store.
type pairs struct {
	at  []uint32   // position of the row in the selection that is joined
	row vector.Sel // its number in the batch
	id  []uint32   // its partner

	sel vector.Sel
}

// each lists the pairs of the selected rows of rec, which are of the input, with
// the rows of the other side that have the same key and for which the condition
// holds; at most maxRows at a time, in the order of the rows. Those that are in no
// chain come first, in any order.
func (j *Join) each(input int, rec arrow.RecordBatch, sel vector.Sel, f func(p *pairs) error) error {
	s, o := &j.in[input], &j.in[1-input]
	n := int(rec.NumRows())
	if sel != nil {
		n = len(sel)
	}
	if n == 0 {
		return nil
	}
	if o.ready(j.alloc) {
		if err := j.scan(input, rec, sel, n, f); err != nil {
			return err
		}
	}
	o.numbers = resized(o.numbers, n)
	o.chains.Find(s.keyColumns(rec.Columns()), sel, o.numbers)
	p := &j.pairs
	p.clear()
	for i, number := range o.numbers {
		if i%512 == 0 {
			o.store.Relieve()
		}
		if number == rowstore.None {
			continue
		}
		row := uint32(i)
		if sel != nil {
			row = sel[i]
		}
		for id := o.chains.Head(number); id != rowstore.None; id = o.chains.Next(id) {
			if o.ttl > 0 && o.expired(id) {
				continue
			}
			p.at, p.row, p.id = append(p.at, uint32(i)), append(p.row, row), append(p.id, id)
			if len(p.at) == maxRows {
				if err := j.hold(input, rec, p, f); err != nil {
					return err
				}
				p.clear()
			}
		}
	}
	return j.hold(input, rec, p, f)
}

func (p *pairs) clear() { p.at, p.row, p.id = p.at[:0], p.row[:0], p.id[:0] }

// hold gives the pairs for which the condition holds to f.
func (j *Join) hold(input int, rec arrow.RecordBatch, p *pairs, f func(p *pairs) error) error {
	if len(p.at) == 0 {
		return nil
	}
	if j.cond != nil {
		var err error
		if p.sel, err = j.cond.sel(j.alloc, input, rec, p, j.in[1-input].store); err != nil {
			return err
		}
		if len(p.sel) < len(p.at) {
			p.at, p.row, p.id = gathered(p.at, p.at, p.sel), gathered(p.row, p.row, p.sel), gathered(p.id, p.id, p.sel)
		}
	}
	if len(p.at) == 0 {
		return nil
	}
	return f(p)
}

// condition is what pairs must fulfil besides equal keys. It is computed over
// the columns that it uses, of both inputs.
type condition struct {
	filter *expr.Filter
	schema *arrow.Schema
	cols   [2][]int
}

func newCondition(e expr.Expr, in []*arrow.Schema, env expr.Env) (*condition, error) {
	c := &condition{}
	var fields [2][]arrow.Field
	at := map[int]int{}
	n := in[0].NumFields()
	visit(e, func(col *expr.Column) {
		if _, ok := at[col.Index]; ok {
			return
		}
		i, k := 0, col.Index
		if k >= n {
			i, k = 1, k-n
		}
		at[col.Index] = len(c.cols[i])
		c.cols[i] = append(c.cols[i], k)
		fields[i] = append(fields[i], in[i].Field(k))
	})
	e = renumbered(e, func(i int) int {
		if i >= n {
			return len(c.cols[0]) + at[i]
		}
		return at[i]
	})
	c.schema = arrow.NewSchema(append(fields[0], fields[1]...), nil)
	var err error
	c.filter, err = expr.CompileFilter(e, c.schema, env)
	return c, err
}

func visit(e expr.Expr, f func(c *expr.Column)) {
	switch e := e.(type) {
	case *expr.Column:
		f(e)
	case *expr.Call:
		for _, a := range e.Args {
			visit(a, f)
		}
	case *expr.Literal:
	}
}

func renumbered(e expr.Expr, f func(int) int) expr.Expr {
	switch e := e.(type) {
	case *expr.Column:
		return &expr.Column{Index: f(e.Index), Name: e.Name, Of: e.Of}
	case *expr.Call:
		args := make([]expr.Expr, len(e.Args))
		for i, a := range e.Args {
			args[i] = renumbered(a, f)
		}
		return e.With(args)
	case *expr.Literal:
	}
	return e
}

// sel are the pairs for which the condition is true.
func (c *condition) sel(alloc memory.Allocator, input int, rec arrow.RecordBatch, p *pairs, other *rowstore.Store) (vector.Sel, error) {
	var cols [2][]arrow.Array
	for _, k := range c.cols[input] {
		cols[input] = append(cols[input], vector.Take(alloc, rec.Column(k), p.row))
	}
	for _, k := range c.cols[1-input] {
		cols[1-input] = append(cols[1-input], other.TakeColumn(alloc, k, p.id))
	}
	both := record(c.schema, append(cols[0], cols[1]...), len(p.at))
	defer both.Release()
	sel, err := c.filter.Select(alloc, both, p.sel, nil)
	if sel == nil && err == nil { // no terms: all of them
		sel = vector.All(p.sel, len(p.at))
	}
	return sel, err
}
