package render

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/vector/chrono"
	"github.com/wadi-engine/wadi/vector/decimal"
)

// typeKey is the field metadata that holds Flink's type where Arrow's says less.
const typeKey = "wadi.type"

// A cell writes the value of a column that is not NULL.
type cell func(dst []byte, a arrow.Array, i int) []byte

// precisionOf is the precision of a field's time type: that of its Flink type, or that of its unit.
func precisionOf(f arrow.Field, unit arrow.TimeUnit) int {
	if text, ok := f.Metadata.GetValue(typeKey); ok {
		if _, rest, ok := strings.Cut(text, "("); ok {
			digits, _, _ := strings.Cut(rest, ")")
			if n, err := strconv.Atoi(strings.TrimSpace(digits)); err == nil {
				return n
			}
		}
	}
	return 3 * int(unit)
}

// scalar makes the cell of a type that has no members and the same text in every
// format; nil for the others. Dates and times have no quotes.
func scalar(f arrow.Field) cell {
	switch t := f.Type.(type) {
	case *arrow.Int8Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return strconv.AppendInt(dst, int64(a.(*array.Int8).Value(i)), 10)
		}
	case *arrow.Int16Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return strconv.AppendInt(dst, int64(a.(*array.Int16).Value(i)), 10)
		}
	case *arrow.Int32Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return strconv.AppendInt(dst, int64(a.(*array.Int32).Value(i)), 10)
		}
	case *arrow.Int64Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return strconv.AppendInt(dst, a.(*array.Int64).Value(i), 10)
		}
	case *arrow.Decimal128Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return decimal.Append(dst, a.(*array.Decimal128).Value(i), t.Scale)
		}
	}
	return nil
}

// moment makes the cell of a date, time or interval; nil for other types.
func moment(f arrow.Field, zone *time.Location) cell {
	switch t := f.Type.(type) {
	case *arrow.Date32Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return chrono.AppendDate(dst, int64(a.(*array.Date32).Value(i)))
		}
	case *arrow.Time32Type:
		precision := 0
		if _, ok := f.Metadata.GetValue(typeKey); ok {
			precision = precisionOf(f, t.Unit)
		}
		return func(dst []byte, a arrow.Array, i int) []byte {
			return appendTime(dst, int64(a.(*array.Time32).Value(i)), t.Unit, precision)
		}
	case *arrow.TimestampType:
		precision := precisionOf(f, t.Unit)
		zoned := t.TimeZone != ""
		return func(dst []byte, a arrow.Array, i int) []byte {
			sec, nano := split(int64(a.(*array.Timestamp).Value(i)), t.Unit)
			if zoned {
				_, offset := time.Unix(sec, 0).In(zone).Zone()
				sec += int64(offset)
			}
			return chrono.AppendTimestamp(dst, chrono.Of(sec, nano), precision)
		}
	case *arrow.MonthIntervalType:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return chrono.AppendMonths(dst, int64(a.(*array.MonthInterval).Value(i)))
		}
	case *arrow.DurationType:
		perMilli := int64(t.Unit.Multiplier())
		return func(dst []byte, a arrow.Array, i int) []byte {
			v := time.Duration(int64(a.(*array.Duration).Value(i)) * perMilli)
			return chrono.AppendDuration(dst, v.Milliseconds())
		}
	}
	return nil
}

func appendTime(dst []byte, v int64, unit arrow.TimeUnit, precision int) []byte {
	ms := v
	if unit == arrow.Second {
		ms = v * 1000
	}
	if precision == 0 && ms%1000 != 0 {
		precision = 3
	}
	return chrono.AppendTime(dst, ms, precision)
}

// split cuts a timestamp into seconds and nanoseconds, the latter not negative.
func split(v int64, unit arrow.TimeUnit) (sec int64, nano int) {
	per := int64(1)
	for range int(unit) {
		per *= 1000
	}
	sec, rest := v/per, v%per
	if rest < 0 {
		sec, rest = sec-1, rest+per
	}
	return sec, int(rest * (1_000_000_000 / per))
}

