package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// temporal joins rows with the versions of a table. All versions are wanted of it,
// also where only final rows are wanted of the join.
func (b *builder) temporal(n *logical.Join) (built, error) {
	left, err := b.node(n.Left)
	if err != nil {
		return built{}, err
	}
	if !n.AsOf.Latest {
		if why := unversioned(n.Right); why != "" {
			return built{}, fmt.Errorf("%w: %s has no versions: %s; join a table with PRIMARY KEY and WATERMARK FOR, "+
				"or a view that keeps the latest row of each key by its time (ROW_NUMBER() OVER (PARTITION BY key ORDER BY time DESC) = 1)",
				job.ErrInvalid, logical.Operator(n.Right), why)
		}
	}
	final := b.final
	b.final = 0
	right, err := b.node(n.Right)
	b.final = final
	if err != nil {
		return built{}, err
	}
	keys := n.Keys()
	if len(keys.Left) == 0 {
		return built{}, fmt.Errorf("%w: a join FOR SYSTEM_TIME AS OF needs an equality with the key of the table: ON a.k = b.k", job.ErrInvalid)
	}
	if err := b.conditionCompiles(n, keys.Rest); err != nil {
		return built{}, err
	}
	c := join.TemporalConfig{
		Config: join.Config{
			Type: joinTypes[n.Type], LeftKeys: keys.Left, RightKeys: keys.Right, NullSafe: keys.NullSafe, Condition: expr.NewDoc(keys.Rest),
			Zone: b.zone(), NowMillis: b.o.NowMillis,
		},
		LeftTime: n.AsOf.Time, RightTime: n.AsOf.Version,
	}
	in0, in1 := keyed(left, b.o.Parallelism, keys.Left), keyed(right, b.o.Parallelism, keys.Right)
	in1.Input = 1
	return b.add(job.Vertex{
		UID: uid("temporal-join", b.lineage(n)), Name: logical.Operator(n), Kind: join.TemporalKind, Config: config(c),
		Parallelism: b.o.Parallelism, Output: schema(n.Output),
	}, left.mode, in0, in1), nil
}

// unversioned says why rows of a plan are no versions of a table, or "".
func unversioned(n logical.Node) string {
	switch n := n.(type) {
	case *logical.Scan:
		if len(n.Table.PrimaryKey) == 0 {
			return "table " + n.Table.Ident.String() + " has no PRIMARY KEY"
		}
		return ""
	case *logical.Project:
		return unversioned(n.Input)
	case *logical.Watermark:
		return unversioned(n.Input)
	case *logical.Filter:
		return "a filter would let an older version hold in place of one that it drops"
	default:
		return "it is the result of a query"
	}
}
