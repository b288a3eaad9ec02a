package raw

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Encoder writes the value of a column as it is. A NULL is an empty message.
type Encoder struct {
	column arrow.Array
	write  func(dst []byte, row int) []byte
}

// NewEncoder returns an encoder of one column.
func NewEncoder(f arrow.Field) (*Encoder, error) {
	switch f.Type.(type) {
	case *arrow.StringViewType, *arrow.BinaryViewType, *arrow.BooleanType, *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Float32Type, *arrow.Float64Type:
		return &Encoder{}, nil
	}
	return nil, fmt.Errorf("%w: column %s: the format raw has no %s", job.ErrInvalid, f.Name, expr.TypeName(f.Type))
}

// Fill takes the column, which is borrowed until Drop.
func (e *Encoder) Fill(columns []arrow.Array) {
	e.column = columns[0]
	switch a := e.column.(type) {
	case *array.StringView:
		e.write = func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	case *array.BinaryView:
		e.write = func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	case *array.Boolean:
		e.write = func(dst []byte, row int) []byte {
			if a.Value(row) {
				return append(dst, 1)
			}
			return append(dst, 0)
		}
	case *array.Int8:
		e.write = func(dst []byte, row int) []byte { return append(dst, byte(a.Value(row))) }
	case *array.Int16:
		e.write = func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint16(dst, uint16(a.Value(row))) }
	case *array.Int32:
		e.write = func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(a.Value(row))) }
	case *array.Int64:
		e.write = func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint64(dst, uint64(a.Value(row))) }
	case *array.Float32:
		e.write = func(dst []byte, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, math.Float32bits(a.Value(row)))
		}
	case *array.Float64:
		e.write = func(dst []byte, row int) []byte {
			return binary.BigEndian.AppendUint64(dst, math.Float64bits(a.Value(row)))
		}
	}
}

// Append appends the value of a row.
func (e *Encoder) Append(dst []byte, row int, _ stream.RowKind) ([]byte, error) {
	if e.column.IsNull(row) {
		return dst, nil
	}
	return e.write(dst, row), nil
}

// Drop ends the use of the column.
func (e *Encoder) Drop() { e.column, e.write = nil, nil }
