package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// number converts numbers and booleans to numbers.
func (k casting) number() kernel {
	switch classOf(k.to) {
	case int8Class:
		return toInteger[int8](k)
	case int16Class:
		return toInteger[int16](k)
	case int32Class:
		return toInteger[int32](k)
	case int64Class:
		return toInteger[int64](k)
	case float32Class:
		return toFloat[float32](k)
	case float64Class:
		return toFloat[float64](k)
	default:
		return k.toDecimal()
	}
}

func toInteger[B integer](k casting) kernel {
	switch classOf(k.from) {
	case int8Class:
		return convert[int8, B](k.to)
	case int16Class:
		return convert[int16, B](k.to)
	case int32Class:
		return convert[int32, B](k.to)
	case int64Class:
		return convert[int64, B](k.to)
	case float32Class:
		return truncateFloat[float32, B](k.to)
	case float64Class:
		return truncateFloat[float64, B](k.to)
	case boolClass:
		return boolToNumber[B](k.to)
	default:
		_, scale := digits(k.from)
		return arrayOf(k.to, func(out []B, args []value, _ []byte) error {
			in := vecOf[decimal.Num](args[0])
			for i := range out {
				out[i] = B(decimal.Int(in.at(i), scale))
			}
			return nil
		})
	}
}

func convert[A, B number](t arrow.DataType) kernel {
	return arrayOf(t, func(out []B, args []value, _ []byte) error {
		in := vecOf[A](args[0]).v[:len(out)]
		for i, x := range in {
			out[i] = B(x)
		}
		return nil
	})
}

// truncateFloat narrows as Java does: NaN is 0, what is too large for INT or
// BIGINT becomes their limit; smaller integers take the low bits of the INT.
func truncateFloat[A float32 | float64, B integer](t arrow.DataType) kernel {
	lo, hi := limits(max(classOf(t), int32Class))
	return arrayOf(t, func(out []B, args []value, _ []byte) error {
		in := vecOf[A](args[0]).v[:len(out)]
		for i, x := range in {
			switch f := float64(x); {
			case f != f:
				out[i] = 0
			case f >= float64(hi):
				out[i] = B(hi)
			case f <= float64(lo):
				out[i] = B(lo)
			default:
				out[i] = B(int64(f))
			}
		}
		return nil
	})
}

func boolToNumber[B number](t arrow.DataType) kernel {
	return arrayOf(t, func(out []B, args []value, _ []byte) error {
		in := flagsOf(args[0])
		for i := range out {
			out[i] = B(bit(in.at(i)))
		}
		return nil
	})
}

func toFloat[B float32 | float64](k casting) kernel {
	switch classOf(k.from) {
	case int8Class:
		return convert[int8, B](k.to)
	case int16Class:
		return convert[int16, B](k.to)
	case int32Class:
		return convert[int32, B](k.to)
	case int64Class:
		return convert[int64, B](k.to)
	case float32Class:
		return convert[float32, B](k.to)
	case float64Class:
		return convert[float64, B](k.to)
	case boolClass:
		return boolToNumber[B](k.to)
	default:
		_, scale := digits(k.from)
		return arrayOf(k.to, func(out []B, args []value, _ []byte) error {
			in := vecOf[decimal.Num](args[0])
			for i := range out {
				out[i] = B(decimal.Float(in.at(i), scale))
			}
			return nil
		})
	}
}

func (k casting) toDecimal() kernel {
	p, s := digits(k.to)
	fromP, fromS := digits(k.from)
	switch {
	case isDecimal(k.from) && fromS == s && fromP <= p:
		return retype(k.to)
	case isInteger(k.from) && s <= 18 && fromP+s <= p:
		unit := pow10(s)
		return func(f *frame, args []value) (value, error) {
			return arrayOf(k.to, func(out []decimal.Num, args []value, _ []byte) error {
				in := integers(f, args[0])
				mulScalar(out, in.v, unit)
				return nil
			})(f, args)
		}
	}
	return rowsOf(k.to, func(f *frame, args []value) (func(i int) (decimal.Num, error), error) {
		orNull := func(n decimal.Num, ok bool) (decimal.Num, error) {
			if !ok {
				return n, errNull
			}
			return n, nil
		}
		switch {
		case isBool(k.from):
			in := flagsOf(args[0])
			return func(i int) (decimal.Num, error) {
				return orNull(decimal.Rescale(decimal.FromInt(int64(bit(in.at(i)))), 0, s, p))
			}, nil
		case isFloat(k.from):
			in, size := floats(f, args[0])
			return func(i int) (decimal.Num, error) { return orNull(decimal.FromFloat(in.at(i), size, p, s)) }, nil
		}
		in := decimals(f, args[0])
		return func(i int) (decimal.Num, error) { return orNull(decimal.Rescale(in.at(i), fromS, s, p)) }, nil
	})
}

func pow10(n int32) int64 {
	v := int64(1)
	for range n {
		v *= 10
	}
	return v
}

// retype gives the same buffers another type.
func retype(t arrow.DataType) kernel {
	return func(_ *frame, args []value) (value, error) {
		old := args[0].Data()
		d := array.NewData(t, old.Len(), old.Buffers(), nil, args[0].NullN(), old.Offset())
		defer d.Release()
		return value{Array: array.MakeFromData(d), scalar: args[0].scalar}, nil
	}
}

