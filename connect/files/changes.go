package files

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/changes"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Changelog reports whether files with these options take rows of every kind.
func Changelog(options map[string]string) bool { return changes.Writes(options["format"]) }

// changeOptions are those of the formats of changes.
func changeOptions() []ops.Option {
	var all []ops.Option
	for _, name := range changes.Names() {
		all = append(all, changes.Options(name)...)
	}
	return all
}

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

// changeFormat is the format called name of changes, one per line.
func changeFormat(name string) Format {
	return Format{Merge: mergeLines, New: func(w io.Writer, s *arrow.Schema, o map[string]string, _ memory.Allocator) (Encoder, error) {
		rows, err := changes.NewEncoder(name, arrow.NewSchema(s.Fields()[:s.NumFields()-1], nil), o)
		return &changeEncoder{w: w, rows: rows}, err
	}}
}

// changeEncoder writes a change per line.
type changeEncoder struct {
	w    io.Writer
	rows *changes.Encoder
	line []byte
}

func (e *changeEncoder) Write(rec arrow.RecordBatch) (err error) {
	last := int(rec.NumCols()) - 1
	kinds := rec.Column(last).(*array.Int8)
	e.rows.Fill(rec.Columns()[:last])
	defer e.rows.Drop()
	out := e.line[:0]
	for row := range int(rec.NumRows()) {
		if out, err = e.rows.Append(out, row, stream.RowKind(kinds.Value(row))); err != nil {
			return err
		}
		out = append(out, '\n')
	}
	e.line = out
	_, err = e.w.Write(out)
	return err
}

func (e *changeEncoder) Close() error { return nil }