// appendFloat writes a number as Java does, which is how Flink does: 1.0, 1.0E10, NaN, Infinity.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	if abs := math.Abs(v); abs != 0 && (abs < 1e-3 || abs >= 1e7) {
		s := strconv.FormatFloat(v, 'E', -1, bits)
		mantissa, exp, _ := strings.Cut(s, "E")
		dst = append(dst, mantissa...)
		if !strings.Contains(mantissa, ".") {
			dst = append(dst, ".0"...)
		}
		n, _ := strconv.Atoi(exp)
		return strconv.AppendInt(append(dst, 'E'), int64(n), 10)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
	if !strings.Contains(string(dst[start:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// bytesOf reads texts and bytes of every layout.
func bytesOf(a arrow.Array, i int) []byte {
	switch a := a.(type) {
	case *array.StringView:
		return []byte(a.Value(i))
	case *array.BinaryView:
		return a.Value(i)
	case *array.String:
		return []byte(a.Value(i))
	case *array.LargeString:
		return []byte(a.Value(i))
	case *array.Binary:
		return a.Value(i)
	case *array.LargeBinary:
		return a.Value(i)
	case *array.FixedSizeBinary:
		return a.Value(i)
	}
	return []byte(a.ValueStr(i))
}

func isBytes(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.FIXED_SIZE_BINARY:
		return true
	}
	return false
}

// textCell writes a value as a cast to STRING does: what tables and CSV show.
func textCell(f arrow.Field, zone *time.Location) cell {
	if c := scalar(f); c != nil {
		return c
	}
	if c := moment(f, zone); c != nil {
		return c
	}
	switch t := f.Type.(type) {
	case *arrow.BooleanType:
		return func(dst []byte, a arrow.Array, i int) []byte {
			if a.(*array.Boolean).Value(i) {
				return append(dst, "TRUE"...)
			}
			return append(dst, "FALSE"...)
		}
	case *arrow.Float32Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return appendFloat(dst, float64(a.(*array.Float32).Value(i)), 32)
		}
	case *arrow.Float64Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return appendFloat(dst, a.(*array.Float64).Value(i), 64)
		}
	case *arrow.MapType:
		key, value := textMember(t.KeyField(), zone), textMember(t.ItemField(), zone)
		return func(dst []byte, a arrow.Array, i int) []byte {
			m := a.(*array.Map)
			from, to := m.ValueOffsets(i)
			dst = append(dst, '{')
			for at := int(from); at < int(to); at++ {
				if at > int(from) {
					dst = append(dst, ", "...)
				}
				dst = append(key(dst, m.Keys(), at), '=')
				dst = value(dst, m.Items(), at)
			}
			return append(dst, '}')
		}
	case *arrow.StructType:
		return textRow(t, zone)
	case arrow.ListLikeType:
		elem := textMember(t.ElemField(), zone)
		return func(dst []byte, a arrow.Array, i int) []byte {
			l := a.(array.ListLike)
			from, to := l.ValueOffsets(i)
			dst = append(dst, '[')
			for at := int(from); at < int(to); at++ {
				if at > int(from) {
					dst = append(dst, ", "...)
				}
				dst = elem(dst, l.ListValues(), at)
			}
			return append(dst, ']')
		}
	}
	if isBytes(f.Type) {
		return func(dst []byte, a arrow.Array, i int) []byte {
			dst = append(dst, "x'"...)
			dst = hex.AppendEncode(dst, bytesOf(a, i))
			return append(dst, '\'')
		}
	}
	return func(dst []byte, a arrow.Array, i int) []byte { return append(dst, bytesOf(a, i)...) }
}

func textRow(t *arrow.StructType, zone *time.Location) cell {
	members := make([]cell, t.NumFields())
	for k, f := range t.Fields() {
		members[k] = textMember(f, zone)
	}
	return func(dst []byte, a arrow.Array, i int) []byte {
		s := a.(*array.Struct)
		dst = append(dst, '(')
		for k, m := range members {
			if k > 0 {
				dst = append(dst, ", "...)
			}
			dst = m(dst, s.Field(k), i)
		}
		return append(dst, ')')
	}
}

// textMember is a textCell that writes NULLs, too: those inside of other values.
func textMember(f arrow.Field, zone *time.Location) cell {
	inner := textCell(f, zone)
	return func(dst []byte, a arrow.Array, i int) []byte {
		if a.IsNull(i) {
			return append(dst, "NULL"...)
		}
		return inner(dst, a, i)
	}
}
