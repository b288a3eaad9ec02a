package jdbc

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector/expr"
)

// pusher writes conditions as the database reads them. What it writes holds for
// every row for which the condition does, and may hold for more: the planner
// filters again. Comparisons are widened by the smallest step of the column's type,
// since the column may be finer in the database:
//
//	ts <= TIMESTAMP '… 10:00:00.123'   →   ts <= '… 10:00:00.124'
//
// Texts are only compared for equality: their order is one of languages, and some
// databases do not tell a from A. What it cannot write is left out.
type pusher struct {
	dialect *dialect
	columns []string
}

// and writes those of terms that it can; "" when there is none.
func (p pusher) and(terms []expr.Expr) string {
	var all []string
	for _, t := range terms {
		if text := p.term(t); text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, " AND ")
}

// term writes a condition, or "".
func (p pusher) term(e expr.Expr) string {
	if d, ok := e.(expr.Doc); ok {
		e = d.Expr
	}
	c, ok := e.(*expr.Call)
	if !ok {
		return ""
	}
	switch c.Func {
	case "and":
		return p.and(c.Args)
	case "or":
		return p.or(c.Args)
	case "in":
		return p.in(c.Args)
	case "is_null", "is_not_null":
		if column, _ := p.column(c.Args[0]); column != "" {
			return column + map[string]string{"is_null": " IS NULL", "is_not_null": " IS NOT NULL"}[c.Func]
		}
	case "eq", "lt", "le", "gt", "ge":
		return p.compare(c.Func, c.Args[0], c.Args[1])
	}
	return ""
}

// or writes all of terms, or nothing.
func (p pusher) or(terms []expr.Expr) string {
	all := make([]string, len(terms))
	for i, t := range terms {
		text := p.term(t)
		if text == "" {
			return ""
		}
		all[i] = "(" + text + ")"
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

func (p pusher) in(args []expr.Expr) string {
	terms := make([]expr.Expr, 0, len(args))
	for _, a := range args[1:] {
		terms = append(terms, &expr.Call{Func: "eq", Args: []expr.Expr{args[0], a}, Of: arrow.FixedWidthTypes.Boolean})
	}
	return p.or(terms)
}

func (p pusher) column(e expr.Expr) (string, arrow.DataType) {
	if c, ok := e.(*expr.Column); ok && c.Index < len(p.columns) {
		return p.columns[c.Index], c.Of
	}
	return "", nil
}

var mirrored = map[string]string{"eq": "eq", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

func (p pusher) compare(op string, a, b expr.Expr) string {
	if _, ok := a.(*expr.Literal); ok {
		op, a, b = mirrored[op], b, a
	}
	column, t := p.column(a)
	l, ok := b.(*expr.Literal)
	if column == "" || !ok || l.Value == nil {
		return ""
	}
	low, high := p.around(t, l)
	switch {
	case low == "", op != "eq" && t.ID() == arrow.STRING_VIEW:
		return ""
	case op == "eq" && low == high:
		return column + " = " + low
	case low == high:
		return column + map[string]string{"lt": " < ", "le": " <= ", "gt": " > ", "ge": " >= "}[op] + low
	case op == "eq":
		return column + " >= " + low + " AND " + column + " <= " + high
	case op == "lt" || op == "le":
		return column + " <= " + high
	}
	return column + " >= " + low
}

// around are the values a step below and above a literal, for a column of type t;
// equal when the type is as fine as it can be, and "" when they cannot be written.
func (p pusher) around(t arrow.DataType, l *expr.Literal) (low, high string) {
	switch t := t.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		n := numberText(l)
		return n, n
	case *arrow.Decimal128Type:
		if n := numberText(l); n != "" {
			step := "0." + strings.Repeat("0", max(int(t.Scale)-1, 0)) + "1"
			if t.Scale <= 0 {
				step = "1"
			}
			return "(" + n + " - " + step + ")", "(" + n + " + " + step + ")"
		}
	case *arrow.Float32Type, *arrow.Float64Type:
		return floatAround(t.ID() == arrow.FLOAT32, numberText(l))
	case *arrow.Date32Type:
		if days, ok := l.Value.(int64); ok && l.Of.ID() == arrow.DATE32 {
			d := "DATE '" + arrow.Date32(days).ToTime().Format("2006-01-02") + "'"
			return d, d
		}
	case *arrow.TimestampType:
		return p.timeAround(t, l)
	case *arrow.StringViewType:
		if s, ok := l.Value.(string); ok && l.Of.ID() == arrow.STRING_VIEW && !strings.ContainsRune(s, 0) {
			text := p.dialect.text(s)
			return text, text
		}
	}
	return "", ""
}

// numberText writes a number.
func numberText(l *expr.Literal) string {
	switch v := l.Value.(type) {
	case int64:
		switch l.Of.ID() {
		case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64:
			return strconv.FormatInt(v, 10)
		}
	case decimal128.Num:
		if t, ok := l.Of.(*arrow.Decimal128Type); ok {
			return v.ToString(t.Scale)
		}
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return new(big.Float).SetFloat64(v).Text('f', -1)
		}
	}
	return ""
}

func floatAround(single bool, n string) (low, high string) {
	v, err := strconv.ParseFloat(n, 64)
	if err != nil {
		return "", ""
	}
	below, above := math.Nextafter(v, math.Inf(-1)), math.Nextafter(v, math.Inf(1))
	if single {
		below, above = float64(math.Nextafter32(float32(v), float32(math.Inf(-1)))), float64(math.Nextafter32(float32(v), float32(math.Inf(1))))
		below, above = min(below, math.Nextafter(v, math.Inf(-1))), max(above, math.Nextafter(v, math.Inf(1)))
	}
	if math.IsInf(below, 0) || math.IsInf(above, 0) {
		return "", ""
	}
	return strconv.FormatFloat(below, 'e', -1, 64), strconv.FormatFloat(above, 'e', -1, 64)
}

func (p pusher) timeAround(t *arrow.TimestampType, l *expr.Literal) (low, high string) {
	of, ok := l.Of.(*arrow.TimestampType)
	v, is := l.Value.(int64)
	if !ok || !is || of.TimeZone != t.TimeZone {
		return "", ""
	}
	per := int64(time.Second / of.Unit.Multiplier())
	at := time.Unix(v/per, v%per*int64(of.Unit.Multiplier())).UTC()
	step := max(t.Unit.Multiplier(), time.Microsecond) // databases know no finer ones
	if at.Year() < 1 || at.Year() > 9998 {
		return "", ""
	}
	text := func(at time.Time) string {
		if t.TimeZone != "" && p.dialect.zoned != "" {
			return p.dialect.zoned + " '" + at.Format("2006-01-02 15:04:05.999999") + "+00'"
		}
		return "TIMESTAMP '" + at.Format("2006-01-02 15:04:05.999999") + "'"
	}
	return text(at.Add(-step)), text(at.Add(step))
}
