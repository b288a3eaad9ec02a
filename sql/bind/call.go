package bind

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// call binds a function. Aggregates are taken by groups before it comes here.
func (x *exprs) call(e *ast.Call) (Value, error) {
	name := strings.ToUpper(e.Name.Last())
	switch {
	case e.Over != nil:
		return Value{}, diag.At(e.Pos, "%s OVER (…) can stand in the select list, in ORDER BY and in QUALIFY; filter its result around the query, or with QUALIFY", name)
	case x.b.Functions.IsAggregate(name):
		return Value{}, diag.At(e.Pos, "aggregate function %s is not allowed here", name)
	case e.Filter != nil || e.Distinct || len(e.Within) > 0 || len(e.OrderBy) > 0:
		return Value{}, diag.At(e.Pos, "DISTINCT, FILTER, ORDER BY and WITHIN GROUP belong to aggregate functions; %s is none", name)
	}
	if bind, ok := specialCalls[name]; ok {
		if v, done, err := bind(x, name, e); done || err != nil {
			return v, err
		}
	}
	if x.b.Functions.IsTable(name) {
		return Value{}, diag.At(e.Pos, "%s gives rows: it stands in FROM, as LATERAL TABLE(%s(…))", name, name)
	}
	if !x.b.Functions.IsScalar(name) {
		if e.Bare { // a column with the name of a function that there is not: USER
			if v, err := x.scope.find(&ast.Column{Pos: e.Pos, Parts: e.Name.Parts}); err == nil {
				return v, nil
			}
		}
		return Value{}, x.unknownFunction(e, name)
	}
	vs, err := x.all(e.Args)
	if err != nil {
		return Value{}, err
	}
	return x.resolve(e.Pos, name, vs)
}

func (x *exprs) unknownFunction(e *ast.Call, name string) error {
	if slices.Contains(overNames, name) {
		return diag.At(e.Pos, "%s needs OVER (…)", name)
	}
	if slices.Contains(windowFunctions, name) {
		return unsupported(e.Pos, "function "+name)
	}
	return diag.At(e.Pos, "no function %s%s", name, nearest.Hint(name, x.b.Functions.Names(), ""))
}

// overNames are the functions that need OVER.
var overNames = []string{"ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD"}

// windowFunctions are known but belong to grouping or pattern matching.
var windowFunctions = []string{
	"MATCH_ROWTIME", "MATCH_PROCTIME",
}

// resolve looks a scalar function up and casts its arguments.
func (x *exprs) resolve(pos ast.Pos, name string, vs []Value) (Value, error) {
	r, err := x.b.Functions.Scalar(name, args(vs))
	if err != nil {
		return Value{}, diag.At(pos, "%s", err)
	}
	for i := range vs {
		vs[i] = convert(vs[i], r.Casts[i])
	}
	out := apply(r.Func, r.Result, vs...)
	out.Type = r.Result
	if call, ok := out.Expr.(*expr.Call); ok && r.User != nil {
		call.At = place(pos)
	}
	return out, nil
}

// place is where something stands in the query.
func place(pos ast.Pos) string {
	if pos.Line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d, column %d", pos.Line, pos.Col)
}

// specialCalls bind functions whose arguments are not plain values. done is
// false when the call is an ordinary one after all.
var specialCalls map[string]func(x *exprs, name string, e *ast.Call) (v Value, done bool, err error)

func init() {
	specialCalls = map[string]func(x *exprs, name string, e *ast.Call) (Value, bool, error){
		"EXTRACT": (*exprs).extract, "YEAR": (*exprs).part, "QUARTER": (*exprs).part, "MONTH": (*exprs).part,
		"WEEK": (*exprs).part, "DAYOFYEAR": (*exprs).part, "DAYOFMONTH": (*exprs).part, "DAYOFWEEK": (*exprs).part,
		"HOUR": (*exprs).part, "MINUTE": (*exprs).part, "SECOND": (*exprs).part,
		"FLOOR": (*exprs).toUnit, "CEIL": (*exprs).toUnit, "CEILING": (*exprs).toUnit,
		"TIMESTAMPADD": (*exprs).timestampAdd, "TIMESTAMPDIFF": (*exprs).timestampDiff,
		"TRIM": (*exprs).trim, "PROCTIME": (*exprs).proctime, "ROW": (*exprs).rowCall,
		"NULLIF": (*exprs).nullIf, "JSON": (*exprs).jsonCall, "TYPEOF": (*exprs).typeOf,
		"MOD": (*exprs).mod, "CURRENT_WATERMARK": (*exprs).currentWatermark,
		"CURRENT_DATABASE": (*exprs).currentDatabase, "OBJECT_OF": (*exprs).structured, "OBJECT_UPDATE": (*exprs).structured,
	}
}

