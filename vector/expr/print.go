package expr

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector/chrono"
	"github.com/wadi-engine/wadi/vector/decimal"
)

// infix are the functions that print as operators.
var infix = map[string]string{
	"add": "+", "sub": "-", "mul": "*", "div": "/", "eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
	"and": "AND", "or": "OR", "like": "LIKE", "similar_to": "SIMILAR TO",
	"is_distinct_from": "IS DISTINCT FROM", "is_not_distinct_from": "IS NOT DISTINCT FROM",
}

// postfix are the tests that stand behind their argument.
var postfix = map[string]string{
	"is_null": "IS NULL", "is_not_null": "IS NOT NULL", "is_true": "IS TRUE", "is_not_true": "IS NOT TRUE",
	"is_false": "IS FALSE", "is_not_false": "IS NOT FALSE", "is_unknown": "IS UNKNOWN", "is_not_unknown": "IS NOT UNKNOWN",
}

func (e *Column) String() string { return e.Name }

// String prints the call as SQL, operators among operators in parentheses.
func (e *Call) String() string {
	if s, ok := e.special(); ok {
		return s
	}
	return strings.ToUpper(strings.TrimPrefix(e.Func, UserPrefix)) + "(" + strings.Join(texts(e.Args), ", ") + ")"
}

func (e *Call) special() (string, bool) {
	n := len(e.Args)
	if op, ok := infix[e.Func]; ok && n >= 2 {
		parts := make([]string, n)
		for i, a := range e.Args {
			parts[i] = operand(a)
		}
		if strings.HasSuffix(op, "LIKE") || op == "SIMILAR TO" {
			return parts[0] + " " + op + " " + strings.Join(parts[1:], " ESCAPE "), true
		}
		return strings.Join(parts, " "+op+" "), true
	}
	if op, ok := postfix[e.Func]; ok && n == 1 {
		return operand(e.Args[0]) + " " + op, true
	}
	switch e.Func {
	case "not", "neg":
		if n == 1 {
			return map[string]string{"not": "NOT ", "neg": "-"}[e.Func] + operand(e.Args[0]), true
		}
	case "cast", "try_cast":
		if n >= 1 {
			to := TypeName(e.Of)
			if l, ok := nth(e.Args, 1).(*Literal); ok {
				to, _ = l.Value.(string)
			}
			return fmt.Sprintf("%s(%s AS %s)", strings.ToUpper(e.Func), e.Args[0], to), true
		}
	case "in":
		if n >= 2 {
			return operand(e.Args[0]) + " IN (" + strings.Join(texts(e.Args[1:]), ", ") + ")", true
		}
	case "case":
		return e.caseText(), n >= 2
	case "item":
		if n == 2 {
			return fmt.Sprintf("%s[%s]", operand(e.Args[0]), e.Args[1]), true
		}
	case "field":
		if name, ok := fieldName(e); ok {
			return operand(e.Args[0]) + "." + name, true
		}
	case "extract":
		if l, ok := nth(e.Args, 0).(*Literal); ok && n == 2 {
			return fmt.Sprintf("EXTRACT(%v FROM %s)", l.Value, e.Args[1]), true
		}
	}
	return "", false
}

func (e *Call) caseText() string {
	var b strings.Builder
	b.WriteString("CASE")
	for i := 0; i+1 < len(e.Args); i += 2 {
		fmt.Fprintf(&b, " WHEN %s THEN %s", e.Args[i], e.Args[i+1])
	}
	if len(e.Args)%2 == 1 {
		fmt.Fprintf(&b, " ELSE %s", e.Args[len(e.Args)-1])
	}
	b.WriteString(" END")
	return b.String()
}

// operand prints an argument of an operator.
func operand(e Expr) string {
	c, ok := e.(*Call)
	if !ok {
		if s := e.String(); strings.HasPrefix(s, "-") {
			return "(" + s + ")"
		}
		return e.String()
	}
	_, in := infix[c.Func]
	_, post := postfix[c.Func]
	if in || post || c.Func == "in" || c.Func == "not" || c.Func == "neg" {
		return "(" + e.String() + ")"
	}
	return e.String()
}

