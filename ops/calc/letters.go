package calc

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// letters are rows of a table as ops.DeadLetters, each with what is wrong with it. Their
// bytes are JSON, of the columns of schema. A row that is taken back was none that came.
func letters(alloc memory.Allocator, table string, schema *arrow.Schema, b *stream.Batch, bad vector.Sel, why []string) *stream.Batch {
	r := array.NewRecordBuilder(alloc, ops.DeadLetters)
	defer r.Release()
	rows := array.NewRecordBatch(schema, b.Rows.Columns()[:schema.NumFields()], b.Rows.NumRows())
	defer rows.Release()
	for i, row := range bad {
		if b.Kind(int(row)).Retracts() {
			continue
		}
		r.Field(0).(*array.StringViewBuilder).Append(table)
		r.Field(1).AppendNull()
		r.Field(2).AppendNull()
		r.Field(3).(*array.StringViewBuilder).Append(why[i])
		r.Field(4).(*array.BinaryViewBuilder).Append(asJSON(rows, int(row)))
	}
	return stream.NewBatch(r.NewRecordBatch())
}

// asJSON is a row as a JSON object.
func asJSON(rows arrow.RecordBatch, row int) []byte {
	part := rows.NewSlice(int64(row), int64(row)+1)
	defer part.Release()
	text, err := part.MarshalJSON()
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(text), []byte("[")), []byte("]")))
}
