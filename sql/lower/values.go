package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/values"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// values lowers rows of constants to a source that holds them. A row with an
// expression that is not constant (now(), rand()) is one such row and a calc.
func (b *builder) values(n *logical.Values) (built, error) {
	if literals(n) {
		return b.constants(n)
	}
	one := &logical.Values{Rows: [][]expr.Expr{{}}}
	var sides []logical.Node
	for _, r := range n.Rows {
		sides = append(sides, &logical.Project{Input: one, Exprs: r, Output: n.Output})
	}
	if len(sides) == 1 {
		return b.node(sides[0])
	}
	return b.node(&logical.Union{In: sides, Output: n.Output})
}

func literals(n *logical.Values) bool {
	for _, r := range n.Rows {
		for _, e := range r {
			if _, ok := e.(*expr.Literal); !ok {
				return false
			}
		}
	}
	return true
}

// constants is the source. Rows without columns get one: a batch needs a
// column to have rows.
func (b *builder) constants(n *logical.Values) (built, error) {
	rows, output := n.Rows, n.Output
	if len(output) == 0 {
		output = logical.Schema{{Name: "ZERO", Type: datatype.Of(datatype.Int).WithNull(false)}}
		rows = make([][]expr.Expr, len(n.Rows))
		for i := range rows {
			rows[i] = []expr.Expr{&expr.Literal{Value: int64(0), Of: output[0].Type.Arrow()}}
		}
	}
	t, err := values.Table(schema(output), rows)
	if err != nil {
		return built{}, fmt.Errorf("write VALUES: %w", err)
	}
	return b.add(job.Vertex{
		UID: uid("values", logical.Tuples(n)), Name: logical.Operator(n), Kind: job.KindSource,
		Config: config(ops.SourceConfig{Scan: ops.Scan{Table: t}}), Parallelism: 1, Output: schema(output),
	}, Insert), nil
}
