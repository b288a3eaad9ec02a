// Package values is the source behind VALUES: rows that stand in the plan.
//
// The rows are an option of the table, as an Arrow IPC stream in base64, so
// that the plan is complete wherever it runs.
package values

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Name is the connector's.
const Name = "values"

// rowsOption holds the rows.
const rowsOption = "rows"

// Table makes a table of the given rows, each of whose expressions must be a
// *expr.Literal of the type of its column.
func Table(schema job.Schema, rows [][]expr.Expr) (job.Table, error) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.Schema)
	defer b.Release()
	for _, row := range rows {
		for i, e := range row {
			l, ok := e.(*expr.Literal)
			if !ok {
				return job.Table{}, fmt.Errorf("%s is not a constant", e)
			}
			if err := appendLiteral(b.Field(i), l); err != nil {
				return job.Table{}, err
			}
		}
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema.Schema))
	if err := w.Write(rec); err != nil {
		return job.Table{}, err
	}
	if err := w.Close(); err != nil {
		return job.Table{}, err
	}
	return job.Table{
		Ident: job.Ident{Name: "VALUES"}, Schema: schema, Connector: Name,
		Options: map[string]string{"connector": Name, rowsOption: base64.StdEncoding.EncodeToString(buf.Bytes())},
	}, nil
}

// appendLiteral appends a constant to the builder of its column.
func appendLiteral(b array.Builder, l *expr.Literal) error {
	switch v := l.Value.(type) {
	case nil:
		b.AppendNull()
		return nil
	case bool:
		if b, ok := b.(*array.BooleanBuilder); ok {
			b.Append(v)
			return nil
		}
	case int64:
		return appendInteger(b, v)
	case float64:
		switch b := b.(type) {
		case *array.Float32Builder:
			b.Append(float32(v))
			return nil
		case *array.Float64Builder:
			b.Append(v)
			return nil
		}
	case string:
		if b, ok := b.(*array.StringViewBuilder); ok {
			b.Append(v)
			return nil
		}
	case []byte:
		if b, ok := b.(*array.BinaryViewBuilder); ok {
			b.Append(v)
			return nil
		}
	case decimal128.Num:
		if b, ok := b.(*array.Decimal128Builder); ok {
			b.Append(v)
			return nil
		}
	}
	return fmt.Errorf("constant %s of Go type %T in a column of type %s", l, l.Value, b.Type())
}

func appendInteger(b array.Builder, v int64) error {
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(v)
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	case *array.Time32Builder:
		b.Append(arrow.Time32(v))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(v))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(v))
	default:
		return fmt.Errorf("integer constant %d in a column of type %s", v, b.Type())
	}
	return nil
}
