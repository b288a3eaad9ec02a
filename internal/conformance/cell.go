package conformance

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// The values of SQL as Go values that know how Java prints them. NULL is nil;
// BOOLEAN, integers, FLOAT, DOUBLE and strings are Go's own.
type (
	decimalCell   string // plain digits with the type's scale
	bytesCell     []byte
	dateCell      string // 2006-01-02
	timeCell      time.Duration
	timestampCell time.Time
	instantCell   time.Time
	monthsCell    int32
	millisCell    int64
	listCell      []any
	rowCell       []any
	mapCell       [][2]any
)

// cellOf is value i of an array with type t.
func cellOf(a arrow.Array, i int, t datatype.Type) any {
	if a.DataType().ID() == arrow.NULL || a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.Decimal128:
		return decimalCell(a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Date32:
		return dateCell(a.Value(i).ToTime().Format("2006-01-02"))
	case *array.Time32:
		return timeCell(time.Duration(a.Value(i)) * time.Millisecond)
	case *array.Timestamp:
		at := a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit)
		if t.Kind == datatype.TimestampLTZ {
			return instantCell(at)
		}
		return timestampCell(at)
	case *array.MonthInterval:
		return monthsCell(a.Value(i))
	case *array.Duration:
		return millisCell(a.Value(i))
	}
	return nestedCell(a, i, t)
}

func nestedCell(a arrow.Array, i int, t datatype.Type) any {
	switch a := a.(type) {
	case *array.StringView:
		return strings.Clone(a.Value(i))
	case *array.String:
		return strings.Clone(a.Value(i))
	case *array.BinaryView:
		return bytesCell(bytes.Clone(a.Value(i)))
	case *array.Binary:
		return bytesCell(bytes.Clone(a.Value(i)))
	case *array.Map:
		from, to := a.ValueOffsets(i)
		key, value := entryTypes(t)
		out := mapCell{}
		for j := int(from); j < int(to); j++ {
			out = append(out, [2]any{cellOf(a.Keys(), j, key), cellOf(a.Items(), j, value)})
		}
		return out
	case *array.List:
		from, to := a.ValueOffsets(i)
		out := listCell{}
		for j := int(from); j < int(to); j++ {
			out = append(out, cellOf(a.ListValues(), j, *t.Elem))
		}
		return out
	case *array.Struct:
		out := make(rowCell, a.NumField())
		for j := range out {
			out[j] = cellOf(a.Field(j), i, t.Fields[j].Type)
		}
		return out
	}
	return a.ValueStr(i)
}

// entryTypes are the types of the keys and values of a MAP or MULTISET.
func entryTypes(t datatype.Type) (key, value datatype.Type) {
	if t.Kind == datatype.Multiset {
		return *t.Elem, datatype.Of(datatype.Int)
	}
	return *t.Key, *t.Elem
}

// javaText is what Java prints of a cell in a Row.
func javaText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float32:
		return javaFloat(float64(v), 32)
	case float64:
		return javaFloat(v, 64)
	case string:
		return v
	case decimalCell:
		return string(v)
	case dateCell:
		return string(v)
	case timeCell:
		return isoTime(time.Time{}.Add(time.Duration(v)))
	case timestampCell:
		return time.Time(v).Format("2006-01-02T") + isoTime(time.Time(v))
	case instantCell:
		return instantText(time.Time(v))
	case monthsCell:
		return periodText(int64(v))
	case millisCell:
		return durationText(int64(v))
	case bytesCell:
		parts := make([]string, len(v))
		for i, b := range v {
			parts[i] = strconv.Itoa(int(int8(b)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case listCell:
		return "[" + javaTexts(v) + "]"
	case rowCell:
		return "+I[" + javaTexts(v) + "]"
	case mapCell:
		parts := make([]string, len(v))
		for i, kv := range v {
			parts[i] = javaText(kv[0]) + "=" + javaText(kv[1])
		}
		slices.SortFunc(parts, byKey)
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "?"
}

// byKey orders the entries of a map, whose order says nothing: numbers as such.
func byKey(a, b string) int {
	x, _, _ := strings.Cut(a, "=")
	y, _, _ := strings.Cut(b, "=")
	n, err1 := strconv.ParseFloat(x, 64)
	m, err2 := strconv.ParseFloat(y, 64)
	if err1 == nil && err2 == nil {
		return cmp.Compare(n, m)
	}
	return cmp.Compare(a, b)
}

func javaTexts(vs []any) string {
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = javaText(v)
	}
	return strings.Join(parts, ", ")
}

// isoTime is LocalTime.toString: seconds and fractions only where there are
// some, in groups of three digits.
func isoTime(t time.Time) string {
	switch ns := t.Nanosecond(); {
	case ns == 0 && t.Second() == 0:
		return t.Format("15:04")
	case ns == 0:
		return t.Format("15:04:05")
	case ns%1e6 == 0:
		return t.Format("15:04:05.000")
	case ns%1e3 == 0:
		return t.Format("15:04:05.000000")
	}
	return t.Format("15:04:05.000000000")
}

// instantText is Instant.toString, which always has seconds.
func instantText(t time.Time) string {
	text := isoTime(t)
	if len(text) == len("15:04") {
		text += ":00"
	}
	return t.Format("2006-01-02T") + text + "Z"
}

// periodText is Period.toString.
func periodText(months int64) string {
	years, rest := months/12, months%12
	switch {
	case months == 0:
		return "P0D"
	case rest == 0:
		return "P" + strconv.FormatInt(years, 10) + "Y"
	case years == 0:
		return "P" + strconv.FormatInt(rest, 10) + "M"
	}
	return "P" + strconv.FormatInt(years, 10) + "Y" + strconv.FormatInt(rest, 10) + "M"
}

// durationText is Duration.toString.
func durationText(ms int64) string {
	if ms == 0 {
		return "PT0S"
	}
	out := "PT"
	if h := ms / 3_600_000; h != 0 {
		out += strconv.FormatInt(h, 10) + "H"
	}
	if m := ms / 60_000 % 60; m != 0 {
		out += strconv.FormatInt(m, 10) + "M"
	}
	if s := ms % 60_000; s != 0 {
		out += strings.TrimRight(strings.TrimRight(strconv.FormatFloat(float64(s)/1000, 'f', 3, 64), "0"), ".") + "S"
	}
	return out
}

// javaFloat is Double.toString or Float.toString.
func javaFloat(f float64, bits int) string {
	text := strconv.FormatFloat(f, 'e', -1, bits)
	switch text {
	case "+Inf":
		return "Infinity"
	case "-Inf":
		return "-Infinity"
	case "NaN":
		return "NaN"
	}
	if abs := max(f, -f); abs != 0 && (abs < 1e-3 || abs >= 1e7) {
		mantissa, exp, _ := strings.Cut(text, "e")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exp)
		return mantissa + "E" + strconv.Itoa(n)
	}
	text = strconv.FormatFloat(f, 'f', -1, bits)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
