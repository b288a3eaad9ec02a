package logical

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// infix are the kernels that are written between their arguments.
var infix = map[string]string{
	"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "sub": "-", "mul": "*", "div": "/",
	"mod": "%", "and": "AND", "or": "OR", "like": "LIKE", "similar_to": "SIMILAR TO",
	"is_distinct_from": "IS DISTINCT FROM", "is_not_distinct_from": "IS NOT DISTINCT FROM",
}

// postfix are those written behind their argument.
var postfix = map[string]string{
	"is_null": "IS NULL", "is_not_null": "IS NOT NULL", "is_true": "IS TRUE", "is_false": "IS FALSE",
}

// Text prints an expression in the style of Flink's plans; names are those of
// the columns that it refers to.
func Text(e expr.Expr, names []string) string {
	var b strings.Builder
	write(&b, e, names)
	return b.String()
}

func write(b *strings.Builder, e expr.Expr, names []string) {
	switch e := e.(type) {
	case *expr.Column:
		b.WriteString(names[e.Index])
	case *expr.Literal:
		b.WriteString(LiteralText(e))
	case *expr.Call:
		writeCall(b, e, names)
	}
}

func writeCall(b *strings.Builder, e *expr.Call, names []string) {
	if op := infix[e.Func]; op != "" && len(e.Args) >= 2 {
		b.WriteString("(")
		for i, a := range e.Args {
			if i > 0 {
				b.WriteString(" " + op + " ")
			}
			write(b, a, names)
		}
		b.WriteString(")")
		return
	}
	if op := postfix[e.Func]; op != "" && len(e.Args) == 1 {
		write(b, e.Args[0], names)
		b.WriteString(" " + op)
		return
	}
	switch e.Func {
	case "cast", "try_cast":
		b.WriteString(strings.ToUpper(e.Func) + "(")
		write(b, e.Args[0], names)
		to := typeText(e.Of)
		if len(e.Args) > 1 { // the type's name says more than its Arrow type
			if l, ok := e.Args[1].(*expr.Literal); ok {
				to = fmt.Sprint(l.Value)
			}
		}
		b.WriteString(" AS " + to + ")")
	case "field":
		write(b, e.Args[0], names)
		b.WriteString("." + fieldName(e))
	case "item":
		write(b, e.Args[0], names)
		b.WriteString("[")
		write(b, e.Args[1], names)
		b.WriteString("]")
	case "neg":
		b.WriteString("-")
		write(b, e.Args[0], names)
	case "in":
		write(b, e.Args[0], names)
		b.WriteString(" IN ")
		writeList(b, e.Args[1:], names)
	default:
		b.WriteString(strings.ToUpper(strings.TrimPrefix(e.Func, expr.UserPrefix)))
		writeList(b, e.Args, names)
	}
}

func writeList(b *strings.Builder, list []expr.Expr, names []string) {
	b.WriteString("(")
	for i, a := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		write(b, a, names)
	}
	b.WriteString(")")
}

func fieldName(e *expr.Call) string {
	s, ok := e.Args[0].Type().(*arrow.StructType)
	l, is := e.Args[1].(*expr.Literal)
	if !ok || !is {
		return "?"
	}
	i, _ := l.Value.(int64)
	return s.Field(int(i)).Name
}

// typeText is Flink's text of an engine type.
func typeText(dt arrow.DataType) string {
	if t, ok := datatype.FromField(arrow.Field{Type: dt, Nullable: true}); ok {
		return t.Text()
	}
	return dt.String()
}

