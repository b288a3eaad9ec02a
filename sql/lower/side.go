package lower

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/calc"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// late writes the rows that come too late for window operator v.
func (b *builder) late(v, in built, rows logical.Schema, s *logical.Side) error {
	if s != nil && in.mode != Insert {
		return fmt.Errorf("%w: rows that change cannot be written to the 'late.table' %s; leave the option out", job.ErrInvalid, s.Table.Ident)
	}
	return b.side(v, ops.Late, schema(rows).Schema, s)
}

// side writes the rows that leave vertex v by another port than the main one,
// which are of the given schema, into a table.
//
//	source ─┬─ Main ───→ …
//	        └─ Errors ─→ calc → sink
func (b *builder) side(v built, port ops.Port, rows *arrow.Schema, s *logical.Side) error {
	if s == nil {
		return nil
	}
	c, err := b.o.Registry.Connector(s.Table.Connector)
	if err != nil {
		return err
	}
	if c.Sink == nil {
		return fmt.Errorf("%w: table %s cannot be written: connector %q only reads", job.ErrInvalid, s.Table.Ident, c.Name)
	}
	from := b.res.Graph.Vertices[v.id]
	name := plain(s.Table.Ident)
	e := edge(v, v.parallelism)
	e.Port, e.Schema = uint8(port), &job.Schema{Schema: rows}
	columns := b.add(job.Vertex{
		UID: uid("side-calc", from.UID, name), Name: "Calc(select=[" + strings.Join(s.Output.Names(), ", ") + "])", Kind: calc.Kind,
		Config: config(calc.Config{Filter: expr.NewDoc(s.Cond), Exprs: docs(s.Exprs)}), Parallelism: v.parallelism, Output: schema(s.Output),
	}, Insert, e)
	b.add(job.Vertex{
		UID: "sink-" + name + "-of-" + from.UID, Name: fmt.Sprintf("Sink(table=[%s], fields=[%s])", s.Table.Ident, strings.Join(s.Output.Names(), ", ")),
		Kind: job.KindSink, Config: config(ops.SinkConfig{Table: s.Table}), Parallelism: v.parallelism, Output: schema(s.Output),
	}, Insert, edge(columns, v.parallelism))
	return nil
}
