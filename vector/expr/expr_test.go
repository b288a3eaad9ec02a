package expr_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

var (
	boolT   = arrow.FixedWidthTypes.Boolean
	int8T   = arrow.PrimitiveTypes.Int8
	int32T  = arrow.PrimitiveTypes.Int32
	int64T  = arrow.PrimitiveTypes.Int64
	doubleT = arrow.PrimitiveTypes.Float64
	floatT  = arrow.PrimitiveTypes.Float32
	textT   = arrow.BinaryTypes.StringView
	bytesT  = arrow.BinaryTypes.BinaryView
	dateT   = arrow.FixedWidthTypes.Date32
	timeT   = arrow.FixedWidthTypes.Time32ms
	ts3T    = &arrow.TimestampType{Unit: arrow.Millisecond}
	ts6T    = &arrow.TimestampType{Unit: arrow.Microsecond}
	ts9T    = &arrow.TimestampType{Unit: arrow.Nanosecond}
	ltz3T   = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	monthT  = arrow.FixedWidthTypes.MonthInterval
	spanT   = arrow.FixedWidthTypes.Duration_ms
)

func dec(p, s int32) arrow.DataType { return &arrow.Decimal128Type{Precision: p, Scale: s} }

func call(of arrow.DataType, f string, args ...expr.Expr) expr.Expr {
	return &expr.Call{Func: f, Args: args, Of: of}
}

func lit(of arrow.DataType, v any) expr.Expr {
	if i, ok := v.(int); ok {
		v = int64(i)
	}
	return &expr.Literal{Value: v, Of: of}
}

func str(s string) expr.Expr { return lit(textT, s) }

func col(i int, of arrow.DataType) expr.Expr {
	return &expr.Column{Index: i, Name: string(rune('a' + i)), Of: of}
}

// show evaluates an expression without columns and prints its value. It also
// evaluates it with columns in place of the literals, sliced and with NULLs in
// other rows; the value must be the same.
func show(t testing.TB, env expr.Env, e expr.Expr) string {
	t.Helper()
	want := showConstant(t, env, e)
	if got, ok := showColumns(t, env, e); ok && got != want && !strings.Contains(want, "compile ") {
		if _, after, found := strings.Cut(want, " in "); !found || after == "" || !strings.HasPrefix(got, want[:len(want)-len(after)]) {
			t.Errorf("%s: literals give %s, columns %s", e, want, got)
		}
	}
	return want
}

// showColumns is false where the expression needs its literals.
func showColumns(t testing.TB, env expr.Env, e expr.Expr) (string, bool) {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	var fields []arrow.Field
	var cols []arrow.Array
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	var replace func(e expr.Expr) expr.Expr
	replace = func(e expr.Expr) expr.Expr {
		switch x := e.(type) {
		case *expr.Literal:
			f := arrow.Field{Name: fmt.Sprintf("c%d", len(cols)), Type: x.Of, Nullable: true}
			fields, cols = append(fields, f), append(cols, literalColumn(t, alloc, x))
			return &expr.Column{Index: len(cols) - 1, Name: f.Name, Of: x.Of}
		case *expr.Call:
			c := &expr.Call{Func: x.Func, Of: x.Of}
			for i, a := range x.Args {
				if keepsLiteral(x, i) {
					c.Args = append(c.Args, a)
				} else {
					c.Args = append(c.Args, replace(a))
				}
			}
			return c
		}
		return e
	}
	e = replace(e)
	schema := arrow.NewSchema(fields, nil)
	p, err := expr.Compile([]expr.Expr{e}, schema, env)
	if err != nil {
		return "", false
	}
	rec := array.NewRecordBatch(schema, cols, 3)
	defer rec.Release()
	out, err := p.Eval(alloc, rec, vector.Sel{0, 1, 2})
	if err != nil {
		return "error: " + err.Error(), true
	}
	defer out[0].Release()
	return valueText(out[0], 2), true
}