// LiteralText prints a constant as SQL.
func LiteralText(l *expr.Literal) string {
	switch v := l.Value.(type) {
	case nil:
		if l.Of.ID() == arrow.NULL {
			return "NULL"
		}
		return "null:" + typeText(l.Of)
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("X'%X'", v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case decimal128.Num:
		return v.ToString(l.Of.(*arrow.Decimal128Type).Scale)
	case int64:
		return integerText(v, l.Of)
	}
	return l.String()
}

func integerText(v int64, dt arrow.DataType) string {
	switch dt := dt.(type) {
	case *arrow.Date32Type:
		return time.Unix(v*86400, 0).UTC().Format("2006-01-02")
	case *arrow.Time32Type:
		return time.UnixMilli(v).UTC().Format("15:04:05.999")
	case *arrow.TimestampType:
		return arrow.Timestamp(v).ToTime(dt.Unit).UTC().Format("2006-01-02 15:04:05.999999999")
	case *arrow.DurationType:
		return strconv.FormatInt(v, 10) + ":INTERVAL DAY TO SECOND"
	case *arrow.MonthIntervalType:
		return strconv.FormatInt(v, 10) + ":INTERVAL YEAR TO MONTH"
	}
	return strconv.FormatInt(v, 10)
}

// Items prints computed columns as a select list, with AS where the name is
// not the text.
func Items(exprs []expr.Expr, output Schema, names []string) string {
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = Text(e, names)
		if parts[i] != output[i].Name {
			parts[i] += " AS " + output[i].Name
		}
	}
	return strings.Join(parts, ", ")
}

// extra is how many arguments are keys of the order only: the values of such
// functions are one argument.
func (a AggCall) extra() int {
	if len(a.Order) == 0 {
		return 0
	}
	return len(a.Args) - 1
}

// direction is what follows a key of an order.
func (k SortKey) direction() string {
	text := ""
	if k.Desc {
		text = " DESC"
	}
	if k.NullsFirst == k.Desc {
		text += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.NullsFirst]
	}
	return text
}

// AggText prints an aggregate: COUNT(DISTINCT a) FILTER b.
func AggText(a AggCall, names []string) string {
	var b strings.Builder
	b.WriteString(strings.ToUpper(strings.TrimPrefix(a.Func, expr.UserPrefix)) + "(")
	if a.Distinct {
		b.WriteString("DISTINCT ")
	}
	if len(a.Args) == 0 {
		b.WriteString("*")
	}
	for i, arg := range a.Args[:len(a.Args)-a.extra()] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(names[arg])
	}
	if a.Func == "listagg" {
		b.WriteString(", '" + strings.ReplaceAll(a.Separator, "'", "''") + "'")
	}
	if a.KeepNulls && a.User == nil {
		b.WriteString(" RESPECT NULLS")
	}
	for i, k := range a.Order {
		b.WriteString([]string{" ORDER BY ", ", "}[min(i, 1)] + names[a.Args[k.Column]] + k.direction())
	}
	b.WriteString(")")
	if a.Filter >= 0 {
		b.WriteString(" FILTER " + names[a.Filter])
	}
	return b.String()
}

// String prints a window: TUMBLE(time_col=[ts], size=[10 s]).
func (w WindowSpec) String(names []string) string {
	size := "size"
	if w.Kind == Session {
		size = "gap"
	}
	text := w.Kind.String() + "(time_col=[" + names[w.Time] + "], " + size + "=[" + Span(w.Size) + "]"
	switch w.Kind {
	case Hop:
		text += ", slide=[" + Span(w.Slide) + "]"
	case Cumulate:
		text += ", step=[" + Span(w.Slide) + "]"
	case Session:
		if len(w.Partition) > 0 {
			parts := make([]string, len(w.Partition))
			for i, k := range w.Partition {
				parts[i] = names[k]
			}
			text += ", partition keys=[" + strings.Join(parts, ", ") + "]"
		}
	case Tumble:
	}
	if w.Processing {
		text += ", proctime"
	}
	if w.Offset != 0 {
		text += ", offset=[" + Span(w.Offset) + "]"
	}
	return text + ")"
}

// Span prints milliseconds as Flink does: 10 s, 1 min, 2 h, 1 d.
func Span(ms int64) string {
	units := []struct {
		ms   int64
		name string
	}{{86400_000, "d"}, {3600_000, "h"}, {60_000, "min"}, {1000, "s"}}
	for _, u := range units {
		if ms != 0 && ms%u.ms == 0 {
			return strconv.FormatInt(ms/u.ms, 10) + " " + u.name
		}
	}
	return strconv.FormatInt(ms, 10) + " ms"
}
