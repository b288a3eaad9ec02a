package read

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/job"
)

// anyFloat is a number that JSON may not have: an infinity, or NaN.
type anyFloat float64

// MarshalText implements encoding.TextMarshaler.
func (r anyFloat) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(r), 'g', -1, 64), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *anyFloat) UnmarshalText(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	*r = anyFloat(f)
	return err
}

// Value is one value of a column: a default, or a partition's. Numbers, dates
// and times are integers in Iceberg's units, a decimal its unscaled value in
// text. The zero value is NULL.
type Value struct {
	Kind  string   `json:"kind,omitempty"` // int, float, text, bytes, decimal, or NULL's ""
	Int   int64    `json:"int,omitempty"`
	Float anyFloat `json:"float,omitempty"`
	Text  string   `json:"text,omitempty"`
	Bytes []byte   `json:"bytes,omitempty"`
}

// ValueOf reads what iceberg-go gives for a value of type t: its own types for
// partitions, those of JSON for defaults.
func ValueOf(v any, t ice.Type) (Value, error) {
	switch v := v.(type) {
	case nil:
		return Value{}, nil
	case bool:
		if v {
			return Value{Kind: "int", Int: 1}, nil
		}
		return Value{Kind: "int"}, nil
	case int:
		return Value{Kind: "int", Int: int64(v)}, nil
	case int32:
		return Value{Kind: "int", Int: int64(v)}, nil
	case int64:
		return Value{Kind: "int", Int: v}, nil
	case ice.Date:
		return Value{Kind: "int", Int: int64(v)}, nil
	case ice.Time:
		return Value{Kind: "int", Int: int64(v)}, nil
	case ice.Timestamp:
		return Value{Kind: "int", Int: int64(v)}, nil
	case ice.TimestampNano:
		return Value{Kind: "int", Int: int64(v)}, nil
	case float32:
		return Value{Kind: "float", Float: anyFloat(v)}, nil
	case float64:
		switch t.(type) {
		case ice.Int32Type, ice.Int64Type, ice.DateType, ice.TimeType, ice.TimestampType, ice.TimestampTzType, ice.TimestampNsType, ice.TimestampTzNsType:
			return Value{Kind: "int", Int: int64(v)}, nil
		}
		return Value{Kind: "float", Float: anyFloat(v)}, nil
	case []byte:
		return Value{Kind: "bytes", Bytes: v}, nil
	case ice.BinaryLiteral:
		return Value{Kind: "bytes", Bytes: v}, nil
	case ice.FixedLiteral:
		return Value{Kind: "bytes", Bytes: v}, nil
	case uuid.UUID:
		return Value{Kind: "bytes", Bytes: v[:]}, nil
	case ice.Decimal:
		return Value{Kind: "decimal", Text: v.Val.BigInt().String()}, nil
	case ice.DecimalLiteral:
		return Value{Kind: "decimal", Text: v.Val.BigInt().String()}, nil
	case string:
		return parseValue(v, t)
	}
	return Value{}, fmt.Errorf("%w: a value of Go type %T for %s", job.ErrInvalid, v, t)
}

