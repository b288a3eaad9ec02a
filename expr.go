package wadi

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// Expr is an expression over the columns of a Frame. It is a piece of SQL: Go
// and SQL are bound, typed and planned by the same code, with Flink's rules.
type Expr struct {
	node  ast.Expr
	alias string
	desc  bool
	err   error
}

// Col is a column, or a field of a ROW column: Col("bid", "price").
func Col(path ...string) Expr {
	if len(path) == 0 {
		return Expr{err: fmt.Errorf("Col needs a name")}
	}
	return Expr{node: ast.Col(path...)}
}

// Lit is a constant: nil, a bool, an integer (INT or BIGINT by its size), a
// float64 (DOUBLE), a string, a []byte, a time.Time (TIMESTAMP(6) in UTC) or a
// time.Duration (INTERVAL DAY TO SECOND).
func Lit(value any) Expr {
	switch v := value.(type) {
	case Expr:
		return v
	case nil:
		return Expr{node: &ast.Null{}}
	case bool:
		return Expr{node: &ast.Bool{Value: v}}
	case int:
		return integer(int64(v))
	case int8:
		return integer(int64(v))
	case int16:
		return integer(int64(v))
	case int32:
		return integer(int64(v))
	case int64:
		return integer(v)
	case float32:
		return float(float64(v))
	case float64:
		return float(v)
	case string:
		return Expr{node: &ast.Text{Value: v}}
	case []byte:
		return Expr{node: &ast.Bytes{Value: v}}
	case time.Time:
		return Expr{node: &ast.Temporal{Kind: ast.TimestampLiteral, Value: v.UTC().Format("2006-01-02 15:04:05.000000")}}
	case time.Duration:
		return Expr{node: interval(v)}
	}
	return Expr{err: fmt.Errorf("a value of type %T is no literal", value)}
}

func integer(v int64) Expr {
	if v == math.MinInt64 { // its absolute value is no BIGINT
		return integer(v + 1).Sub(1)
	}
	return signed(v < 0, strconv.FormatUint(uint64(max(v, -v)), 10))
}

func float(v float64) Expr {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Expr{node: &ast.Cast{X: &ast.Text{Value: fmt.Sprint(v)}, Type: &ast.DataType{Kind: ast.DoubleType}}}
	}
	return signed(math.Signbit(v), strconv.FormatFloat(math.Abs(v), 'e', -1, 64))
}

func signed(negative bool, digits string) Expr {
	if n := (&ast.Number{Text: digits}); !negative {
		return Expr{node: n}
	}
	return Expr{node: &ast.Unary{Op: ast.Minus, X: &ast.Number{Text: digits}}}
}

// interval is d as a literal, in the largest unit that divides it.
func interval(d time.Duration) *ast.Interval {
	iv := &ast.Interval{Negative: d < 0, Unit: ast.IntervalUnit{Fraction: -1}}
	d = d.Abs()
	for _, u := range []struct {
		unit ast.Unit
		of   time.Duration
	}{{ast.Day, 24 * time.Hour}, {ast.Hour, time.Hour}, {ast.Minute, time.Minute}, {ast.Second, time.Second}} {
		if d%u.of == 0 {
			iv.Unit.From = u.unit
			return intervalText(iv, strconv.FormatInt(int64(d/u.of), 10))
		}
	}
	iv.Unit.From, iv.Unit.Fraction = ast.Second, 3
	return intervalText(iv, fmt.Sprintf("%d.%03d", d/time.Second, d%time.Second/time.Millisecond))
}

func intervalText(iv *ast.Interval, text string) *ast.Interval {
	iv.Value = &ast.Text{Value: text}
	if whole, _, _ := strings.Cut(text, "."); len(whole) > 2 {
		iv.Unit.Precision = len(whole)
	}
	return iv
}

func (e Expr) binary(op ast.BinaryOp, right any) Expr {
	r := Lit(right)
	if err := firstError(e.err, r.err); err != nil {
		return Expr{err: err}
	}
	return Expr{node: &ast.Binary{Op: op, Left: e.node, Right: r.node}}
}

// The comparisons give NULL when a side is NULL. The argument is an Expr or
// anything that Lit takes.
func (e Expr) Eq(right any) Expr { return e.binary(ast.Eq, right) }

// Ne is e <> right.
func (e Expr) Ne(right any) Expr { return e.binary(ast.Ne, right) }

// Lt is e < right.
func (e Expr) Lt(right any) Expr { return e.binary(ast.Lt, right) }

// Le is e <= right.
func (e Expr) Le(right any) Expr { return e.binary(ast.Le, right) }

// Gt is e > right.
func (e Expr) Gt(right any) Expr { return e.binary(ast.Gt, right) }

