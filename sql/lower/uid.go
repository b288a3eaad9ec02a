package lower

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// An operator's state is found again, after a query was edited, by its UID. It
// is made of what the state means and of nothing else: the kind of operator,
// its keys, and the rows it reads. The rows are described by lineage, in which
// projections do not appear: every column is called by what it is computed from
// at the sources. So adding a column to a query, or another plan for the same
// query, keeps the UID; another key, window or filter makes a new one.

// lineage describes the rows of a node.
func (b *builder) lineage(n logical.Node) string {
	switch n := n.(type) {
	case *logical.Scan:
		return n.Table.Ident.String()
	case *logical.Values:
		return "values"
	case *logical.Filter:
		return b.lineage(n.Input) + " where " + logical.Text(n.Cond, b.origins(n.Input))
	case *logical.Aggregate:
		return "group(" + b.keyText(n.Keys, n.Input) + "; " + b.lineage(n.Input) + ")"
	case *logical.Window:
		return "windows(" + n.Spec.String(b.origins(n.Input)) + "; " + b.lineage(n.Input) + ")"
	case *logical.WindowAggregate:
		return b.windowLineage(n)
	case *logical.Join:
		return b.joinLineage(n)
	case *logical.Unnest:
		return fmt.Sprintf("unnest(%s %v; %s)", b.origins(n.Input)[n.Column], n.Outer, b.lineage(n.Input))
	case *logical.Changelog:
		return n.Text(b.origins(n.Input)) + "(" + b.lineage(n.Input) + ")"
	case *logical.Expand:
		return fmt.Sprintf("sets(%v; %s)", n.Nulls, b.lineage(n.Input))
	case *logical.Union:
		parts := make([]string, len(n.In))
		for i, in := range n.In {
			parts[i] = b.lineage(in)
		}
		return "union(" + strings.Join(parts, "; ") + ")"
	case *logical.Sort:
		return fmt.Sprintf("sort(%s; %d, %d; %s)", logical.OrderText(n.Keys, b.origins(n.Input)), n.Offset, n.Limit, b.lineage(n.Input))
	case *logical.Over:
		return "over(" + b.keyText(n.Partition, n.Input) + "; " + logical.OrderText(n.Order, b.origins(n.Input)) + "; " + b.lineage(n.Input) + ")"
	case *logical.Rank:
		return b.rankLineage(n)
	case *logical.Match:
		return b.matchLineage(n)
	case *logical.Sink:
		return n.Table.Ident.String()
	}
	in := n.Inputs()
	if len(in) == 1 {
		return b.lineage(in[0])
	}
	return logical.Relation(n)
}

func (b *builder) windowLineage(n *logical.WindowAggregate) string {
	return "window(" + n.Spec.String(b.origins(n.Input)) + "; " + b.keyText(n.Keys, n.Input) + "; " + b.lineage(n.Input) + ")"
}

func (b *builder) keyText(keys []int, in logical.Node) string {
	names := b.origins(in)
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = names[k]
	}
	return strings.Join(parts, ", ")
}

// origins says of each column of n what it is computed from.
func (b *builder) origins(n logical.Node) []string {
	if names, ok := b.lines[n]; ok {
		return names
	}
	names := b.trace(n)
	b.lines[n] = names
	return names
}

// maxOrigin bounds the text of a column: deeply nested computations are
// described by a hash.
const maxOrigin = 1 << 10

func (b *builder) trace(n logical.Node) []string {
	var names []string
	switch n := n.(type) {
	case *logical.Scan:
		for i := range n.Output {
			if n.Columns == nil {
				names = append(names, n.Output[i].Name)
			} else {
				names = append(names, strings.Join(n.Columns[i], "."))
			}
		}
	case *logical.Project:
		below := b.origins(n.Input)
		for _, e := range n.Exprs {
			names = append(names, bounded(logical.Text(e, below)))
		}
	case *logical.Aggregate:
		names = b.traceAggs(n.Keys, n.Aggs, n.Input)
	case *logical.WindowAggregate:
		names = b.traceAggs(n.Keys, n.Aggs, n.Input)
		for _, p := range n.Properties {
			names = append(names, p.Column())
		}
	case *logical.Window:
		names = append(slices.Clone(b.origins(n.Input)), "window_start", "window_end", "window_time")
	case *logical.Over:
		names = slices.Clone(b.origins(n.Input))
		for _, c := range n.Calls {
			names = append(names, bounded(logical.OverText(c, b.origins(n.Input))+" "+c.Frame.String()))
		}
	case *logical.Rank:
		names = slices.Clone(b.origins(n.Input))
		if n.Number {
			names = append(names, n.Kind.String())
		}
	case *logical.Join:
		names = b.traceJoin(n)
	case *logical.Unnest:
		names = b.traceUnnest(n)
	case *logical.Changelog:
		names = b.traceChangelog(n)
	case *logical.Expand:
		names = append(slices.Clone(b.origins(n.Input)), "$e")
	case *logical.Match:
		below := b.origins(n.Input)
		for _, k := range n.Partition {
			names = append(names, below[k])
		}
		for _, e := range n.Measures {
			names = append(names, bounded(logical.Text(e, n.RefNames(below))))
		}
	case *logical.Union, *logical.Values:
		names = n.Schema().Names()
	default:
		return b.origins(n.Inputs()[0])
	}
	return names
}

func (b *builder) traceAggs(keys []int, aggs []logical.AggCall, in logical.Node) []string {
	below := b.origins(in)
	var names []string
	for _, k := range keys {
		names = append(names, below[k])
	}
	for _, a := range aggs {
		names = append(names, bounded(logical.AggText(a, below)))
	}
	return names
}