// keepsLiteral names the arguments that must be literals.
func keepsLiteral(c *expr.Call, i int) bool {
	switch c.Func {
	case "extract", "timestampadd", "timestampdiff":
		return i == 0
	case "floor", "ceil", "cast", "try_cast", "field", "is_json":
		return i > 0
	case "map": // a key cannot be NULL
		return i%2 == 0
	case "rand", "rand_integer": // the third of a sequence is not the second
		return true
	}
	return false
}

// literalColumn returns rows NULL, v, v out of a larger array.
func literalColumn(t testing.TB, alloc memory.Allocator, l *expr.Literal) arrow.Array {
	t.Helper()
	p, err := expr.Compile([]expr.Expr{l, &expr.Literal{Of: l.Of}}, arrow.NewSchema(nil, nil), expr.Env{})
	if err != nil {
		t.Fatal(err)
	}
	rec := array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 2)
	defer rec.Release()
	out, err := p.Eval(alloc, rec, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].Release()
	defer out[1].Release()
	all := vector.Concat(alloc, []arrow.Array{out[1], out[0]})
	defer all.Release()
	return array.NewSlice(all, 1, 4)
}

func valueText(a arrow.Array, i int) string {
	if s, ok := a.(*array.StringView); ok && !s.IsNull(i) {
		return strconv.Quote(s.Value(i))
	}
	return a.ValueStr(i)
}

func showConstant(t testing.TB, env expr.Env, e expr.Expr) string {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	schema := arrow.NewSchema(nil, nil)
	p, err := expr.Compile([]expr.Expr{e}, schema, env)
	if err != nil {
		return "error: " + err.Error()
	}
	rec := array.NewRecordBatch(schema, nil, 3)
	defer rec.Release()
	out, err := p.Eval(alloc, rec, nil)
	if err != nil {
		return "error: " + err.Error()
	}
	defer out[0].Release()
	if out[0].Len() != 3 {
		t.Fatalf("%s: %d rows, want 3", e, out[0].Len())
	}
	if !arrow.TypeEqual(out[0].DataType(), e.Type()) {
		t.Fatalf("%s is %s, want %s", e, out[0].DataType(), e.Type())
	}
	return valueText(out[0], 2)
}

type evalCase struct {
	e    expr.Expr
	want string
}

func checkAll(t *testing.T, env expr.Env, cases []evalCase) {
	t.Helper()
	for _, c := range cases {
		got := show(t, env, c.e)
		if strings.HasPrefix(c.want, "error: ") && strings.Contains(got, strings.TrimPrefix(c.want, "error: ")) && strings.HasPrefix(got, "error: ") {
			continue
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.e, got, c.want)
		}
	}
}

// batch draws a record of columns a, b BIGINT, c BOOLEAN, d STRING, with nulls,
// and possibly sliced out of a larger one.
func batch(t *rapid.T, alloc memory.Allocator) arrow.RecordBatch {
	n := rapid.IntRange(0, 70).Draw(t, "rows")
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: int64T, Nullable: true},
		{Name: "b", Type: int64T, Nullable: true},
		{Name: "c", Type: boolT, Nullable: true},
		{Name: "d", Type: textT, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(alloc, schema)
	defer b.Release()
	nulls := rapid.IntRange(0, 3).Draw(t, "nulls") // none, few, many, all
	null := func() bool { return rapid.IntRange(0, 2).Draw(t, "null") < nulls }
	for range n {
		for k := range 2 {
			if null() {
				b.Field(k).AppendNull()
			} else {
				b.Field(k).(*array.Int64Builder).Append(rapid.OneOf(rapid.Int64Range(-4, 4), rapid.Int64()).Draw(t, "int"))
			}
		}
		if null() {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.BooleanBuilder).Append(rapid.Bool().Draw(t, "bool"))
		}
		if null() {
			b.Field(3).AppendNull()
		} else {
			b.Field(3).(*array.StringViewBuilder).Append(rapid.StringMatching(`[ab]{0,3}|[a-z]{11,15}`).Draw(t, "text"))
		}
	}
	rec := b.NewRecordBatch()
	if n > 3 && rapid.Bool().Draw(t, "sliced") {
		from := rapid.IntRange(0, n-1).Draw(t, "from")
		defer rec.Release()
		return rec.NewSlice(int64(from), int64(n))
	}
	return rec
}

