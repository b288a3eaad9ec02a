package rowfile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/go-json-experiment/json/jsontext"
)

// fits reports why v cannot be a value of type t; nil stands for a missing
// field, which is NULL. What fits, appendJSON appends without an error.
func fits(t arrow.DataType, v jsontext.Value) error {
	if v == nil || v.Kind() == 'n' {
		return nil
	}
	switch t := t.(type) {
	case *arrow.StructType:
		if v.Kind() != '{' {
			return fmt.Errorf("%s is no object", excerpt(v))
		}
		return eachField(v, func(name string, x jsontext.Value) error {
			f, ok := t.FieldByName(name)
			if !ok {
				return nil
			}
			if err := fits(f.Type, x); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	case *arrow.MapType:
		if v.Kind() != '{' {
			return fmt.Errorf("%s is no object", excerpt(v))
		}
		return eachField(v, func(name string, x jsontext.Value) error {
			if _, err := scalar(t.KeyType(), name); err != nil {
				return fmt.Errorf("key %q: %w", name, err)
			}
			return fits(t.ItemType(), x)
		})
	case *arrow.ListType:
		if v.Kind() != '[' {
			return fmt.Errorf("%s is no array", excerpt(v))
		}
		return eachElement(v, func(x jsontext.Value) error { return fits(t.Elem(), x) })
	}
	text, err := scalarText(v)
	if err != nil {
		return err
	}
	_, err = scalar(t, text)
	return err
}

// scalarText is the text of a string, or a number or boolean as written. What
// is nested is text too, where the column is a string.
func scalarText(v jsontext.Value) (string, error) {
	if v.Kind() == '"' {
		return unquote(v)
	}
	return string(v), nil
}

// scalar reads text as a value of type t: a bool, int64, float64, string,
// []byte or decimal128.Num.
func scalar(t arrow.DataType, text string) (any, error) {
	switch t := t.(type) {
	case *arrow.StringViewType:
		return text, nil
	case *arrow.BinaryViewType:
		return unbase64(text)
	case *arrow.BooleanType:
		return strconv.ParseBool(strings.ToLower(text))
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		return integer(text, t.(arrow.FixedWidthDataType).BitWidth())
	case *arrow.Float32Type, *arrow.Float64Type:
		return strconv.ParseFloat(text, t.(arrow.FixedWidthDataType).BitWidth())
	case *arrow.Decimal128Type:
		return decimal128.FromString(text, t.Precision, t.Scale)
	case *arrow.Date32Type:
		d, err := time.Parse(time.DateOnly, text)
		return d.Unix() / 86400, err
	case *arrow.Time32Type:
		c, err := time.Parse("15:04:05.999999999", text)
		return int64(c.Sub(c.Truncate(24*time.Hour))) / int64(t.Unit.Multiplier()), err
	case *arrow.TimestampType:
		return timestamp(t, text)
	}
	return nil, fmt.Errorf("a column of type %v cannot be read from JSON", t)
}

func integer(text string, bits int) (int64, error) {
	n, err := strconv.ParseInt(text, 10, bits)
	if err == nil {
		return n, nil
	}
	f, ferr := strconv.ParseFloat(text, 64) // 1e3 and 5.0 are whole numbers too
	if limit := math.Ldexp(1, bits-1); ferr != nil || f != math.Trunc(f) || f < -limit || f >= limit {
		return 0, err
	}
	return int64(f), nil
}

var timestampLayouts = []string{
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly,
}

func timestamp(t *arrow.TimestampType, text string) (int64, error) {
	for _, layout := range timestampLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			v, err := arrow.TimestampFromTime(at, t.Unit)
			return int64(v), err
		}
	}
	return 0, fmt.Errorf("%q is no timestamp: want one such as 2020-10-10 00:00:05.000", text)
}

// appendJSON appends v, which fits the builder's type, or NULL.
func appendJSON(b array.Builder, v jsontext.Value) error {
	if v == nil || v.Kind() == 'n' {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.StructBuilder:
		return appendStruct(b, v)
	case *array.MapBuilder:
		b.Append(true)
		return eachField(v, func(name string, x jsontext.Value) error {
			key, err := scalar(b.KeyBuilder().Type(), name)
			if err != nil {
				return err
			}
			appendScalar(b.KeyBuilder(), key)
			return appendJSON(b.ItemBuilder(), x)
		})
	case *array.ListBuilder:
		b.Append(true)
		return eachElement(v, func(x jsontext.Value) error { return appendJSON(b.ValueBuilder(), x) })
	}
	text, err := scalarText(v)
	if err != nil {
		return err
	}
	value, err := scalar(b.Type(), text)
	if err != nil {
		return err
	}
	appendScalar(b, value)
	return nil
}

func appendStruct(b *array.StructBuilder, v jsontext.Value) error {
	b.Append(true)
	t := b.Type().(*arrow.StructType)
	values := make([]jsontext.Value, t.NumFields())
	err := eachField(v, func(name string, x jsontext.Value) error {
		if i, ok := t.FieldIdx(name); ok {
			values[i] = x.Clone()
		}
		return nil
	})
	for i, x := range values {
		if err == nil {
			err = appendJSON(b.FieldBuilder(i), x)
		}
	}
	return err
}

func appendScalar(b array.Builder, value any) {
	switch b := b.(type) {
	case *array.StringViewBuilder:
		b.Append(value.(string))
	case *array.BinaryViewBuilder:
		b.Append(value.([]byte))
	case *array.BooleanBuilder:
		b.Append(value.(bool))
	case *array.Int8Builder:
		b.Append(int8(value.(int64)))
	case *array.Int16Builder:
		b.Append(int16(value.(int64)))
	case *array.Int32Builder:
		b.Append(int32(value.(int64)))
	case *array.Int64Builder:
		b.Append(value.(int64))
	case *array.Float32Builder:
		b.Append(float32(value.(float64)))
	case *array.Float64Builder:
		b.Append(value.(float64))
	case *array.Decimal128Builder:
		b.Append(value.(decimal128.Num))
	case *array.Date32Builder:
		b.Append(arrow.Date32(value.(int64)))
	case *array.Time32Builder:
		b.Append(arrow.Time32(value.(int64)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(value.(int64)))
	default:
		panic(fmt.Sprintf("scalar for a builder of %v", b.Type()))
	}
}
