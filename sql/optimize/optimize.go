// Package optimize rewrites a logical plan into one that does less work and
// gives the same rows.
//
// The rules run once each, in this order; every one is a function from plan to
// plan:
//
//	watermark   the watermark moves into the scan, as an expression over its columns
//	fold        constant expressions become literals
//	window      GROUP BY window_start, window_end over a window table function becomes one node
//	factor      what all branches of an OR have in common stands beside it
//	push        filters move towards the scans
//	semi        in a batch, a semi join with few rows comes before other joins
//	rank        a filter over the number of a row keeps the first N
//	reorder     inner joins make few rows on the way; those without a condition of equality come last
//	keys        what joins want to be equal is computed below them
//	merge       a projection over a projection becomes one
//	assume      behind a filter c = 2 a projection computes with 2 for c
//	idle        watermarks that no operator reads are dropped
//	prune       only columns that are used are read, fields of rows one by one
//	constants   a projection of VALUES is VALUES
//	direct      an aggregation reads its columns without a projection between
//	versions    a join with the versions of a table reads all of them
//	share       scans of one table in one job become one
package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Options say what the rules may do. The zero value is a streaming query.
type Options struct {
	Batch bool
	// Fold computes a constant expression; nil, or ok false, leaves it.
	Fold func(e expr.Expr) (lit *expr.Literal, ok bool)
	// Projects reports whether the table of a scan can be read by columns and
	// fields; nil means never.
	Projects func(s *logical.Scan) bool
	// Filters reports whether the table of a scan can use a filter; nil means
	// never.
	Filters func(s *logical.Scan) bool
	// Timed reports whether a sink waits for event time; nil means never.
	Timed func(s *logical.Sink) bool
	// Rows is about how many rows a scan with its filter gives, if that is known;
	// nil means never.
	Rows func(s *logical.Scan) (rows float64, ok bool)
}

// Plan optimizes the plans of one job together.
func Plan(roots []logical.Node, o Options) []logical.Node {
	out := make([]logical.Node, len(roots))
	for i, n := range roots {
		n = rewrite(n, pushWatermark)
		n = foldAll(n, o.Fold)
		n = mergeAll(n)
		n = rewrite(n, windowAggregate)
		n = rewrite(n, factor)
		n = push(n)
		if o.Batch {
			n = rewrite(n, earlySemi)
		}
		n = rewrite(n, rank)
		n = reorder(n, o)
		n = rewrite(n, joinKeys)
		n = mergeAll(n)
		n = rewrite(n, func(n logical.Node) logical.Node { return assume(n, o.Fold) })
		n = foldAll(n, o.Fold)
		n = dropWatermarks(n, o.Batch, o.timed(n))
		n = prune(n, o)
		n = mergeAll(n)
		n = rewrite(n, func(n logical.Node) logical.Node { return constants(n, o.Fold) })
		n = rewrite(n, direct)
		n = rewrite(n, versions)
		n = prune(n, o)
		out[i] = n
	}
	out = share(out, o)
	for i, n := range out {
		out[i] = rewrite(n, func(n logical.Node) logical.Node { return hint(n, o) })
	}
	return out
}

// rewrite applies a rule from the leaves up.
func rewrite(n logical.Node, rule func(logical.Node) logical.Node) logical.Node {
	return rule(inputs(n, func(in logical.Node) logical.Node { return rewrite(in, rule) }))
}

// inputs replaces the inputs of a node.
func inputs(n logical.Node, f func(logical.Node) logical.Node) logical.Node {
	in := n.Inputs()
	if len(in) == 0 {
		return n
	}
	out := make([]logical.Node, len(in))
	changed := false
	for i, x := range in {
		out[i] = f(x)
		changed = changed || out[i] != x
	}
	if !changed {
		return n
	}
	return n.With(out)
}

// pushWatermark moves a watermark through the computed columns into the scan:
//
//	Watermark(ts, ts - 5s)                 Project(a, to_timestamp(b) AS ts *ROWTIME*)
//	  Project(a, to_timestamp(b) AS ts) →    Scan(a, b; watermark: to_timestamp(b) - 5s)
//	    Scan(a, b)
func pushWatermark(n logical.Node) logical.Node {
	w, ok := n.(*logical.Watermark)
	if !ok {
		return n
	}
	output := w.Schema()
	switch in := w.Input.(type) {
	case *logical.Scan:
		s := *in
		s.Watermark, s.Output = w.Expr, output
		return &s
	case *logical.Project:
		scan, ok := in.Input.(*logical.Scan)
		if !ok {
			return n
		}
		s := *scan
		s.Watermark = logical.Substitute(w.Expr, in.Exprs)
		if c, ok := in.Exprs[w.Column].(*expr.Column); ok {
			s.Output = slices.Clone(scan.Output)
			s.Output[c.Index].Time = logical.Rowtime
		}
		p := *in
		p.Input, p.Output = &s, output
		return &p
	}
	return n
}

func (o Options) timed(n logical.Node) bool {
	s, ok := n.(*logical.Sink)
	return ok && o.Timed != nil && o.Timed(s)
}

// dropWatermarks removes the watermarks of scans above which nothing waits for
// event time; in batch mode time stands still until the end anyway.
func dropWatermarks(n logical.Node, batch, used bool) logical.Node {
	if s, ok := n.(*logical.Scan); ok && s.Watermark != nil && (batch || !used) {
		c := *s
		c.Watermark = nil
		return &c
	}
	used = used || waits(n)
	return inputs(n, func(in logical.Node) logical.Node { return dropWatermarks(in, batch, used) })
}

// hint tells a scan what its readers filter by and how many rows they want.
// What is above it stays: a hint need not be followed. With a watermark rows
// are not left out, as each may move event time.
func hint(n logical.Node, o Options) logical.Node {
	switch n := n.(type) {
	case *logical.Filter:
		s, ok := n.Input.(*logical.Scan)
		if !ok || s.Watermark != nil || s.Filter != nil || o.Filters == nil || !o.Filters(s) || !logical.Deterministic(n.Cond) {
			return n
		}
		c := *s
		c.Filter = n.Cond
		return &logical.Filter{Input: &c, Cond: n.Cond}
	case *logical.Sort:
		if len(n.Keys) > 0 || n.Limit < 0 {
			return n
		}
		c := *n
		c.Input = limited(n.Input, n.Limit+n.Offset)
		return &c
	}
	return n
}

// limited tells the scan below projections how many rows suffice.
func limited(n logical.Node, rows int64) logical.Node {
	switch n := n.(type) {
	case *logical.Scan:
		c := *n
		c.Limit = rows
		return &c
	case *logical.Project:
		return inputs(n, func(in logical.Node) logical.Node { return limited(in, rows) })
	}
	return n
}