// cell is the reference's value: nil, int64, bool or string.
func cell(rec arrow.RecordBatch, c, i int) any {
	a := rec.Column(c)
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Int64:
		return a.Value(i)
	case *array.Boolean:
		return a.Value(i)
	case *array.StringView:
		return a.Value(i)
	}
	panic(fmt.Sprintf("column of %s", a.DataType()))
}

// reference computes an expression for one row, slowly.
func reference(rec arrow.RecordBatch, i int, e expr.Expr) any {
	switch e := e.(type) {
	case *expr.Column:
		return cell(rec, e.Index, i)
	case *expr.Literal:
		return e.Value
	}
	c := e.(*expr.Call)
	switch c.Func {
	case "and", "or":
		a, b := reference(rec, i, c.Args[0]), reference(rec, i, c.Args[1])
		decided := c.Func == "or"
		if a == decided || b == decided {
			return decided
		}
		if a == nil || b == nil {
			return nil
		}
		return !decided
	case "case":
		if reference(rec, i, c.Args[0]) == true {
			return reference(rec, i, c.Args[1])
		}
		return reference(rec, i, c.Args[2])
	case "coalesce":
		if v := reference(rec, i, c.Args[0]); v != nil {
			return v
		}
		return reference(rec, i, c.Args[1])
	case "is_null":
		return reference(rec, i, c.Args[0]) == nil
	case "is_not_distinct_from":
		return reference(rec, i, c.Args[0]) == reference(rec, i, c.Args[1])
	}
	args := make([]any, len(c.Args))
	for k, a := range c.Args {
		if args[k] = reference(rec, i, a); args[k] == nil {
			return nil
		}
	}
	if c.Func == "not" {
		return !args[0].(bool)
	}
	if s, ok := args[0].(string); ok {
		return compared(c.Func, strings.Compare(s, args[1].(string)))
	}
	a, b := args[0].(int64), args[1].(int64)
	switch c.Func {
	case "add":
		return a + b
	case "sub":
		return a - b
	case "mul":
		return a * b
	case "mod":
		return a % b
	case "div":
		return a / b
	}
	order := 0
	if a < b {
		order = -1
	} else if a > b {
		order = 1
	}
	return compared(c.Func, order)
}

func compared(f string, order int) bool {
	switch f {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	}
	panic(f)
}

// tree draws an expression of type BIGINT, BOOLEAN or STRING that cannot fail,
// or may fail only for rows that a condition excludes.
func tree(t *rapid.T, of arrow.DataType, depth int) expr.Expr {
	pick := func(names ...string) string { return rapid.SampledFrom(names).Draw(t, "func") }
	if depth == 0 || rapid.IntRange(0, 4).Draw(t, "leaf") == 0 {
		return leaf(t, of)
	}
	sub := func(of arrow.DataType) expr.Expr { return tree(t, of, depth-1) }
	switch f := pick("case", "coalesce", "own", "own", "own"); {
	case f == "case":
		return call(of, f, sub(boolT), sub(of), sub(of))
	case f == "coalesce":
		return call(of, f, sub(of), sub(of))
	case of == int64T:
		f := pick("add", "sub", "mul", "div", "mod", "guarded")
		switch f {
		case "div", "mod":
			return call(of, f, sub(of), lit(of, rapid.SampledFrom([]int64{1, -1, 2, 3, -7, 10, 123, 1 << 40, math.MinInt64, math.MaxInt64}).Draw(t, "divisor")))
		case "guarded": // must not divide by the zeros that the condition excludes
			b := sub(of)
			return call(of, "case", call(boolT, "eq", b, lit(of, 0)), lit(of, 0), call(of, "div", sub(of), b))
		}
		return call(of, f, sub(of), sub(of))
	case of == boolT:
		switch f := pick("and", "or", "not", "is_null", "compare", "compare", "text", "is_not_distinct_from"); f {
		case "and", "or":
			return call(of, f, sub(of), sub(of))
		case "not":
			return call(of, f, sub(of))
		case "is_null":
			return call(of, f, sub(int64T))
		case "text":
			return call(of, pick("eq", "ne", "lt", "le", "gt", "ge"), sub(textT), sub(textT))
		case "is_not_distinct_from":
			return call(of, f, sub(int64T), sub(int64T))
		}
		return call(of, pick("eq", "ne", "lt", "le", "gt", "ge"), sub(int64T), sub(int64T))
	}
	return leaf(t, of)
}

