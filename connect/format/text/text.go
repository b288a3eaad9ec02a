// Package text writes columns as text, a column at a time, as Flink's formats csv and
// json do.
package text

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Cells is the text of one column of a batch: a loop per type fills it, and
// rows are put together from cells afterwards, so that nothing is decided per
// value.
//
//	column 10, NULL, 7   →   text "107", ends [2 2 3]
type Cells struct {
	Text []byte
	Ends []int32 // of each row in Text
}

// At is the text of a row.
func (c *Cells) At(row int) []byte {
	start := int32(0)
	if row > 0 {
		start = c.Ends[row-1]
	}
	return c.Text[start:c.Ends[row]]
}

// Format is how values are written.
type Format struct {
	ISO    bool // timestamps as ISO-8601, else as in SQL
	Quoted bool // JSON: strings, bytes and times stand in quotes
}

// Plain is text as it is, with times as in SQL.
var Plain = Format{}

// Textual reports whether a type is one value of text.
func Textual(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.LIST, arrow.MAP, arrow.STRUCT:
		return false
	}
	return true
}

// Fill writes the values of a column that is Textual. A null is empty text.
func (c *Cells) Fill(col arrow.Array, f Format) {
	n := col.Len()
	c.Text, c.Ends = c.Text[:0], append(c.Ends[:0], make([]int32, n)...)
	switch a := col.(type) {
	case *array.Boolean:
		fillCells(c, a, func(dst []byte, i int) []byte { return strconv.AppendBool(dst, a.Value(i)) })
	case *array.Int8:
		fillInts(c, a, a.Int8Values())
	case *array.Int16:
		fillInts(c, a, a.Int16Values())
	case *array.Int32:
		fillInts(c, a, a.Int32Values())
	case *array.Int64:
		fillInts(c, a, a.Int64Values())
	case *array.Float32:
		fillCells(c, a, func(dst []byte, i int) []byte { return appendFloat(dst, float64(a.Value(i)), 32, f) })
	case *array.Float64:
		fillCells(c, a, func(dst []byte, i int) []byte { return appendFloat(dst, a.Value(i), 64, f) })
	case *array.Decimal128:
		scale := int(a.DataType().(*arrow.Decimal128Type).Scale)
		fillCells(c, a, func(dst []byte, i int) []byte { return appendDecimal(dst, a.Value(i), scale) })
	case *array.StringView:
		fillStrings(c, a, f)
	case *array.String:
		fillStrings(c, a, f)
	case *array.BinaryView:
		fillCells(c, a, func(dst []byte, i int) []byte { return appendBytes(dst, a.Value(i), f) })
	case *array.Binary:
		fillCells(c, a, func(dst []byte, i int) []byte { return appendBytes(dst, a.Value(i), f) })
	case *array.Date32:
		fillCells(c, a, func(dst []byte, i int) []byte { return appendTime(dst, a.Value(i).ToTime(), dateLayout, 0, f, "") })
	case *array.Time32:
		unit := a.DataType().(*arrow.Time32Type).Unit
		fillCells(c, a, func(dst []byte, i int) []byte {
			return appendTime(dst, a.Value(i).ToTime(unit), timeLayout, 9, f, "")
		})
	case *array.Timestamp:
		fillTimestamps(c, a, f)
	case *array.MonthInterval:
		fillCells(c, a, func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(a.Value(i)), 10) })
	case *array.Duration:
		fillCells(c, a, func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(a.Value(i)), 10) })
	default:
		panic("files: no text for " + col.DataType().String())
	}
}

// fillCells writes each valid value with write.
func fillCells(c *Cells, col arrow.Array, write func(dst []byte, i int) []byte) {
	for i := range c.Ends {
		if col.IsValid(i) {
			c.Text = write(c.Text, i)
		}
		c.Ends[i] = int32(len(c.Text))
	}
}

func fillInts[T int8 | int16 | int32 | int64](c *Cells, col arrow.Array, values []T) {
	text := c.Text
	for i, v := range values {
		if col.IsValid(i) {
			text = strconv.AppendInt(text, int64(v), 10)
		}
		c.Ends[i] = int32(len(text))
	}
	c.Text = text
}

func fillStrings(c *Cells, col interface {
	arrow.Array
	Value(i int) string
}, f Format,
) {
	for i := range c.Ends {
		if col.IsValid(i) {
			if f.Quoted {
				c.Text = AppendQuoted(c.Text, col.Value(i))
			} else {
				c.Text = append(c.Text, col.Value(i)...)
			}
		}
		c.Ends[i] = int32(len(c.Text))
	}
}

const (
	dateLayout      = "2006-01-02"
	timeLayout      = "15:04:05"
	timestampLayout = "2006-01-02 15:04:05"
	isoLayout       = "2006-01-02T15:04:05"
)

