package rowstore

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// appendWord appends a value of one word.
func appendWord(b array.Builder, w uint64) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(w == 1)
	case *array.Int8Builder:
		b.Append(int8(w))
	case *array.Int16Builder:
		b.Append(int16(w))
	case *array.Int32Builder:
		b.Append(int32(w))
	case *array.Int64Builder:
		b.Append(int64(w))
	case *array.Uint8Builder:
		b.Append(uint8(w))
	case *array.Uint16Builder:
		b.Append(uint16(w))
	case *array.Uint32Builder:
		b.Append(uint32(w))
	case *array.Uint64Builder:
		b.Append(w)
	case *array.Float32Builder:
		b.Append(math.Float32frombits(uint32(w)))
	case *array.Float64Builder:
		b.Append(math.Float64frombits(w))
	default:
		appendTime(b, w)
	}
}

func appendTime(b array.Builder, w uint64) {
	switch b := b.(type) {
	case *array.Date32Builder:
		b.Append(arrow.Date32(w))
	case *array.Date64Builder:
		b.Append(arrow.Date64(w))
	case *array.Time32Builder:
		b.Append(arrow.Time32(w))
	case *array.Time64Builder:
		b.Append(arrow.Time64(w))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(w))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(w))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(w))
	default:
		panic(fmt.Sprintf("rowstore: no value of %v is one word", b.Type()))
	}
}
