package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/match"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

var skips = map[logical.SkipKind]match.Skip{
	logical.SkipPastLast: match.PastLast, logical.SkipToNext: match.ToNext, logical.SkipToFirst: match.ToFirst, logical.SkipToLast: match.ToLast,
}

// match lowers MATCH_RECOGNIZE to an operator that matches rows as they come,
// behind one that puts them in the order of their times: window functions
// without functions.
func (b *builder) match(n *logical.Match) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	if in.mode != Insert {
		return built{}, fmt.Errorf("%w: MATCH_RECOGNIZE takes only inserted rows, but those of its input change as rows arrive; "+
			"group by a window (TUMBLE, HOP) so that each result is final", job.ErrInvalid)
	}
	s := n.Input.Schema()
	if s[n.Order[0].Column].Time != logical.Proctime {
		if in, err = b.node(&logical.Over{Input: n.Input, Partition: n.Partition, Order: n.Order, Output: s}); err != nil {
			return built{}, err
		}
	}
	c := match.Config{
		Partition: n.Partition, Measures: docs(n.Measures), Skip: skips[n.Skip], SkipVar: n.SkipVar,
		WithinMillis: n.Within, Time: n.Order[0].Column, Zone: b.zone(), NowMillis: b.o.NowMillis,
	}
	for _, p := range n.Pattern {
		c.Pattern = append(c.Pattern, match.Part{Var: p.Var, Min: p.Min, Max: p.Max, Greedy: p.Greedy})
	}
	for _, d := range n.Define {
		c.Define = append(c.Define, expr.NewDoc(d))
	}
	for _, r := range n.Refs {
		ref := match.Ref{Vars: r.Vars, First: r.First, Offset: r.Offset, Column: r.Column}
		if r.Agg != nil {
			ref.Agg = &specs([]logical.AggCall{*r.Agg})[0]
		}
		c.Refs = append(c.Refs, ref)
	}
	p := b.spread(n.Partition)
	return b.add(job.Vertex{
		UID: uid("match", b.matchLineage(n)), Name: logical.Operator(n), Kind: match.Kind, Config: config(c),
		Parallelism: p, Output: schema(n.Output),
	}, Insert, keyed(in, p, n.Partition)), nil
}

func (b *builder) matchLineage(n *logical.Match) string {
	below := b.origins(n.Input)
	return fmt.Sprintf("match(%s; %s; %s; %s; %s %d; %d; %s)", b.keyText(n.Partition, n.Input), logical.OrderText(n.Order, below),
		n.PatternText(), n.DefineText(below), n.Skip, n.SkipVar, n.Within, b.lineage(n.Input))
}
