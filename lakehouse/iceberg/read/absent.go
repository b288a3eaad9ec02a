package read

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
)

// absent is a column that a file does not have: the initial default of its
// field, or NULL.
func absent(mem memory.Allocator, f ice.NestedField, to arrow.DataType, n int) (arrow.Array, error) {
	if f.InitialDefault == nil {
		if f.Required {
			return nil, fmt.Errorf("%w: the file has no column %q, which is required and has no initial default", job.ErrInvalid, f.Name)
		}
		return array.MakeArrayOfNull(mem, to, n), nil
	}
	return constantColumn(mem, f, f.InitialDefault, to, n)
}

// constantColumn repeats a value, which is as Iceberg's metadata have it: a Go
// value, or the text or number of its JSON form.
func constantColumn(mem memory.Allocator, f ice.NestedField, value any, to arrow.DataType, n int) (arrow.Array, error) {
	if value == nil {
		return array.MakeArrayOfNull(mem, to, n), nil
	}
	b := array.NewBuilder(mem, to)
	defer b.Release()
	b.Reserve(n)
	add, err := appender(b, f.Type, value)
	if err != nil {
		return nil, fmt.Errorf("%w: the value %v of column %q: %w", job.ErrInvalid, value, f.Name, err)
	}
	for range n {
		add()
	}
	return b.NewArray(), nil
}

// appender appends one value again and again.
func appender(b array.Builder, t ice.Type, value any) (func(), error) {
	n, whole := wholeNumber(value)
	text, isText := value.(string)
	switch b := b.(type) {
	case *array.BooleanBuilder:
		if v, ok := value.(bool); ok {
			return func() { b.Append(v) }, nil
		}
	case *array.Int32Builder:
		if whole {
			return func() { b.Append(int32(n)) }, nil
		}
	case *array.Int64Builder:
		if whole {
			return func() { b.Append(n) }, nil
		}
	case *array.Float32Builder:
		if v, ok := realNumber(value); ok {
			return func() { b.Append(float32(v)) }, nil
		}
	case *array.Float64Builder:
		if v, ok := realNumber(value); ok {
			return func() { b.Append(v) }, nil
		}
	case *array.StringViewBuilder:
		if isText {
			return func() { b.Append(text) }, nil
		}
	case *array.BinaryViewBuilder:
		if v, ok := value.([]byte); ok {
			return func() { b.Append(v) }, nil
		}
	case *array.Decimal128Builder:
		return decimalAppender(b, value)
	case *array.Date32Builder, *array.Time32Builder, *array.TimestampBuilder:
		return timeAppender(b, t, value)
	}
	return nil, fmt.Errorf("%T is not a value of type %s", value, t)
}

func wholeNumber(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v))
	}
	return 0, false
}

func realNumber(value any) (float64, bool) {
	switch v := value.(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	n, ok := wholeNumber(value)
	return float64(n), ok
}

func decimalAppender(b *array.Decimal128Builder, value any) (func(), error) {
	t := b.Type().(*arrow.Decimal128Type)
	switch v := value.(type) {
	case ice.Decimal:
		return func() { b.Append(v.Val) }, nil
	case string:
		d, err := decimal128.FromString(v, t.Precision, t.Scale)
		return func() { b.Append(d) }, err
	}
	return nil, fmt.Errorf("%T is not a decimal", value)
}

// timeAppender takes numbers in the unit of the type, and the texts of JSON.
func timeAppender(b array.Builder, t ice.Type, value any) (func(), error) {
	var micros int64
	switch v := value.(type) {
	case ice.Date:
		micros = int64(v) * 86_400_000_000
	case ice.Time:
		micros = int64(v)
	case ice.Timestamp:
		micros = int64(v)
	case ice.TimestampNano:
		micros = int64(v) / 1000
	case string:
		at, err := parseTime(v)
		if err != nil {
			return nil, err
		}
		micros = at.UnixMicro()
	default:
		n, ok := wholeNumber(value)
		if !ok {
			return nil, fmt.Errorf("%T is not a value of type %s", value, t)
		}
		if micros = n; t.Equals(ice.PrimitiveTypes.Date) {
			micros = n * 86_400_000_000
		}
	}
	switch b := b.(type) {
	case *array.Date32Builder:
		return func() { b.Append(arrow.Date32(micros / 86_400_000_000)) }, nil
	case *array.Time32Builder:
		return func() { b.Append(arrow.Time32(micros / 1000)) }, nil
	case *array.TimestampBuilder:
		if b.Type().(*arrow.TimestampType).Unit == arrow.Nanosecond {
			return func() { b.Append(arrow.Timestamp(micros * 1000)) }, nil
		}
		return func() { b.Append(arrow.Timestamp(micros)) }, nil
	}
	return nil, fmt.Errorf("no column of type %s", b.Type())
}

// parseTime reads the forms that Iceberg writes dates and times in.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{
		time.DateOnly, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00", "15:04:05.999999999",
	} {
		if at, err := time.Parse(layout, text); err == nil {
			if layout == "15:04:05.999999999" {
				return time.Unix(0, 0).Add(at.Sub(at.Truncate(24 * time.Hour))), nil
			}
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date or time", text)
}
