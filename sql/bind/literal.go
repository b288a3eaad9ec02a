package bind

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/vector/expr"
)

// literal makes a constant that is never NULL.
func literal(v any, t datatype.Type) Value {
	t = t.WithNull(false)
	return Value{Expr: &expr.Literal{Value: v, Of: t.Arrow()}, Type: t}
}

func null(t datatype.Type) Value {
	t = t.WithNull(true)
	return Value{Expr: &expr.Literal{Of: t.Arrow()}, Type: t}
}

func boolean(v bool) Value { return literal(v, datatype.Of(datatype.Boolean)) }

func integer(v int64) Value { return literal(v, datatype.Of(datatype.Int)) }

func text(v string) Value { return literal(v, datatype.CharOf(utf8.RuneCountInString(v))) }

// number reads a numeric literal: INT, BIGINT beyond it, DECIMAL with a point,
// DOUBLE with an exponent.
func number(n *ast.Number, negative bool) (Value, error) {
	s := n.Text
	if negative {
		s = "-" + s
	}
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return Value{}, diag.At(n.Pos, "number %s is out of the range of DOUBLE", s)
		}
		return literal(f, datatype.Of(datatype.Double)), nil
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		if i < math.MinInt32 || i > math.MaxInt32 {
			return literal(i, datatype.Of(datatype.BigInt)), nil
		}
		return integer(i), nil
	}
	return decimal(n, s)
}

// decimal has as many digits as the literal: 0.908 is DECIMAL(3, 3).
func decimal(n *ast.Number, s string) (Value, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	unscaled, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok && whole == "" {
		unscaled, ok = new(big.Int).SetString(fraction, 10)
	}
	if !ok {
		return Value{}, diag.At(n.Pos, "%q is not a number", s)
	}
	digits := len(strings.TrimPrefix(unscaled.String(), "-"))
	if unscaled.Sign() == 0 {
		digits = 1
	}
	scale := len(fraction)
	digits = max(digits, scale)
	if digits > datatype.MaxDecimalPrecision {
		return Value{}, diag.At(n.Pos, "number %s has more than %d digits", s, datatype.MaxDecimalPrecision)
	}
	return literal(decimal128.FromBigInt(unscaled), datatype.DecimalOf(digits, scale)), nil
}

// temporal reads DATE '…', TIME '…', TIMESTAMP '…'.
func (b *Binder) temporal(t *ast.Temporal) (Value, error) {
	bad := func(form string) error {
		return diag.At(t.Pos, "%q is not a %s; write it as %s", t.Value, t.Kind, form)
	}
	switch t.Kind {
	case ast.DateLiteral:
		d, err := time.Parse("2006-1-2", t.Value)
		if err != nil {
			return Value{}, bad("'2020-12-31'")
		}
		return literal(d.Unix()/86400, datatype.Of(datatype.Date)), nil
	case ast.TimeLiteral:
		c, err := time.Parse("15:4:5", t.Value)
		if err != nil {
			return Value{}, bad("'23:59:59'")
		}
		ms := int64(c.Hour())*3600_000 + int64(c.Minute())*60_000 + int64(c.Second())*1000 + int64(c.Nanosecond())/1e6
		return literal(ms, datatype.Type{Kind: datatype.Time, Precision: min(digitsOf(t.Value), 3)}), nil
	default:
		return b.timestamp(t, bad)
	}
}

func (b *Binder) timestamp(t *ast.Temporal, bad func(string) error) (Value, error) {
	zone := time.UTC
	kind := datatype.Timestamp
	if t.Kind == ast.TimestampLTZLiteral {
		kind = datatype.TimestampLTZ
		if b.Zone != nil {
			zone = b.Zone
		}
	}
	at, err := time.ParseInLocation("2006-1-2 15:4:5", strings.Replace(t.Value, "T", " ", 1), zone)
	if err != nil {
		if at, err = time.ParseInLocation("2006-1-2", t.Value, zone); err != nil {
			return Value{}, bad("'2020-12-31 23:59:59.123'")
		}
	}
	p := min(digitsOf(t.Value), datatype.MaxTimePrecision)
	v, ok := instant(at, p)
	if !ok {
		return Value{}, diag.At(t.Pos, "timestamp %s with %d digits of the second is out of range", t.Value, p)
	}
	return literal(v, datatype.Type{Kind: kind, Precision: p}), nil
}

