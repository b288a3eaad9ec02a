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
	switch {
	case s == nil:
		return nil
	case in.mode != Insert && s.Rejects == nil:
		return fmt.Errorf("%w: rows that change cannot be written to the 'late.table' %s; leave the option out", job.ErrInvalid, s.Table.Ident)
	case in.mode != Insert:
		return fmt.Errorf("%w: late rows that change are skipped; leave out the 'late.policy' of table %s", job.ErrInvalid, s.Rejects.Of)
	case s.Rejects == nil:
		return b.side(v, ops.Late, schema(rows).Schema, s)
	}
	return b.rejected(v, ops.Late, schema(rows).Schema, s)
}

// rejected makes dead letters of rows that leave vertex v, or fails the job for them.
//
//	window ─┬─ Main ───→ …
//	        └─ Late ─→ calc → reject ── Errors ─→ calc → sink
func (b *builder) rejected(v built, port ops.Port, rows *arrow.Schema, s *logical.Side) error {
	from := b.res.Graph.Vertices[v.id]
	r := b.add(job.Vertex{
		UID: uid("reject", from.UID), Name: "Reject(late=[" + s.Rejects.Of + "])", Kind: calc.RejectKind,
		Config: config(calc.RejectConfig{
			Of: s.Rejects.Of, Reason: "it is late: the watermark has passed its windows", Option: "late.policy", Fail: s.Rejects.Letters == nil,
		}),
		Parallelism: v.parallelism, Output: schema(s.Output),
	}, Insert, edge(b.sideColumns(v, port, rows, s, "late"), v.parallelism))
	return b.side(r, ops.Errors, ops.Letters, s.Rejects.Letters)
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
	columns := b.sideColumns(v, port, rows, s, name)
	b.add(job.Vertex{
		UID: "sink-" + name + "-of-" + from.UID, Name: fmt.Sprintf("Sink(table=[%s], fields=[%s])", s.Table.Ident, strings.Join(s.Output.Names(), ", ")),
		Kind: job.KindSink, Config: config(ops.SinkConfig{Table: s.Table}), Parallelism: v.parallelism, Output: schema(s.Output),
	}, Insert, edge(columns, v.parallelism))
	return nil
}

// sideColumns computes the columns of a side.
func (b *builder) sideColumns(v built, port ops.Port, rows *arrow.Schema, s *logical.Side, name string) built {
	e := edge(v, v.parallelism)
	e.Port, e.Schema = uint8(port), &job.Schema{Schema: rows}
	return b.add(job.Vertex{
		UID: uid("side-calc", b.res.Graph.Vertices[v.id].UID, name), Name: "Calc(select=[" + strings.Join(s.Output.Names(), ", ") + "])", Kind: calc.Kind,
		Config: config(calc.Config{Filter: expr.NewDoc(s.Cond), Exprs: docs(s.Exprs)}), Parallelism: v.parallelism, Output: schema(s.Output),
	}, Insert, e)
}