func leaf(t *rapid.T, of arrow.DataType) expr.Expr {
	if rapid.IntRange(0, 9).Draw(t, "null literal") == 0 {
		return lit(of, nil)
	}
	literal := rapid.IntRange(0, 2).Draw(t, "literal") == 0
	switch {
	case of == int64T && literal:
		return lit(of, rapid.Int64Range(-4, 4).Draw(t, "int"))
	case of == int64T:
		return col(rapid.IntRange(0, 1).Draw(t, "column"), of)
	case of == boolT && literal:
		return lit(of, rapid.Bool().Draw(t, "bool"))
	case of == boolT:
		return col(2, of)
	case literal:
		return lit(of, rapid.SampledFrom([]string{"", "a", "ab", "abcdefghijklmno"}).Draw(t, "text"))
	}
	return col(3, of)
}

func TestTreesMatchReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer alloc.AssertSize(t, 0)
		rec := batch(rt, alloc)
		defer rec.Release()
		of := rapid.SampledFrom([]arrow.DataType{int64T, boolT, textT}).Draw(rt, "type")
		e := tree(rt, of, 4)
		var sel vector.Sel
		rows := vector.All(nil, int(rec.NumRows()))
		if rapid.Bool().Draw(rt, "select") {
			sel = vector.Sel{}
			for _, i := range rows {
				if rapid.Bool().Draw(rt, "in") {
					sel = append(sel, i)
				}
			}
			rows = sel
		}
		p, err := expr.Compile([]expr.Expr{e}, rec.Schema(), expr.Env{})
		if err != nil {
			rt.Fatal(err)
		}
		out, err := p.Eval(alloc, rec, sel)
		if err != nil {
			rt.Fatalf("%s: %v", e, err)
		}
		defer out[0].Release()
		if out[0].Len() != len(rows) {
			rt.Fatalf("%s: %d rows, want %d", e, out[0].Len(), len(rows))
		}
		result := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "r", Type: of, Nullable: true}}, nil), out, -1)
		defer result.Release()
		for j, i := range rows {
			if got, want := cell(result, 0, j), reference(rec, int(i), e); got != want {
				rt.Fatalf("%s in row %d: got %v, want %v", e, i, got, want)
			}
		}
	})
}

func TestFiltersMatchReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer alloc.AssertSize(t, 0)
		rec := batch(rt, alloc)
		defer rec.Release()
		e := tree(rt, boolT, 2)
		for range rapid.IntRange(0, 2).Draw(rt, "conjuncts") {
			op := rapid.SampledFrom([]string{"eq", "ne", "lt", "le", "gt", "ge"}).Draw(rt, "op")
			d := rapid.SampledFrom([]int64{1, 2, 3, 6, -4, 123, math.MinInt64}).Draw(rt, "d")
			more := call(boolT, op, col(0, int64T), lit(int64T, rapid.Int64Range(-4, 4).Draw(rt, "bound")))
			if rapid.Bool().Draw(rt, "mod") {
				more = call(boolT, "eq", call(int64T, "mod", col(1, int64T), lit(int64T, d)), lit(int64T, 0))
			}
			e = call(boolT, "and", more, e)
		}
		f, err := expr.CompileFilter(e, rec.Schema(), expr.Env{})
		if err != nil {
			rt.Fatal(err)
		}
		var sel, want vector.Sel
		rows := vector.All(nil, int(rec.NumRows()))
		if rapid.Bool().Draw(rt, "select") {
			sel = vector.Sel{}
			for _, i := range rows {
				if i%3 != 0 {
					sel = append(sel, i)
				}
			}
			rows = sel
		}
		for _, i := range rows {
			if reference(rec, int(i), e) == true {
				want = append(want, i)
			}
		}
		got, err := f.Select(alloc, rec, nil, sel)
		if err != nil {
			rt.Fatalf("%s: %v", e, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("%s: got %v, want %v", e, got, want)
		}
	})
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	zero := call(int32T, "div", lit(int32T, 10), lit(int32T, 0))
	checkAll(t, expr.Env{}, []evalCase{
		{zero, "error: division by zero: 10 / 0 in "},
		{call(boolT, "and", lit(boolT, false), call(boolT, "eq", zero, zero)), "false"},
		{call(boolT, "or", lit(boolT, true), call(boolT, "eq", zero, zero)), "true"},
		{call(int32T, "coalesce", lit(int32T, 1), zero), "1"},
		{call(int32T, "if", lit(boolT, false), zero, lit(int32T, 2)), "2"},
		{call(int32T, "ad", lit(int32T, 1), lit(int32T, 2)), "error: there is no function ad; did you mean add?"},
		{call(int32T, "add", lit(int32T, 1), lit(boolT, true)), "error: no function ADD(INT, BOOLEAN) returns INT"},
		{call(int32T, "cast", str("abc")), "error: cannot cast 'abc' to INT: not a number in "},
		{call(doubleT, "div", lit(doubleT, 1.0), lit(doubleT, 0.0)), "+Inf"},
	})
}