// partOf maps the functions that take one part of a date to the unit.
var partOf = map[string]string{
	"YEAR": "YEAR", "QUARTER": "QUARTER", "MONTH": "MONTH", "WEEK": "WEEK", "DAYOFYEAR": "DOY", "DAYOFMONTH": "DAY",
	"DAYOFWEEK": "DOW", "HOUR": "HOUR", "MINUTE": "MINUTE", "SECOND": "SECOND",
}

func (x *exprs) part(name string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) != 1 {
		return Value{}, true, diag.At(e.Pos, "%s takes one date or timestamp", name)
	}
	return x.extractUnit(e, partOf[name], e.Args[0])
}

func (x *exprs) extract(_ string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) != 2 {
		return Value{}, true, diag.At(e.Pos, "EXTRACT is written EXTRACT(YEAR FROM x)")
	}
	s, ok := e.Args[0].(*ast.Symbol)
	if !ok {
		return Value{}, true, diag.At(e.Args[0].Position(), "EXTRACT needs a unit such as YEAR or HOUR")
	}
	return x.extractUnit(e, s.Keyword, e.Args[1])
}

func (x *exprs) extractUnit(e *ast.Call, unit string, from ast.Expr) (Value, bool, error) {
	v, err := x.bind(from)
	if err != nil {
		return v, true, err
	}
	if v.Type.Kind == datatype.Null {
		return null(datatype.Of(datatype.BigInt)), true, nil
	}
	if !v.Type.IsTemporal() && !v.Type.IsInterval() {
		return v, true, diag.At(e.Pos, "%s cannot be taken from a value of type %s", unit, v.Type.Text())
	}
	return apply("extract", datatype.Of(datatype.BigInt), text(unit), v), true, nil
}

// toUnit is FLOOR(t TO DAY); with one argument it is the function of numbers.
func (x *exprs) toUnit(name string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) != 2 {
		return Value{}, false, nil
	}
	s, ok := e.Args[1].(*ast.Symbol)
	if !ok {
		return Value{}, true, diag.At(e.Pos, "%s of a time is written %s(x TO HOUR)", name, name)
	}
	v, err := x.bind(e.Args[0])
	if err != nil {
		return v, true, err
	}
	if !v.Type.IsTemporal() {
		return v, true, diag.At(e.Pos, "%s TO %s cannot be applied to %s", name, s.Keyword, v.Type.Text())
	}
	return apply(strings.ToLower(strings.TrimSuffix(name, "ING")), v.Type, v, text(s.Keyword)), true, nil
}

func (x *exprs) timestampAdd(name string, e *ast.Call) (Value, bool, error) {
	unit, vs, err := x.unitCall(name, e)
	if err != nil {
		return Value{}, true, err
	}
	if !vs[0].Type.IsInteger() && vs[0].Type.Kind != datatype.Null || !vs[1].Type.IsTemporal() {
		return Value{}, true, diag.At(e.Pos, "TIMESTAMPADD(%s, …) takes an integer and a point in time, here are %s and %s", unit, vs[0].Type.Text(), vs[1].Type.Text())
	}
	t := vs[1].Type
	u := ast.Unit(unit)
	if t.Kind == datatype.Date && millisOf[u] > 0 && millisOf[u] < millisOf[ast.Day] {
		t = datatype.TimestampOf(6)
		vs[1] = convert(vs[1], t)
	}
	return apply("timestampadd", t, text(unit), convert(vs[0], datatype.Of(datatype.BigInt)), vs[1]), true, nil
}

func (x *exprs) timestampDiff(name string, e *ast.Call) (Value, bool, error) {
	unit, vs, err := x.unitCall(name, e)
	if err != nil {
		return Value{}, true, err
	}
	if vs[0].Type.Kind != vs[1].Type.Kind {
		vs[0], vs[1] = onFirstDay(vs[0]), onFirstDay(vs[1])
	}
	t, ok := datatype.Common(vs[0].Type, vs[1].Type)
	if !ok || !t.IsTemporal() {
		return Value{}, true, diag.At(e.Pos, "TIMESTAMPDIFF(%s, …) takes two points in time, here are %s and %s", unit, vs[0].Type.Text(), vs[1].Type.Text())
	}
	return apply("timestampdiff", datatype.Of(datatype.Int), text(unit), convert(vs[0], t), convert(vs[1], t)), true, nil
}

