package lower

import (
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/expand"
	"github.com/wadi-engine/wadi/sql/logical"
)

// expand repeats rows for grouping sets, in the tasks of its input.
func (b *builder) expand(n *logical.Expand) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	return b.add(job.Vertex{
		UID: uid("expand", b.lineage(n)), Name: logical.Operator(n), Kind: expand.Kind, Config: config(expand.Config{Nulls: n.Nulls}),
		Parallelism: in.parallelism, Output: schema(n.Output),
	}, in.mode, edge(in, in.parallelism)), nil
}
