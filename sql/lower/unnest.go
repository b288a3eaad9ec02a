package lower

import (
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/unnest"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
)

// unnest makes rows of elements, in the tasks of its input.
func (b *builder) unnest(n *logical.Unnest) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	c := unnest.Config{
		Column: n.Column, Keep: n.Keep, Outer: n.Outer, Ordinality: n.Ordinality,
		Multiset: n.Input.Schema()[n.Column].Type.Kind == datatype.Multiset,
	}
	return b.add(job.Vertex{
		UID: uid("unnest", b.lineage(n)), Name: logical.Operator(n), Kind: unnest.Kind, Config: config(c),
		Parallelism: in.parallelism, Output: schema(n.Output),
	}, in.mode, edge(in, in.parallelism)), nil
}

// traceUnnest says what the columns of n are computed from.
func (b *builder) traceUnnest(n *logical.Unnest) []string {
	below := b.origins(n.Input)
	names := make([]string, 0, len(n.Output))
	for _, k := range n.Keep {
		names = append(names, below[k])
	}
	for _, c := range n.Output[len(n.Keep):] {
		names = append(names, bounded(below[n.Column]+"[]."+c.Name))
	}
	return names
}