func bounded(text string) string {
	if len(text) <= maxOrigin {
		return text
	}
	return fmt.Sprintf("#%016x", xxh3.HashString(text))
}

// uid is kind and a hash of what the operator keeps.
func uid(kind string, parts ...string) string {
	return fmt.Sprintf("%s-%016x", kind, xxh3.HashString(strings.Join(parts, "\x00")))
}

// digest is equal for plans that are equal in everything.
func (b *builder) digest(n logical.Node) string {
	if d, ok := b.digests[n]; ok {
		return d
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%T %s", n, exact(n))
	for _, in := range n.Inputs() {
		s.WriteString("(" + b.digest(in) + ")")
	}
	h := xxh3.HashString128(s.String())
	d := fmt.Sprintf("%016x%016x", h.Hi, h.Lo)
	b.digests[n] = d
	return d
}

// exact tells nodes apart whose texts are equal.
func exact(n logical.Node) string {
	var s strings.Builder
	for _, c := range n.Schema() {
		s.WriteString(c.Name + " " + c.Type.String() + ",")
	}
	switch n := n.(type) {
	case *logical.Scan:
		fmt.Fprintf(&s, "%s %q %v %v %v", n.Table.Ident, n.Columns, n.Table.Options, n.Limit, n.Again)
		if l := n.Lookup; l != nil && l.Cache != nil {
			fmt.Fprintf(&s, " %v %d", *l.Cache, l.Retries)
		}
		if n.Filter != nil {
			s.WriteString(logical.Key(n.Filter))
		}
		if n.Watermark != nil {
			s.WriteString(logical.Key(n.Watermark))
		}
	case *logical.Values:
		for _, r := range n.Rows {
			for _, e := range r {
				s.WriteString(logical.Key(e) + ",")
			}
			s.WriteString(";")
		}
	case *logical.Project:
		for _, e := range n.Exprs {
			s.WriteString(logical.Key(e) + ",")
		}
	case *logical.Filter:
		s.WriteString(logical.Key(n.Cond))
	case *logical.Aggregate:
		fmt.Fprintf(&s, "%v %v %v", n.Keys, aggKeys(n.Aggs), n.TTL)
	case *logical.Window:
		fmt.Fprintf(&s, "%v", n.Spec)
		writeLate(&s, n.Late)
	case *logical.WindowAggregate:
		fmt.Fprintf(&s, "%v %v %v %v", n.Spec, n.Keys, aggKeys(n.Aggs), n.Properties)
		writeLate(&s, n.Late)
	case *logical.Join:
		fmt.Fprintf(&s, "%v %v", n.Type, n.Hints)
		if n.AsOf != nil {
			fmt.Fprintf(&s, " %v", *n.AsOf)
		}
		if n.Cond != nil {
			s.WriteString(logical.Key(n.Cond))
		}
	case *logical.Unnest:
		fmt.Fprintf(&s, "%d %v %v %v", n.Column, n.Keep, n.Outer, n.Ordinality)
	case *logical.Changelog:
		fmt.Fprintf(&s, "%v %v %v %v %v", n.To, n.Column, n.Codes, n.Skip, n.Keys)
	case *logical.Expand:
		fmt.Fprintf(&s, "%v", n.Nulls)
	case *logical.Sort:
		fmt.Fprintf(&s, "%v %d %d", n.Keys, n.Offset, n.Limit)
	case *logical.Over:
		fmt.Fprintf(&s, "%v %v", n.Partition, n.Order)
		for _, c := range n.Calls {
			fmt.Fprintf(&s, " %s %v %d %v", aggKeys([]logical.AggCall{c.AggCall}), c.Frame, c.Offset, c.Shifts)
		}
	case *logical.Match:
		exactMatch(&s, n)
	case *logical.Rank:
		fmt.Fprintf(&s, "%v %v %v %d %d %d %d %v", n.Kind, n.Partition, n.Order, n.From, n.To, n.Limit, n.Window, n.Number)
	case *logical.Sink: // every INSERT is a sink of its own
		fmt.Fprintf(&s, "%p", n)
	}
	return s.String()
}

func writeLate(s *strings.Builder, side *logical.Side) {
	if side != nil {
		s.WriteString(" late " + side.Table.Ident.String())
		if r := side.Rejects; r != nil {
			s.WriteString(" of " + r.Of)
			if r.Letters != nil {
				s.WriteString(" to " + r.Letters.Table.Ident.String())
			}
		}
	}
	side.Each(func(e expr.Expr) { s.WriteString(logical.Key(e) + ",") })
}

func exactMatch(s *strings.Builder, n *logical.Match) {
	fmt.Fprintf(s, "%s %v %v", logical.Operator(n), n.Partition, n.Order)
	for _, e := range append(append([]expr.Expr{}, n.Define...), n.Measures...) {
		if e != nil {
			s.WriteString(logical.Key(e) + ",")
		}
	}
	for _, r := range n.Refs {
		fmt.Fprintf(s, "%v %v %v %v", r.Vars, r.First, r.Offset, r.Column)
		if r.Agg != nil {
			s.WriteString(aggKeys([]logical.AggCall{*r.Agg}))
		}
	}
}

func aggKeys(aggs []logical.AggCall) string {
	var s strings.Builder
	for _, a := range aggs {
		fmt.Fprintf(&s, "%s %v %v %d %v %q,", a.Func, a.Args, a.Distinct, a.Filter, a.KeepNulls, a.Separator)
	}
	return s.String()
}
