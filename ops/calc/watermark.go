package calc

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/stream"
)

// WatermarkFields are the columns behind those of the input that expressions
// find when Config.Watermark is set: the watermark that holds before each row,
// as a local time and as an instant; NULL before the first watermark.
var WatermarkFields = []arrow.Field{
	{Name: "CURRENT_WATERMARK", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Nullable: true},
	{Name: "CURRENT_WATERMARK", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, Nullable: true},
}

// withWatermark is the schema of in and the columns of the watermark.
func withWatermark(in *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(append(in.Fields(), WatermarkFields...), nil)
}

// watermarks appends the columns of the watermark to the rows of b. The caller
// releases the result.
func (c *Calc) watermarks(b *stream.Batch) arrow.RecordBatch {
	cols := append([]arrow.Array{}, b.Rows.Columns()...)
	at := array.NewTimestampBuilder(c.alloc, WatermarkFields[0].Type.(*arrow.TimestampType))
	defer at.Release()
	at.Reserve(b.Len())
	from := 0
	for _, m := range b.Marks {
		c.appendWatermark(at, int(m.Row)-from)
		from, c.watermark = int(m.Row), max(c.watermark, m.Time)
	}
	c.appendWatermark(at, b.Len()-from)
	local := at.NewArray()
	defer local.Release()
	data := local.Data()
	instants := array.NewData(WatermarkFields[1].Type, data.Len(), data.Buffers(), nil, data.NullN(), 0)
	defer instants.Release()
	instant := array.MakeFromData(instants)
	defer instant.Release()
	return array.NewRecordBatch(c.wide, append(cols, local, instant), int64(b.Len()))
}

// appendWatermark appends what holds now n times.
func (c *Calc) appendWatermark(at *array.TimestampBuilder, n int) {
	for range n {
		if c.watermark == stream.Start {
			at.UnsafeAppendBoolToBitmap(false)
		} else {
			at.UnsafeAppend(arrow.Timestamp(c.watermark))
		}
	}
}
