package files

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/changes"
	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/stream"
)

// changelogFormat is the format that can say how each row changes a table.
const changelogFormat = "debezium-json"

// Changelog reports whether files with these options take rows of every kind.
func Changelog(options map[string]string) bool { return options["format"] == changelogFormat }

// kindColumn is the last column of what a changelog format is given: the row's
// stream.RowKind.
var kindColumn = arrow.Field{Name: "$kind", Type: arrow.PrimitiveTypes.Int8}

// withKinds appends the kinds of a batch as a column.
func withKinds(alloc memory.Allocator, schema *arrow.Schema, b *stream.Batch) arrow.RecordBatch {
	kinds := array.NewInt8Builder(alloc)
	defer kinds.Release()
	kinds.Reserve(b.Len())
	for i := range b.Len() {
		kinds.UnsafeAppend(int8(b.Kind(i)))
	}
	col := kinds.NewArray()
	defer col.Release()
	return array.NewRecordBatch(schema, append(b.Rows.Columns()[:b.Rows.NumCols():b.Rows.NumCols()], col), int64(b.Len()))
}

func kindSchema(s *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(append(s.Fields()[:s.NumFields():s.NumFields()], kindColumn), nil)
}

// debeziumEncoder writes changes as Flink's debezium-json format does: what is
// added as {"before":null,"after":{…},"op":"c"}, what is taken away as
// {"before":{…},"after":null,"op":"d"}.
type debeziumEncoder struct {
	w    io.Writer
	rows *json.Encoder
	line []byte
}

func newDebezium(w io.Writer, schema *arrow.Schema, o settings) (*debeziumEncoder, error) {
	rows, err := json.NewEncoder(arrow.NewSchema(schema.Fields()[:schema.NumFields()-1], nil), changelogFormat+".", o)
	return &debeziumEncoder{w: w, rows: rows}, err
}

func (e *debeziumEncoder) Write(rec arrow.RecordBatch) error {
	last := int(rec.NumCols()) - 1
	kinds := rec.Column(last).(*array.Int8)
	e.rows.Fill(rec.Columns()[:last])
	defer e.rows.Drop()
	out := e.line[:0]
	for row := range int(rec.NumRows()) {
		out = append(changes.AppendDebezium(out, e.rows, row, stream.RowKind(kinds.Value(row))), '\n')
	}
	e.line = out
	_, err := e.w.Write(out)
	return err
}

func (e *debeziumEncoder) Close() error { return nil }