func texts(args []Expr) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a.String()
	}
	return out
}

func nth(args []Expr, i int) Expr {
	if i < len(args) {
		return args[i]
	}
	return nil
}

// fieldName is the name of the field that field(row, index) takes.
func fieldName(e *Call) (string, bool) {
	if len(e.Args) != 2 {
		return "", false
	}
	t, isRow := e.Args[0].Type().(*arrow.StructType)
	l, isLiteral := e.Args[1].(*Literal)
	if !isRow || !isLiteral {
		return "", false
	}
	i, ok := l.Value.(int64)
	if !ok || i < 0 || i >= int64(t.NumFields()) {
		return "", false
	}
	return t.Field(int(i)).Name, true
}

// String prints the literal as SQL.
func (e *Literal) String() string {
	switch v := e.Value.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return "x'" + hex.EncodeToString(v) + "'"
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	case float64:
		return string(appendFloat(nil, v, 64))
	case decimal128.Num:
		_, scale := digits(e.Of)
		return string(decimal.Append(nil, v, scale))
	case int64:
		return integerText(v, e.Of)
	}
	return fmt.Sprint(e.Value)
}

func integerText(v int64, t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.Date32Type:
		return "DATE '" + string(chrono.AppendDate(nil, v)) + "'"
	case *arrow.Time32Type:
		return "TIME '" + string(chrono.AppendTime(nil, v, 3)) + "'"
	case *arrow.TimestampType:
		sec, nano := split(v, perSecond(t))
		name := "TIMESTAMP"
		if t.TimeZone != "" {
			name = "TIMESTAMP_LTZ"
		}
		return name + " '" + string(chrono.AppendTimestamp(nil, chrono.Of(sec, nano), 0)) + "'"
	case *arrow.MonthIntervalType:
		return "INTERVAL '" + string(chrono.AppendMonths(nil, v)) + "' YEAR TO MONTH"
	case *arrow.DurationType:
		return "INTERVAL '" + string(chrono.AppendDuration(nil, v)) + "' DAY TO SECOND"
	}
	return strconv.FormatInt(v, 10)
}

// TypeName is Flink's name of an Arrow type, without lengths.
func TypeName(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.NullType:
		return "NULL"
	case *arrow.BooleanType:
		return "BOOLEAN"
	case *arrow.Int8Type:
		return "TINYINT"
	case *arrow.Int16Type:
		return "SMALLINT"
	case *arrow.Int32Type:
		return "INT"
	case *arrow.Int64Type:
		return "BIGINT"
	case *arrow.Float32Type:
		return "FLOAT"
	case *arrow.Float64Type:
		return "DOUBLE"
	case *arrow.Decimal128Type:
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Precision, t.Scale)
	case *arrow.StringViewType:
		return "STRING"
	case *arrow.BinaryViewType:
		return "BYTES"
	case *arrow.Date32Type:
		return "DATE"
	case *arrow.Time32Type:
		return "TIME"
	case *arrow.TimestampType:
		if t.TimeZone != "" {
			return fmt.Sprintf("TIMESTAMP_LTZ(%d)", 3*int(t.Unit))
		}
		return fmt.Sprintf("TIMESTAMP(%d)", 3*int(t.Unit))
	case *arrow.MonthIntervalType:
		return "INTERVAL YEAR TO MONTH"
	case *arrow.DurationType:
		return "INTERVAL DAY TO SECOND"
	case *arrow.ListType:
		return "ARRAY<" + TypeName(t.Elem()) + ">"
	case *arrow.MapType:
		return "MAP<" + TypeName(t.KeyType()) + ", " + TypeName(t.ItemType()) + ">"
	case *arrow.StructType:
		fields := make([]string, t.NumFields())
		for i, f := range t.Fields() {
			fields[i] = f.Name + " " + TypeName(f.Type)
		}
		return "ROW<" + strings.Join(fields, ", ") + ">"
	}
	return t.String()
}
