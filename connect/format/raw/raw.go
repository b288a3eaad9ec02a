// Package raw takes each message as the one value of a row (Flink's format raw):
// text, bytes, or a number of big-endian bytes.
package raw

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Decoder keeps messages as the values of one column.
type Decoder struct {
	schema *arrow.Schema
	text   bool
	width  int // of a number in bytes, or 0

	headers []vector.Header
	bytes   []byte
	words   []uint64
	nulls   []int // rows
	rows    int
}

// New returns a decoder for rows of one column, or of none.
func New(schema *arrow.Schema) (*Decoder, error) {
	d := &Decoder{schema: schema}
	switch schema.NumFields() {
	case 0:
		return d, nil
	case 1:
	default:
		return nil, fmt.Errorf("%w: the format raw has one column, not %d", job.ErrInvalid, schema.NumFields())
	}
	switch t := schema.Field(0).Type.(type) {
	case *arrow.StringViewType:
		d.text = true
	case *arrow.BinaryViewType:
	case *arrow.BooleanType:
		d.width = 1
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Float32Type, *arrow.Float64Type:
		d.width = t.(arrow.FixedWidthDataType).BitWidth() / 8
	default:
		return nil, fmt.Errorf("%w: column %s: the format raw has no %s", job.ErrInvalid, schema.Field(0).Name, expr.TypeName(t))
	}
	return d, nil
}

// Append adds a message.
func (d *Decoder) Append(message []byte) error {
	switch {
	case d.schema.NumFields() == 0:
	case d.width > 0:
		if len(message) != d.width {
			return fmt.Errorf("a message of %d bytes, want %d", len(message), d.width)
		}
		d.words = append(d.words, word(message))
	case d.text && !utf8.Valid(message):
		return errors.New("a message is not UTF-8")
	case len(message) <= vector.Inline:
		d.headers = append(d.headers, vector.MakeHeader(message))
	case len(d.bytes)+len(message) > math.MaxInt32:
		return errors.New("more than 2 GiB of messages in a batch")
	default:
		d.headers = append(d.headers, vector.MakeLongHeader(message, 0, len(d.bytes)))
		d.bytes = append(d.bytes, message...)
	}
	d.rows++
	return nil
}

// AppendNull adds a NULL.
func (d *Decoder) AppendNull() {
	switch {
	case d.schema.NumFields() == 0:
	case d.width > 0:
		d.words = append(d.words, 0)
	default:
		d.headers = append(d.headers, vector.Header{})
	}
	d.nulls = append(d.nulls, d.rows)
	d.rows++
}

func word(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(int8(b[0]))
	case 2:
		return uint64(int16(binary.BigEndian.Uint16(b)))
	case 4:
		return uint64(int32(binary.BigEndian.Uint32(b)))
	}
	return binary.BigEndian.Uint64(b)
}

// Rows is how many messages were added since the last Record.
func (d *Decoder) Rows() int { return d.rows }

// Bytes is how much memory they take.
func (d *Decoder) Bytes() int { return 16*len(d.headers) + len(d.bytes) + 8*len(d.words) }

// Truncate takes back all but the first rows.
func (d *Decoder) Truncate(rows int) {
	d.rows = rows
	for len(d.nulls) > 0 && d.nulls[len(d.nulls)-1] >= rows {
		d.nulls = d.nulls[:len(d.nulls)-1]
	}
	d.headers, d.words = d.headers[:min(rows, len(d.headers))], d.words[:min(rows, len(d.words))]
}

// Record returns the messages as rows and begins anew.
func (d *Decoder) Record(alloc memory.Allocator) arrow.RecordBatch {
	n := d.rows
	var cols []arrow.Array
	if d.schema.NumFields() == 1 {
		cols = append(cols, d.column(alloc))
		defer cols[0].Release()
	}
	d.rows, d.headers, d.bytes, d.words, d.nulls = 0, d.headers[:0], d.bytes[:0], d.words[:0], d.nulls[:0]
	return array.NewRecordBatch(d.schema, cols, int64(n))
}

func (d *Decoder) column(alloc memory.Allocator) arrow.Array {
	t := d.schema.Field(0).Type
	nulls, validity := len(d.nulls), d.validity(alloc)
	switch t.ID() {
	case arrow.FLOAT64:
		return vector.MakeArray(t, d.rows, nulls, validity, vector.CopyValues(alloc, d.words))
	case arrow.FLOAT32:
		buf, v := vector.NewValues[uint32](alloc, d.rows)
		for i, w := range d.words {
			v[i] = uint32(w)
		}
		return vector.MakeArray(t, d.rows, nulls, validity, buf)
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		bufs := []*memory.Buffer{validity, vector.CopyValues(alloc, d.headers)}
		if len(d.bytes) > 0 {
			bufs = append(bufs, vector.CopyValues(alloc, d.bytes))
		}
		return vector.MakeArray(t, d.rows, nulls, bufs...)
	}
	return vector.FromWords(alloc, t, d.words, validity, nulls)
}

func (d *Decoder) validity(alloc memory.Allocator) *memory.Buffer {
	if len(d.nulls) == 0 {
		return nil
	}
	valid := bytes.Repeat([]byte{0xff}, (d.rows+7)/8)
	for _, row := range d.nulls {
		valid[row/8] &^= 1 << (row % 8)
	}
	return vector.CopyValues(alloc, valid)
}