func TestCasts(t *testing.T) {
	cast := func(of arrow.DataType, v expr.Expr, names ...string) expr.Expr {
		args := []expr.Expr{v}
		for _, n := range names {
			args = append(args, str(n))
		}
		return call(of, "cast", args...)
	}
	try := func(of arrow.DataType, v expr.Expr) expr.Expr { return call(of, "try_cast", v) }
	checkAll(t, expr.Env{}, []evalCase{
		{cast(int8T, lit(int64T, 12345)), "57"},
		{cast(int8T, lit(doubleT, -123.456)), "-123"},
		{cast(int32T, lit(floatT, 9234567891.12)), "2147483647"},
		{cast(int32T, str("1.234")), "1"},
		{cast(int8T, str("-130")), "error: cannot cast '-130' to TINYINT: out of range"},
		{try(int8T, str("-130")), "(null)"},
		{cast(boolT, str("FalsE")), "false"},
		{cast(boolT, str("Apache")), "error: cannot cast 'Apache' to BOOLEAN"},
		{cast(dec(5, 3), lit(doubleT, -12.345)), "-12.345"},
		{cast(dec(5, 3), lit(int64T, 123)), "(null)"},
		{cast(dec(8, 4), str("12345.6789")), "error: out of range"},
		{cast(textT, lit(doubleT, 123.456789)), `"123.456789"`},
		{cast(textT, lit(doubleT, 1e10)), `"1.0E10"`},
		{cast(textT, lit(boolT, true)), `"TRUE"`},
		{cast(textT, lit(monthT, 84)), `"+7-00"`},
		{cast(textT, lit(spanT, 123456789)), `"+1 10:17:36.789"`},
		{cast(textT, lit(timeT, 45296123), "STRING", "TIME(0)"), `"12:34:56"`},
		{cast(textT, str("foobar"), "CHAR(3)"), `"foo"`},
		{cast(textT, str("foo"), "CHAR(5)"), `"foo  "`},
		{cast(bytesT, lit(bytesT, []byte("a")), "BINARY(2)"), "YQA="},
		{cast(textT, cast(ts9T, str("2021-09-27 12:34:56.123456789"))), `"2021-09-27 12:34:56.123456789"`},
		{cast(textT, cast(ts3T, str("1999-9-10"))), `"1999-09-10 00:00:00.000"`},
		{cast(textT, cast(dateT, str("123"))), `"0123-01-01"`},
		{cast(dateT, str("2021/09/27")), "error: cannot cast '2021/09/27' to DATE"},
		{cast(textT, cast(timeT, str("23:45"))), `"23:45:00"`},
		{cast(textT, cast(dateT, cast(ts3T, str("1500-04-30 12:00:00")))), `"1500-04-30"`},
	})
}