func fillTimestamps(c *Cells, a *array.Timestamp, f Format) {
	t := a.DataType().(*arrow.TimestampType)
	layout, zone := timestampLayout, ""
	if f.ISO {
		layout = isoLayout
	}
	if t.TimeZone != "" {
		zone = "Z"
	}
	per := int64(time.Second / t.Unit.Multiplier())
	var second memo
	fillCells(c, a, func(dst []byte, i int) []byte {
		v := int64(a.Value(i))
		sec, frac := v/per, v%per
		if frac < 0 {
			sec, frac = sec-1, frac+per
		}
		at := time.Unix(sec, frac*int64(t.Unit.Multiplier())).UTC()
		return second.append(dst, at, layout, 9, f, zone)
	})
}

// memo is the text of a second: the next value often has the same.
type memo struct {
	second int64
	text   []byte // empty: none yet
}

// append is appendTime.
func (m *memo) append(dst []byte, t time.Time, layout string, digits int, f Format, zone string) []byte {
	if len(m.text) == 0 || m.second != t.Unix() {
		m.second, m.text = t.Unix(), t.AppendFormat(m.text[:0], layout)
	}
	return appendParts(dst, m.text, t.Nanosecond(), digits, f, zone)
}

// appendTime writes t; its fraction has as many digits as it needs, up to digits.
func appendTime(dst []byte, t time.Time, layout string, digits int, f Format, zone string) []byte {
	var text [len(isoLayout)]byte
	return appendParts(dst, t.AppendFormat(text[:0], layout), t.Nanosecond(), digits, f, zone)
}

func appendParts(dst, second []byte, nanos, digits int, f Format, zone string) []byte {
	if f.Quoted {
		dst = append(dst, '"')
	}
	dst = append(dst, second...)
	if nanos != 0 && digits > 0 {
		var text [10]byte
		frac := strconv.AppendInt(text[:0], int64(nanos)+1_000_000_000, 10)
		frac[0] = '.'
		for frac[len(frac)-1] == '0' {
			frac = frac[:len(frac)-1]
		}
		dst = append(dst, frac...)
	}
	dst = append(dst, zone...)
	if f.Quoted {
		dst = append(dst, '"')
	}
	return dst
}

// appendFloat writes the shortest text that reads back as v. JSON has no
// numbers for NaN and the infinities, so they are strings there, as in Flink.
func appendFloat(dst []byte, v float64, bits int, f Format) []byte {
	special := ""
	switch {
	case math.IsNaN(v):
		special = "NaN"
	case math.IsInf(v, 1):
		special = "Infinity"
	case math.IsInf(v, -1):
		special = "-Infinity"
	}
	if special != "" {
		if f.Quoted {
			return append(append(append(dst, '"'), special...), '"')
		}
		return append(dst, special...)
	}
	abs := math.Abs(v)
	if abs != 0 && (abs < 1e-3 || abs >= 1e7) {
		start := len(dst)
		dst = strconv.AppendFloat(dst, v, 'E', -1, bits)
		return javaExponent(dst, start)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

// javaExponent turns Go's 1E+07 into Java's 1.0E7.
func javaExponent(dst []byte, start int) []byte {
	text := string(dst[start:])
	dst = dst[:start]
	mantissa, exponent := text, ""
	for i := range text {
		if text[i] == 'E' {
			mantissa, exponent = text[:i], text[i+1:]
		}
	}
	dst = append(dst, mantissa...)
	point := false
	for i := range mantissa {
		point = point || mantissa[i] == '.'
	}
	if !point {
		dst = append(dst, '.', '0')
	}
	n, _ := strconv.Atoi(exponent)
	return strconv.AppendInt(append(dst, 'E'), int64(n), 10)
}

func appendBytes(dst, v []byte, f Format) []byte {
	if f.Quoted {
		dst = append(dst, '"')
	}
	dst = base64.StdEncoding.AppendEncode(dst, v)
	if f.Quoted {
		dst = append(dst, '"')
	}
	return dst
}

// appendDecimal writes a decimal with all digits of its scale.
func appendDecimal(dst []byte, v decimal128.Num, scale int) []byte {
	var digits []byte
	negative := v.Sign() < 0
	if negative {
		v = v.Negate()
	}
	if v.HighBits() == 0 {
		digits = strconv.AppendUint(nil, v.LowBits(), 10)
	} else {
		digits = v.BigInt().Append(nil, 10)
	}
	if negative {
		dst = append(dst, '-')
	}
	if scale <= 0 {
		dst = append(dst, digits...)
		for range -scale {
			dst = append(dst, '0')
		}
		return dst
	}
	if len(digits) <= scale {
		dst = append(dst, '0', '.')
		for range scale - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	cut := len(digits) - scale
	dst = append(dst, digits[:cut]...)
	dst = append(dst, '.')
	return append(dst, digits[cut:]...)
}

const hexDigits = "0123456789abcdef"

// AppendQuoted writes a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i, r := range s {
		if r >= 0x20 && r != '"' && r != '\\' && r != 0xfffd {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch r {
		case '"', '\\':
			dst = append(dst, '\\', byte(r))
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case 0xfffd:
			dst = append(dst, "\ufffd"...)
			if len(s) >= i+3 && s[i:i+3] == "\ufffd" {
				start = i + 3
			}
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
