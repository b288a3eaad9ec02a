package vector

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Millis writes the values of a timestamp column to dst, in milliseconds,
// rounded towards the past, and returns dst at the column's length. What
// stands at a NULL is undefined. A column that is in milliseconds already is
// returned as it is: the result must not be written to.
func Millis(dst []int64, ts *array.Timestamp) []int64 {
	v := Values[int64](ts)
	var unit int64
	switch ts.DataType().(*arrow.TimestampType).Unit {
	case arrow.Millisecond:
		return v
	case arrow.Second:
		dst = resize(dst, len(v))
		for i, s := range v {
			dst[i] = s * 1000
		}
		return dst
	case arrow.Microsecond:
		unit = 1000
	case arrow.Nanosecond:
		unit = 1_000_000
	}
	dst = resize(dst, len(v))
	for i, t := range v {
		q := t / unit
		if t%unit < 0 {
			q--
		}
		dst[i] = q
	}
	return dst
}
