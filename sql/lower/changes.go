package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/changelog"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/stream"
)

// changelog is FROM_CHANGELOG or TO_CHANGELOG, in the tasks of its input.
func (b *builder) changelog(n *logical.Changelog) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	c := changelog.Config{Column: n.Column, Skip: n.Skip}
	mode, kind := Insert, changelog.ToKind
	for _, code := range n.Codes {
		c.Codes = append(c.Codes, changelog.Code{Text: code.Text, Kind: code.Kind})
		if !n.To {
			mode |= modes[code.Kind]
		}
	}
	if !n.To {
		kind = changelog.FromKind
		if in.mode != Insert {
			return built{}, fmt.Errorf("%w: FROM_CHANGELOG reads changes from rows that only come, but those of its input change themselves", job.ErrInvalid)
		}
	}
	v := b.add(job.Vertex{
		UID: uid(kind, b.lineage(n)), Name: logical.Operator(n), Kind: kind, Config: config(c), Parallelism: in.parallelism, Output: schema(n.Output),
	}, mode, edge(in, in.parallelism))
	if n.Keys == nil {
		return v, nil
	}
	return b.normalize(n, n.Keys, v)
}

// modes are the kinds of changes as modes.
var modes = map[stream.RowKind]Mode{
	stream.Insert: Insert, stream.UpdateBefore: UpdateBefore, stream.UpdateAfter: UpdateAfter, stream.Delete: Delete,
}

func (b *builder) traceChangelog(n *logical.Changelog) []string {
	below := b.origins(n.Input)
	if n.To {
		return append([]string{"$op"}, below...)
	}
	return append(append([]string{}, below[:n.Column]...), below[n.Column+1:]...)
}
