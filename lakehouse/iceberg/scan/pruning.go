package scan

import (
	"context"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// pruning is the filter of the scan in Iceberg's words, for partitions and for
// the bounds in manifests: true of every row of which the filter is. It is nil
// when nothing is known.
func (s *Source) pruning(t *table.Table, snapshot *table.Snapshot) ice.BooleanExpression {
	if s.what.Filter == nil {
		return nil
	}
	schema := schemaThen(t, snapshot)
	p := &filterWords{columns: s.what.Columns, schema: schema, all: t.Metadata().Schemas()}
	if e := p.translate(s.what.Filter); !e.Equals(ice.AlwaysTrue{}) {
		return e
	}
	return nil
}

// filterWords translates a filter. What it does not understand, or what the
// schema of the snapshot does not have, is true.
type filterWords struct {
	columns []read.Column
	schema  *ice.Schema
	all     []*ice.Schema
}

func (p *filterWords) translate(e expr.Expr) ice.BooleanExpression {
	call, ok := e.(*expr.Call)
	if !ok || len(call.Args) == 0 {
		return ice.AlwaysTrue{}
	}
	switch call.Func {
	case "and", "or":
		out := p.translate(call.Args[0])
		for _, a := range call.Args[1:] {
			if call.Func == "and" {
				out = ice.NewAnd(out, p.translate(a))
			} else {
				out = ice.NewOr(out, p.translate(a))
			}
		}
		return out
	case "in":
		var out ice.BooleanExpression = ice.AlwaysFalse{}
		for _, a := range call.Args[1:] {
			out = ice.NewOr(out, p.compare("eq", call.Args[0], a))
		}
		return out
	case "is_null", "is_not_null":
		name, f := p.column(call.Args[0])
		if f == nil {
			break
		}
		if call.Func == "is_null" {
			return ice.UnaryPredicate(ice.OpIsNull, name)
		}
		return ice.UnaryPredicate(ice.OpNotNull, name)
	case "eq", "lt", "le", "gt", "ge":
		if len(call.Args) != 2 {
			break
		}
		if _, ok := call.Args[0].(*expr.Literal); ok {
			return p.compare(mirrored[call.Func], call.Args[1], call.Args[0])
		}
		return p.compare(call.Func, call.Args[0], call.Args[1])
	}
	return ice.AlwaysTrue{}
}

var mirrored = map[string]string{"eq": "eq", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

var comparisons = map[string]ice.Operation{
	"eq": ice.OpEQ, "lt": ice.OpLT, "le": ice.OpLTEQ, "gt": ice.OpGT, "ge": ice.OpGTEQ,
}

// column gives the name of a column in the schema of the snapshot, unless it
// has ever been of another type: iceberg-go cannot read the bounds of those
// that were widened.
func (p *filterWords) column(e expr.Expr) (ice.Reference, *read.Column) {
	c, ok := e.(*expr.Column)
	if !ok || c.Index < 0 || c.Index >= len(p.columns) {
		return "", nil
	}
	column := &p.columns[c.Index]
	f, ok := p.schema.FindFieldByID(column.ID())
	name, named := p.schema.FindColumnName(column.ID())
	if !ok || !named || column.Fields[len(column.Fields)-1].InitialDefault != nil {
		return "", nil
	}
	for _, schema := range p.all {
		if old, ok := schema.FindFieldByID(column.ID()); ok && !old.Type.Equals(f.Type) {
			return "", nil
		}
	}
	return ice.Reference(name), column
}

func (p *filterWords) compare(op string, a, b expr.Expr) ice.BooleanExpression {
	name, c := p.column(a)
	lit, ok := b.(*expr.Literal)
	if c == nil || !ok {
		return ice.AlwaysTrue{}
	}
	if lit.Value == nil {
		return ice.AlwaysFalse{}
	}
	v := literalOf(lit, c.Fields[len(c.Fields)-1].Type)
	if v == nil {
		return ice.AlwaysTrue{}
	}
	return ice.LiteralPredicate(comparisons[op], name, v)
}

// literalOf is a literal of the engine as one of an Iceberg type whose values
// are in the same unit, or nil.
func literalOf(l *expr.Literal, t ice.Type) ice.Literal {
	switch v := l.Value.(type) {
	case bool:
		if _, ok := t.(ice.BooleanType); ok {
			return ice.NewLiteral(v)
		}
	case string:
		if _, ok := t.(ice.StringType); ok {
			return ice.NewLiteral(v)
		}
	case float64:
		switch t.(type) {
		case ice.Float64Type:
			return ice.NewLiteral(v)
		case ice.Float32Type:
			if float64(float32(v)) == v {
				return ice.NewLiteral(float32(v))
			}
		}
	case decimal128.Num:
		d, ok := t.(ice.DecimalType)
		if of, is := l.Of.(*arrow.Decimal128Type); ok && is && int(of.Scale) == d.Scale() {
			return ice.NewLiteral(ice.Decimal{Val: v, Scale: d.Scale()})
		}
	case int64:
		return integerOf(v, l.Of, t)
	}
	return nil
}

func integerOf(v int64, of arrow.DataType, t ice.Type) ice.Literal {
	switch t.(type) {
	case ice.Int32Type, ice.Int64Type:
		if arrow.IsInteger(of.ID()) {
			return ice.NewLiteral(v)
		}
	case ice.DateType:
		if of.ID() == arrow.DATE32 {
			return ice.NewLiteral(ice.Date(v))
		}
	case ice.TimestampType, ice.TimestampTzType:
		if ts, ok := of.(*arrow.TimestampType); ok && ts.Unit == arrow.Microsecond {
			return ice.NewLiteral(ice.Timestamp(v))
		}
	case ice.TimestampNsType, ice.TimestampTzNsType:
		if ts, ok := of.(*arrow.TimestampType); ok && ts.Unit == arrow.Nanosecond {
			return ice.NewLiteral(ice.TimestampNano(v))
		}
	}
	return nil
}

// Estimate is how many rows a scan gives: what the snapshot's summary says, or,
// with a filter, what the files have of which it may be true.
func Estimate(ctx context.Context, scan ops.Scan, env catalog.Env) ops.Estimate {
	if scan.Table.Options[catalog.OptMetadata] != "" {
		return ops.Estimate{}
	}
	s, err := newSource(ctx, scan, env)
	if err != nil {
		return ops.Estimate{} // whoever reads it says why
	}
	c, t, err := s.load(ctx)
	if err != nil {
		return ops.Estimate{}
	}
	defer c.Close()
	snapshot, err := s.plan.version.of(t)
	if err != nil || s.plan.stream.on {
		return ops.Estimate{}
	}
	if snapshot == nil {
		return ops.Estimate{Known: true}
	}
	if s.pruning(t, snapshot) == nil && snapshot.Summary != nil {
		rows, err := strconv.ParseInt(snapshot.Summary.Properties["total-records"], 10, 64)
		gone, gerr := strconv.ParseInt(snapshot.Summary.Properties["total-position-deletes"], 10, 64)
		if err == nil {
			if gerr == nil {
				rows -= gone
			}
			return ops.Estimate{Rows: float64(max(rows, 0)), Known: true}
		}
	}
	tasks, err := s.tasks(ctx, t, snapshot)
	if err != nil {
		return ops.Estimate{}
	}
	rows := 0.0
	for _, task := range tasks {
		part := 1.0
		if size := task.File.FileSizeBytes(); size > 0 && task.Length > 0 {
			part = min(1, float64(task.Length)/float64(size))
		}
		rows += part * float64(task.File.Count())
	}
	return ops.Estimate{Rows: rows, Known: true}
}