// floats reads any number as float64, and how many bits its type has.
func floats(f *frame, v value) (vec[float64], int) {
	switch classOf(v.DataType()) {
	case float64Class:
		return vecOf[float64](v), 64
	case float32Class:
		in := vecOf[float32](v)
		out := vec[float64]{v: temp[float64](f, len(in.v)), mask: in.mask}
		for i, x := range in.v {
			out.v[i] = float64(x)
		}
		return out, 32
	case decimalClass:
		_, scale := digits(v.DataType())
		in := vecOf[decimal.Num](v)
		out := vec[float64]{v: temp[float64](f, len(in.v)), mask: in.mask}
		for i, x := range in.v {
			out.v[i] = decimal.Float(x, scale)
		}
		return out, 64
	default:
	}
	in := integers(f, v)
	out := vec[float64]{v: temp[float64](f, len(in.v)), mask: in.mask}
	for i, x := range in.v {
		out.v[i] = float64(x)
	}
	return out, 64
}

func (k casting) numberToBool() kernel {
	return testOf(func(f *frame, args []value) (func(i int) (bool, error), error) {
		if isDecimal(k.from) {
			in := vecOf[decimal.Num](args[0])
			return func(i int) (bool, error) { return in.at(i).Sign() != 0, nil }, nil
		}
		if isFloat(k.from) {
			in, _ := floats(f, args[0])
			return func(i int) (bool, error) { return in.at(i) != 0, nil }, nil
		}
		in := integers(f, args[0])
		return func(i int) (bool, error) { return in.at(i) != 0, nil }, nil
	})
}

// parseInteger reads an integer of a type. A fraction is allowed, and cut off.
func parseInteger(s string, c class) (int64, error) {
	s = strings.TrimSpace(s)
	whole, fraction, _ := strings.Cut(s, ".")
	for _, d := range []byte(fraction) {
		if d < '0' || d > '9' {
			return 0, decimal.ErrSyntax
		}
	}
	if whole == "" && fraction != "" || (whole == "-" || whole == "+") && fraction != "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(whole, 10, 8<<(c-int8Class))
	if err == nil {
		return n, nil
	}
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange { //nolint:errorlint // strconv returns it unwrapped
		return 0, decimal.ErrRange
	}
	return 0, decimal.ErrSyntax
}

// parseFloat reads what Java's Double.parseDouble does, hexadecimals apart.
func parseFloat(s string, bits int) (float64, error) {
	s = strings.TrimSpace(s)
	body := strings.TrimLeft(s, "+-")
	switch {
	case len(s)-len(body) > 1 || body == "":
		return 0, decimal.ErrSyntax
	case body == "NaN", body == "Infinity":
	case body[0] != '.' && (body[0] < '0' || body[0] > '9') || strings.ContainsAny(body, "xXpP_"):
		return 0, decimal.ErrSyntax
	default:
		s = strings.TrimRight(s, "dDfF")
	}
	f, err := strconv.ParseFloat(s, bits)
	if err != nil && !math.IsInf(f, 0) {
		return 0, decimal.ErrSyntax
	}
	return f, nil
}

// parseBool reads the words for true and false.
func parseBool(s string) (is, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "t", "true", "y", "yes", "1":
		return true, true
	case "f", "false", "n", "no", "0":
		return false, true
	}
	return false, false
}

// appendFloat writes a float as Java does: 1.0, 1.0E10, 1.234E-5.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	abs := math.Abs(f)
	if abs == 0 || abs >= 1e-3 && abs < 1e7 {
		from := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
		if !strings.Contains(string(dst[from:]), ".") {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	var buf [32]byte
	mantissa, exp, _ := strings.Cut(string(strconv.AppendFloat(buf[:0], f, 'e', -1, bits)), "e")
	dst = append(dst, mantissa...)
	if !strings.Contains(mantissa, ".") {
		dst = append(dst, ".0"...)
	}
	n, _ := strconv.Atoi(exp)
	return strconv.AppendInt(append(dst, 'E'), int64(n), 10)
}

// textToNumber parses numbers and booleans.
func (k casting) textToNumber() kernel {
	switch classOf(k.to) {
	case int8Class:
		return textToInteger[int8](k)
	case int16Class:
		return textToInteger[int16](k)
	case int32Class:
		return textToInteger[int32](k)
	case int64Class:
		return textToInteger[int64](k)
	case float32Class:
		return textToFloat[float32](k, 32)
	case float64Class:
		return textToFloat[float64](k, 64)
	default:
	}
	p, s := digits(k.to)
	return parseRows(k, func(text string) (decimal.Num, error) { return decimal.Parse(strings.TrimSpace(text), p, s) })
}

func textToInteger[T integer](k casting) kernel {
	c := classOf(k.to)
	return parseRows(k, func(s string) (T, error) {
		n, err := parseInteger(s, c)
		return T(n), err
	})
}

func textToFloat[T float32 | float64](k casting, bits int) kernel {
	return parseRows(k, func(s string) (T, error) {
		f, err := parseFloat(s, bits)
		return T(f), err
	})
}

// parseRows applies a parser to every row.
func parseRows[T any](k casting, parse func(s string) (T, error)) kernel {
	return rowsOf(k.to, func(_ *frame, args []value) (func(i int) (T, error), error) {
		in := viewsOf(args[0])
		return func(i int) (T, error) {
			s := in.at(i)
			v, err := parse(s)
			if err != nil {
				return v, k.bad(s, err)
			}
			return v, nil
		}, nil
	})
}

func (k casting) textToBool() kernel {
	return testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
		in := viewsOf(args[0])
		return func(i int) (bool, error) {
			is, ok := parseBool(in.at(i))
			if !ok {
				return false, k.bad(in.at(i), fmt.Errorf("neither true nor false"))
			}
			return is, nil
		}, nil
	})
}