// parseValue reads the JSON form of a value of type t.
func parseValue(s string, t ice.Type) (Value, error) {
	var err error
	switch t := t.(type) {
	case ice.StringType:
		return Value{Kind: "text", Text: s}, nil
	case ice.UUIDType:
		var u uuid.UUID
		if u, err = uuid.Parse(s); err == nil {
			return Value{Kind: "bytes", Bytes: u[:]}, nil
		}
	case ice.BinaryType, ice.FixedType:
		var b []byte
		if b, err = hex.DecodeString(s); err == nil {
			return Value{Kind: "bytes", Bytes: b}, nil
		}
	case ice.DecimalType:
		var n decimal128.Num
		if n, err = decimal128.FromString(s, int32(t.Precision()), int32(t.Scale())); err == nil {
			return Value{Kind: "decimal", Text: n.BigInt().String()}, nil
		}
	default:
		var at time.Time
		layout := map[bool]string{false: "2006-01-02T15:04:05.999999999", true: "2006-01-02"}
		text := strings.TrimSuffix(strings.TrimSuffix(s, "+00:00"), "Z")
		if _, is := t.(ice.TimeType); is {
			if at, err = time.Parse("15:04:05.999999999", text); err == nil {
				return Value{Kind: "int", Int: at.Sub(at.Truncate(24 * time.Hour)).Microseconds()}, nil
			}
			break
		}
		_, date := t.(ice.DateType)
		if at, err = time.Parse(layout[date], text); err != nil {
			break
		}
		switch t.(type) {
		case ice.DateType:
			return Value{Kind: "int", Int: at.Unix() / 86400}, nil
		case ice.TimestampNsType, ice.TimestampTzNsType:
			return Value{Kind: "int", Int: at.UnixNano()}, nil
		}
		return Value{Kind: "int", Int: at.UnixMicro()}, nil
	}
	return Value{}, fmt.Errorf("%w: %q is no value of %s: %w", job.ErrInvalid, s, t, err)
}

// constant is a column of a file that has it not: the same value in every row.
type constant struct {
	value Value
	of    ice.Type
	to    arrow.DataType
	made  arrow.Array // what was made last, or nil
}

// array gives n rows; the caller owns a reference.
func (c *constant) array(mem memory.Allocator, n int) (arrow.Array, error) {
	if c.made == nil || c.made.Len() < n {
		c.release()
		var err error
		if c.made, err = c.make(mem, n); err != nil {
			return nil, err
		}
	}
	return array.NewSlice(c.made, 0, int64(n)), nil
}

func (c *constant) release() {
	if c.made != nil {
		c.made.Release()
		c.made = nil
	}
}

func (c *constant) make(mem memory.Allocator, n int) (arrow.Array, error) {
	if c.value.Kind == "" {
		return array.MakeArrayOfNull(mem, c.to, n), nil
	}
	b := array.NewBuilder(mem, c.to)
	defer b.Release()
	b.Reserve(n)
	for range n {
		if err := c.append(b); err != nil {
			return nil, err
		}
	}
	return b.NewArray(), nil
}

func (c *constant) append(b array.Builder) error {
	v := c.value
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.Int != 0)
	case *array.Int8Builder:
		b.Append(int8(v.Int))
	case *array.Int16Builder:
		b.Append(int16(v.Int))
	case *array.Int32Builder:
		b.Append(int32(v.Int))
	case *array.Int64Builder:
		b.Append(v.Int)
	case *array.Float32Builder:
		b.Append(float32(v.number()))
	case *array.Float64Builder:
		b.Append(v.number())
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.Int))
	case *array.Time32Builder:
		b.Append(arrow.Time32(v.Int / 1000))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(c.timestamp()))
	case *array.Decimal128Builder:
		n, ok := new(big.Int).SetString(v.Text, 10)
		if !ok {
			return fmt.Errorf("%w: %q is not a decimal", job.ErrInvalid, v.Text)
		}
		b.Append(decimal128.FromBigInt(n))
	case *array.StringViewBuilder:
		b.Append(v.Text)
	case *array.BinaryViewBuilder:
		b.Append(v.Bytes)
	default:
		return fmt.Errorf("%w: a default of type %s", job.ErrInvalid, c.to)
	}
	return nil
}

func (v Value) number() float64 {
	if v.Kind == "int" {
		return float64(v.Int)
	}
	return float64(v.Float)
}

// timestamp is the value in the unit of the column.
func (c *constant) timestamp() int64 {
	have := int64(time.Microsecond)
	switch c.of.(type) {
	case ice.TimestampNsType, ice.TimestampTzNsType:
		have = 1
	case ice.DateType:
		have = int64(24 * time.Hour)
	}
	want := int64(c.to.(*arrow.TimestampType).Unit.Multiplier())
	if have >= want {
		return c.value.Int * (have / want)
	}
	return int64(math.Floor(float64(c.value.Int) / float64(want/have)))
}