// onFirstDay is a time of day as one of 1970-01-01, which is what Flink takes it
// for beside a point in time.
func onFirstDay(v Value) Value {
	if v.Type.Kind != datatype.Time {
		return v
	}
	t := datatype.TimestampOf(3)
	midnight, day := literal(int64(0), v.Type.WithNull(false)), literal(int64(0), t.WithNull(false))
	millis := apply("timestampdiff", datatype.Of(datatype.Int), text("SECOND"), midnight, v)
	return apply("timestampadd", t, text("SECOND"), convert(millis, datatype.Of(datatype.BigInt)), day)
}

func (x *exprs) unitCall(name string, e *ast.Call) (string, []Value, error) {
	if len(e.Args) != 3 {
		return "", nil, diag.At(e.Pos, "%s takes a unit and two values", name)
	}
	s, ok := e.Args[0].(*ast.Symbol)
	if !ok {
		return "", nil, diag.At(e.Args[0].Position(), "%s needs a unit such as DAY or HOUR", name)
	}
	vs, err := x.all(e.Args[1:])
	return strings.TrimPrefix(s.Keyword, "SQL_TSI_"), vs, err
}

// trims are the kernels of TRIM(BOTH | LEADING | TRAILING chars FROM x).
var trims = map[string]string{"BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}

func (x *exprs) trim(_ string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) < 2 {
		return Value{}, false, nil
	}
	s, ok := e.Args[0].(*ast.Symbol)
	if !ok || len(e.Args) != 3 {
		return Value{}, true, diag.At(e.Pos, "TRIM is written TRIM(BOTH 'x' FROM s)")
	}
	vs, err := x.all([]ast.Expr{e.Args[2], e.Args[1]})
	if err != nil {
		return Value{}, true, err
	}
	v, err := x.resolve(e.Pos, strings.ToUpper(trims[s.Keyword]), vs)
	return v, true, err
}

// proctime is the time at which a row is processed; where it is read as a
// value it is the clock.
func (x *exprs) proctime(string, *ast.Call) (Value, bool, error) {
	t := datatype.TimestampLTZOf(3).WithNull(false)
	return Value{Expr: &expr.Call{Func: "current_timestamp", Of: t.Arrow()}, Type: t, Time: logical.Proctime}, true, nil
}

func (x *exprs) rowCall(_ string, e *ast.Call) (Value, bool, error) {
	v, err := x.row(e.Args)
	return v, true, err
}

// nullIf compares in the common type and gives the first argument.
func (x *exprs) nullIf(_ string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) != 2 {
		return Value{}, true, diag.At(e.Pos, "NULLIF takes two values")
	}
	vs, err := x.all(e.Args)
	if err != nil {
		return Value{}, true, err
	}
	eq, err := compare(e.Pos, ast.Eq, vs[0], vs[1])
	if err != nil {
		return eq, true, err
	}
	t := vs[0].Type.WithNull(true)
	return Value{
		Expr: &expr.Call{Func: "case", Args: []expr.Expr{eq.Expr, null(t).Expr, vs[0].Expr}, Of: t.Arrow()},
		Type: t,
	}, true, nil
}

// typeOf is TYPEOF(x [, force serializable]): the name of the type, which is
// known here.
func (x *exprs) typeOf(_ string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) < 1 || len(e.Args) > 2 {
		return Value{}, true, diag.At(e.Pos, "TYPEOF takes a value, and whether its type is to be one that can be written")
	}
	vs, err := x.all(e.Args)
	if err != nil {
		return Value{}, true, err
	}
	if len(vs) == 2 {
		if l, ok := vs[1].Expr.(*expr.Literal); !ok || vs[1].Type.Kind != datatype.Boolean || l.Value == nil {
			return Value{}, true, diag.At(e.Args[1].Position(), "the second argument of TYPEOF is the constant TRUE or FALSE")
		}
	}
	return text(vs[0].Type.String()), true, nil
}

// mod gives whole DECIMALs the type of the divisor, as SQL does.
func (x *exprs) mod(name string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) != 2 {
		return Value{}, false, nil
	}
	vs, err := x.all(e.Args)
	if err != nil {
		return Value{}, true, err
	}
	a, b := vs[0].Type, vs[1].Type
	v, err := x.resolve(e.Pos, name, vs)
	whole := func(t datatype.Type) bool { return t.IsInteger() || t.Kind == datatype.Decimal && t.Scale == 0 }
	if err == nil && whole(a) && whole(b) && (a.Kind == datatype.Decimal || b.Kind == datatype.Decimal) {
		v = explicit(v, b, false)
	}
	return v, true, err
}