// Ge is e >= right.
func (e Expr) Ge(right any) Expr { return e.binary(ast.Ge, right) }

// Add is e + right: of numbers, or of a time and an interval.
func (e Expr) Add(right any) Expr { return e.binary(ast.Add, right) }

// Sub is e - right.
func (e Expr) Sub(right any) Expr { return e.binary(ast.Sub, right) }

// Mul is e * right.
func (e Expr) Mul(right any) Expr { return e.binary(ast.Mul, right) }

// Div is e / right; of integers, it truncates, and division by zero fails the job.
func (e Expr) Div(right any) Expr { return e.binary(ast.Div, right) }

// Mod is the remainder of e / right.
func (e Expr) Mod(right any) Expr { return Fn("MOD", e, right) }

// Concat is the text of e followed by that of right.
func (e Expr) Concat(right any) Expr { return e.binary(ast.Concat, right) }

// And is e AND right, in three-valued logic.
func (e Expr) And(right Expr) Expr { return e.binary(ast.And, right) }

// Or is e OR right, in three-valued logic.
func (e Expr) Or(right Expr) Expr { return e.binary(ast.Or, right) }

func (e Expr) wrap(f func(ast.Expr) ast.Expr) Expr {
	if e.err != nil {
		return e
	}
	return Expr{node: f(e.node)}
}

// Not is NOT e.
func (e Expr) Not() Expr {
	return e.wrap(func(x ast.Expr) ast.Expr { return &ast.Unary{Op: ast.Not, X: x} })
}

// Neg is -e.
func (e Expr) Neg() Expr {
	return e.wrap(func(x ast.Expr) ast.Expr { return &ast.Unary{Op: ast.Minus, X: x} })
}

// IsNull is e IS NULL.
func (e Expr) IsNull() Expr {
	return e.wrap(func(x ast.Expr) ast.Expr { return &ast.Is{X: x, What: ast.IsNull} })
}

// IsNotNull is e IS NOT NULL.
func (e Expr) IsNotNull() Expr {
	return e.wrap(func(x ast.Expr) ast.Expr { return &ast.Is{X: x, Not: true, What: ast.IsNull} })
}

// Like is e LIKE pattern, where % stands for any text and _ for one character.
func (e Expr) Like(pattern string) Expr {
	return e.wrap(func(x ast.Expr) ast.Expr {
		return &ast.Like{Kind: ast.LikePattern, X: x, Pattern: &ast.Text{Value: pattern}}
	})
}

// Between is low <= e AND e <= high.
func (e Expr) Between(low, high any) Expr {
	l, h := Lit(low), Lit(high)
	if err := firstError(e.err, l.err, h.err); err != nil {
		return Expr{err: err}
	}
	return Expr{node: &ast.Between{X: e.node, Low: l.node, High: h.node}}
}

// In is e IN (values).
func (e Expr) In(values ...any) Expr {
	in := &ast.In{X: e.node}
	err := e.err
	for _, v := range values {
		x := Lit(v)
		err = firstError(err, x.err)
		in.List = append(in.List, x.node)
	}
	if len(values) == 0 {
		return Expr{node: &ast.Bool{}, err: err}
	}
	return Expr{node: in, err: err}
}

// Cast converts e to a type of SQL, such as "BIGINT" or "DECIMAL(10, 2)".
func (e Expr) Cast(sqlType string) Expr {
	t, err := parse.DataType(sqlType)
	if err != nil {
		return Expr{err: firstError(e.err, err)}
	}
	return e.wrap(func(x ast.Expr) ast.Expr { return &ast.Cast{X: x, Type: t} })
}

// As names the column that e becomes.
func (e Expr) As(name string) Expr {
	e.alias = name
	return e
}

// Desc makes Sort put the largest values first.
func (e Expr) Desc() Expr {
	e.desc = true
	return e
}

// Fn calls any scalar or aggregate function of SQL by its name. Arguments are
// Exprs or what Lit takes.
func Fn(name string, args ...any) Expr {
	nodes := make([]ast.Expr, len(args))
	for i, a := range args {
		x := Lit(a)
		if x.err != nil {
			return Expr{err: fmt.Errorf("argument %d of %s: %w", i+1, name, x.err)}
		}
		nodes[i] = x.node
	}
	return Expr{node: ast.Fn(name, nodes...)}
}

// SQLExpr is an expression written in SQL, such as "UPPER(origin) || '!'".
func SQLExpr(text string) Expr {
	x, err := parse.Expr(text)
	return Expr{node: x, err: err}
}

// String is the expression as SQL.
func (e Expr) String() string {
	if e.err != nil {
		return "invalid: " + e.err.Error()
	}
	return ast.SQL(e.node)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
