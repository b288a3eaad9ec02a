package optimize

import (
	"math"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// size is about how many rows a node gives, and how many it would give without
// the filters in it: how many values a key of it has at most.
type size struct{ rows, all float64 }

// Estimate is about how many rows a node gives, if the sizes of its tables are known.
func (o Options) Estimate(n logical.Node) (rows float64, ok bool) {
	s, ok := o.size(n)
	return s.rows, ok
}

// size estimates a node from what connectors know of their tables, and from rules
// of thumb; it is not ok where the size of a table is not known.
func (o Options) size(n logical.Node) (s size, ok bool) {
	switch n := n.(type) {
	case *logical.Scan:
		return o.scanSize(n, nil)
	case *logical.Values:
		rows := float64(len(n.Rows))
		return size{rows, rows}, true
	case *logical.Filter:
		return o.filterSize(n)
	case *logical.Aggregate:
		if s, ok = o.size(n.Input); len(n.Keys) == 0 {
			return size{1, 1}, ok
		}
		return size{math.Pow(s.rows, 0.75), math.Pow(s.all, 0.75)}, ok
	case *logical.Join:
		l, okL := o.size(n.Left)
		r, okR := o.size(n.Right)
		if len(n.Keys().Left) == 0 && n.Type == logical.InnerJoin {
			return size{l.rows * r.rows, l.all * r.all}, okL && okR
		}
		return size{max(l.rows, r.rows), max(l.all, r.all)}, okL && okR
	case *logical.Union:
		ok = true
		for _, in := range n.Inputs() {
			part, known := o.size(in)
			s, ok = size{s.rows + part.rows, s.all + part.all}, ok && known
		}
		return s, ok
	}
	if in := n.Inputs(); len(in) == 1 {
		return o.size(in[0])
	}
	return size{}, false
}

// scanSize is that of a table of which only rows for which cond holds are wanted.
func (o Options) scanSize(n *logical.Scan, cond expr.Expr) (size, bool) {
	if o.Rows == nil {
		return size{}, false
	}
	c := *n
	c.Filter = cond
	rows, ok := o.Rows(&c)
	return size{rows, rows}, ok
}

// filterSize asks the connector of a table first: it may know how many of its rows
// are of a kind.
func (o Options) filterSize(n *logical.Filter) (size, bool) {
	in, ok := o.size(n.Input)
	if scan, is := n.Input.(*logical.Scan); is && ok {
		if part, known := o.scanSize(scan, n.Cond); known && part.rows < in.rows {
			return part, true
		}
	}
	for _, c := range logical.Conjuncts(n.Cond) {
		in.rows *= selectivity(c)
	}
	return in, ok
}

// selectivity guesses for how many of the rows a condition holds.
func selectivity(e expr.Expr) float64 {
	c, ok := e.(*expr.Call)
	if !ok {
		return 1
	}
	switch c.Func {
	case "eq":
		return 0.1
	case "lt", "le", "gt", "ge", "like":
		return 0.3
	case "or":
		part := 0.0
		for _, a := range c.Args {
			part += selectivity(a)
		}
		return min(part, 1)
	case "and":
		part := 1.0
		for _, a := range c.Args {
			part *= selectivity(a)
		}
		return part
	case "in":
		return min(0.1*float64(len(c.Args)-1), 1)
	}
	return 0.8
}
