package expr

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// literalArray makes the one-row array of a literal.
func literalArray(e *Literal) (arrow.Array, error) {
	alloc := memory.DefaultAllocator
	if e.Value == nil {
		return nulls(alloc, e.Of, 1), nil
	}
	wrong := fmt.Errorf("literal %v of Go type %T cannot be of type %s", e.Value, e.Value, TypeName(e.Of))
	switch v := e.Value.(type) {
	case int64:
		return integerLiteral(v, e.Of, wrong)
	case bool:
		if !isBool(e.Of) {
			return nil, wrong
		}
		out, buf := newBits(alloc, 1)
		out[0] = bit(v)
		return finish(e.Of, 1, nil, buf, 0), nil
	case float64:
		switch e.Of.ID() {
		case arrow.FLOAT32:
			return one(e.Of, float32(v)), nil
		case arrow.FLOAT64:
			return one(e.Of, v), nil
		default:
		}
		return nil, wrong
	case decimal128.Num:
		if !isDecimal(e.Of) {
			return nil, wrong
		}
		return one(e.Of, v), nil
	case string:
		return viewLiteral([]byte(v), e.Of, wrong)
	case []byte:
		return viewLiteral(v, e.Of, wrong)
	}
	return nil, wrong
}

func integerLiteral(v int64, t arrow.DataType, wrong error) (arrow.Array, error) {
	c := classOf(t)
	switch c {
	case int8Class, int16Class, int32Class, int64Class:
	default:
		return nil, wrong
	}
	if lo, hi := limits(c); v < lo || v > hi {
		return nil, wrong
	}
	switch c {
	case int8Class:
		return one(t, int8(v)), nil
	case int16Class:
		return one(t, int16(v)), nil
	case int32Class:
		return one(t, int32(v)), nil
	default:
		return one(t, v), nil
	}
}

func one[T any](t arrow.DataType, v T) arrow.Array {
	out, buf := fixed[T](memory.DefaultAllocator, 1)
	out[0] = v
	return finish(t, 1, nil, buf, 0)
}

func viewLiteral(b []byte, t arrow.DataType, wrong error) (arrow.Array, error) {
	if classOf(t) != viewClass {
		return nil, wrong
	}
	w := newViewWriter(memory.DefaultAllocator, 1)
	if err := w.put(0, b); err != nil {
		w.drop()
		return nil, err
	}
	return w.finish(t, nil), nil
}

// cellText prints one value of an array for error messages.
func cellText(v value, i int) string {
	if v.scalar {
		i = 0
	}
	if v.IsNull(i) {
		return "NULL"
	}
	if s, ok := v.Array.(*array.StringView); ok {
		text := s.Value(i)
		if len(text) > 64 {
			text = text[:64] + "…"
		}
		return "'" + text + "'"
	}
	return v.ValueStr(i)
}