// instant counts from 1970 in the unit of a precision.
func instant(at time.Time, precision int) (int64, bool) {
	switch {
	case precision <= 3:
		return at.UnixMilli(), true
	case precision <= 6:
		return at.UnixMicro(), true
	}
	return at.UnixNano(), at.Year() > 1677 && at.Year() < 2262
}

// digitsOf counts the digits after the point.
func digitsOf(s string) int {
	_, fraction, _ := strings.Cut(s, ".")
	return len(fraction)
}

// millisOf are the units of a day-time interval.
var millisOf = map[ast.Unit]int64{
	ast.Millisecond: 1, ast.Second: 1000, ast.Minute: 60_000, ast.Hour: 3600_000, ast.Day: 86400_000, ast.Week: 7 * 86400_000,
}

// monthsOf are the units of a year-month interval.
var monthsOf = map[ast.Unit]int64{ast.Month: 1, ast.Quarter: 3, ast.Year: 12}

// interval reads INTERVAL '10' SECOND, INTERVAL '1 10:00:00' DAY TO SECOND and
// INTERVAL '1-2' YEAR TO MONTH.
func interval(i *ast.Interval, s string) (Value, error) {
	bad := func() (Value, error) {
		unit := string(i.Unit.From)
		if i.Unit.To != "" {
			unit += " TO " + string(i.Unit.To)
		}
		return Value{}, diag.At(i.Pos, "%q is not an interval of %s", s, unit)
	}
	t := strings.TrimSpace(s)
	negative := i.Negative
	if rest, ok := strings.CutPrefix(t, "-"); ok {
		t, negative = rest, !negative
	}
	t = strings.TrimPrefix(t, "+")
	months, isMonths := monthsOf[i.Unit.From]
	var n int64
	var ok bool
	if isMonths {
		n, ok = readMonths(t, months, i.Unit.To)
	} else {
		n, ok = readMillis(t, i.Unit.From, i.Unit.To)
	}
	if !ok {
		return bad()
	}
	if negative {
		n = -n
	}
	if isMonths {
		return literal(n, datatype.Of(datatype.IntervalMonths)), nil
	}
	return literal(n, datatype.Of(datatype.IntervalMillis)), nil
}

func readMonths(s string, unit int64, to ast.Unit) (int64, bool) {
	if to == "" {
		n, err := strconv.ParseInt(s, 10, 32)
		return n * unit, err == nil
	}
	years, months, ok := strings.Cut(s, "-")
	y, err1 := strconv.ParseInt(years, 10, 32)
	m, err2 := strconv.ParseInt(months, 10, 32)
	return y*12 + m, ok && err1 == nil && err2 == nil && m < 12
}

// ladder is the order of units in a day-time interval's text: D H:M:S.F.
var ladder = []ast.Unit{ast.Day, ast.Hour, ast.Minute, ast.Second}

func readMillis(s string, from, to ast.Unit) (int64, bool) {
	unit, known := millisOf[from]
	if !known {
		return 0, false
	}
	if to == "" {
		return scaled(s, unit)
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ':' })
	total, i := int64(0), 0
	on := false
	for _, u := range ladder {
		on = on || u == from
		if !on {
			continue
		}
		if i >= len(parts) {
			return 0, false
		}
		n, ok := scaled(parts[i], millisOf[u])
		if !ok {
			return 0, false
		}
		total, i = total+n, i+1
		if u == to {
			return total, i == len(parts)
		}
	}
	return 0, false
}

// scaled reads a number with an optional fraction, in units of so many
// milliseconds.
func scaled(s string, unit int64) (int64, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 40)
	if err != nil {
		return 0, false
	}
	n *= unit
	if fraction != "" {
		f, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil || unit != 1000 {
			return 0, false
		}
		n += int64(f*1000 + 1e-6)
	}
	return n, true
}
