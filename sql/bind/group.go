package bind

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// groups binds what stands above a GROUP BY. The aggregation reads a
// projection of keys and arguments, and gives keys and aggregates:
//
//	SELECT a + 1, SUM(b * 2) FROM t GROUP BY a
//
//	Project($0 + 1, $1)                    bound through groups
//	  Aggregate(keys=[$0], SUM($1))
//	    Project(a, b * 2)                  pre
type groups struct {
	input *scope
	// auxiliary are the functions TUMBLE_START and so on of the legacy group
	// windows in GROUP BY: the text of the window to the names of its columns.
	auxiliary map[string]*scope

	pre   []Value // the keys, then the arguments
	preAt map[string]int
	keys  int            // how many of pre are keys
	sets  [][]int        // of keys, when there are several
	args  map[string]int // of pre, by expression
	// nested are the types of the keys that are arrays or rows: pre has bytes.
	nested map[int]datatype.Type
	aggs   []logical.AggCall
	aggAt  map[string]int
	types  []Value // of the aggregates

	has map[ast.Expr]bool // memo of hasAggregate
}

func newGroups(input *scope) *groups {
	return &groups{input: input, preAt: map[string]int{}, args: map[string]int{}, nested: map[int]datatype.Type{}, aggAt: map[string]int{}, has: map[ast.Expr]bool{}}
}

// addKey adds a key once.
func (g *groups) addKey(v Value) int {
	k := logical.Key(v.Expr)
	at, ok := g.preAt[k]
	if !ok {
		at = len(g.pre)
		g.preAt[k] = at
		if isNestedKey(v.Type) {
			g.nested[at] = v.Type
			v = keyBytes(v)
		}
		g.pre = append(g.pre, v)
		g.keys++
	}
	return at
}

// argument gives the column of pre that computes v. It is no key of several
// grouping sets, which are NULL in some of them.
func (g *groups) argument(v Value) int {
	k := logical.Key(v.Expr)
	if at, ok := g.args[k]; ok {
		return at
	}
	if at, ok := g.preAt[k]; ok && g.sets == nil && !isNestedKey(v.Type) {
		return at
	}
	g.args[k] = len(g.pre)
	g.pre = append(g.pre, v)
	return len(g.pre) - 1
}

// behind is how many columns of the aggregation's result stand before the
// aggregates.
func (g *groups) behind() int {
	if g.sets != nil {
		return g.keys + 1
	}
	return g.keys
}

// take binds e when it is an aggregate, or an expression over keys alone. ok
// is false when its parts have to be bound one by one.
func (g *groups) take(x *exprs, e ast.Expr) (Value, bool, error) {
	if c, ok := e.(*ast.Call); ok && c.Over == nil {
		name := strings.ToUpper(c.Name.Last())
		if x.b.Functions.IsAggregate(name) {
			v, err := g.aggregate(x, c, name)
			return v, true, err
		}
		if slices.Contains(groupingFunctions, name) {
			v, err := g.grouping(x, c, name)
			return v, true, err
		}
		if v, ok := g.windowProperty(x, c, name); ok {
			return v, true, nil
		}
	}
	if v, ok, err := g.json(x, e); ok || err != nil {
		return v, true, err
	}
	if hasAggregate(x.b, e, g.has) || hasQuery(e) || x.windows != nil && hasOver(e, x.windows.has) {
		return Value{}, false, nil
	}
	plain := &exprs{b: x.b, ctx: x.ctx, scope: g.input}
	v, err := plain.bind(e)
	if err != nil {
		if g.auxiliary != nil {
			return Value{}, false, nil
		}
		return v, true, err
	}
	over, grouped := g.overKeys(v.Expr)
	if grouped {
		v.Expr = over
		if g.sets != nil && !logical.Constant(over) {
			v.Type = v.Type.WithNull(true)
		}
		return v, true, nil
	}
	if col, ok := e.(*ast.Column); ok {
		return v, true, diag.At(col.Pos, "column %q is neither in GROUP BY nor in an aggregate function", strings.Join(col.Parts, "."))
	}
	return Value{}, false, nil
}

// overKeys rewrites an expression over the input into one over the keys.
// grouped is false when a column is left that is no key.
func (g *groups) overKeys(e expr.Expr) (out expr.Expr, grouped bool) {
	if i, ok := g.preAt[logical.Key(e)]; ok && i < g.keys {
		key := &expr.Column{Index: i, Name: g.keyName(i), Of: g.pre[i].Type.Arrow()}
		if t, nested := g.nested[i]; nested {
			return ofKeyBytes(key, t), true
		}
		return key, true
	}
	switch x := e.(type) {
	case *expr.Column:
		return e, x.Index >= outerBase
	case *expr.Call:
		args := make([]expr.Expr, len(x.Args))
		for i, a := range x.Args {
			if args[i], grouped = g.overKeys(a); !grouped {
				return e, false
			}
		}
		return x.With(args), true
	}
	return e, true
}

func (g *groups) keyName(i int) string { return g.preName(g.pre[i]) }

// maxName bounds the names that are the text of an expression.
const maxName = 80

// preName is the name of a key or argument: its column's, or its text. State
// is called by it, so it must not depend on what else the query computes.
func (g *groups) preName(v Value) string {
	if v.Name != "" {
		return v.Name
	}
	names := make([]string, len(g.input.columns))
	for i, c := range g.input.columns {
		names[i] = c.Name
	}
	text := logical.Text(v.Expr, names)
	if len(text) > maxName {
		return fmt.Sprintf("$f%016x", xxh3.HashString(text))
	}
	return text
}

// aggregate binds one aggregate call; equal calls are one.
func (g *groups) aggregate(x *exprs, c *ast.Call, name string) (Value, error) {
	plain := &exprs{b: x.b, ctx: x.ctx, scope: g.input}
	call, arg, err := plain.aggregate(c, name, g.argument)
	if err != nil {
		return Value{}, err
	}
	return asAverage(g.add(call), call.Func, arg), nil
}

// asAverage gives the variance family the type of AVG, as Flink does; arg is
// the type of the argument.
func asAverage(v Value, fn string, arg datatype.Type) Value {
	if strings.HasPrefix(fn, "var_") || strings.HasPrefix(fn, "stddev_") {
		return explicit(v, datatype.Avg(arg), false)
	}
	return v
}

// simplify drops what does not change the result, so that more calls are
// equal: COUNT of what is never NULL is COUNT(*), MIN and MAX need no DISTINCT.
func simplify(call *logical.AggCall, vs []Value) {
	switch call.Func {
	case "count":
		if !call.Distinct && len(vs) == 1 && !vs[0].Type.Nullable() {
			call.Args = nil
		}
	case "min", "max":
		call.Distinct = false
	}
}

func isStar(e ast.Expr) bool {
	s, ok := e.(*ast.Star)
	return ok && s.Qualifier == nil
}

func (g *groups) add(call logical.AggCall) Value {
	key := call.Func + itoa(call.Filter) + call.Separator
	if call.KeepNulls {
		key += "?"
	}
	if call.Distinct {
		key += "!"
	}
	for _, k := range call.Order {
		key += fmt.Sprint(k)
	}
	for _, a := range call.Args {
		key += "," + itoa(a)
	}
	at, ok := g.aggAt[key]
	if !ok {
		at = len(g.aggs)
		g.aggAt[key] = at
		g.aggs = append(g.aggs, call)
		g.types = append(g.types, Value{Type: call.Type})
	}
	// The index of an aggregate's column is known once all keys are: they are
	// added before anything is bound through groups.
	return Value{Expr: &expr.Column{Index: g.behind() + at, Name: g.aggName(call), Of: call.Type.Arrow()}, Type: call.Type}
}

// aggName is the text of the aggregate, by which an aggregation above it calls
// its state in turn.
func (g *groups) aggName(call logical.AggCall) string {
	names := make([]string, len(g.pre))
	for i, v := range g.pre {
		names[i] = g.preName(v)
	}
	return logical.AggText(call, names)
}

// windowProperty resolves TUMBLE_START(ts, INTERVAL …) above GROUP BY TUMBLE(ts, INTERVAL …).
func (g *groups) windowProperty(x *exprs, c *ast.Call, name string) (Value, bool) {
	kind, property, ok := strings.Cut(name, "_")
	if !ok || g.auxiliary == nil {
		return Value{}, false
	}
	sc, ok := g.auxiliary[kind+windowText(c)]
	if ok && property == "PROCTIME" {
		v, _, err := x.proctime(property, c)
		return v, err == nil
	}
	column := map[string]string{"START": "window_start", "END": "window_end", "ROWTIME": "window_time"}[property]
	if !ok || column == "" {
		return Value{}, false
	}
	v, err := sc.find(ast.Col(column))
	if err != nil {
		return Value{}, false
	}
	v.Name = ""
	v.Expr, ok = g.overKeys(v.Expr)
	return v, ok
}

// windowText identifies a group window by its arguments.
func windowText(c *ast.Call) string {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = ast.SQL(a)
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// plan builds the projection and the aggregation over input.
func (g *groups) plan(input logical.Node) *logical.Aggregate {
	vs := slices.Clone(g.pre)
	for i := range vs {
		vs[i].Name = g.preName(vs[i])
	}
	pre := project(input, vs)
	unique(pre.Output)
	agg := &logical.Aggregate{Input: pre, Aggs: g.aggs}
	for i := range g.keys {
		agg.Keys = append(agg.Keys, i)
		agg.Output = append(agg.Output, pre.Output[i])
	}
	if g.sets != nil {
		e := g.expand(pre)
		agg.Input, agg.Keys = e, append(agg.Keys, len(e.Output)-1)
		agg.Output = append(agg.Output, e.Output[len(e.Output)-1])
	}
	for _, a := range g.aggs {
		agg.Output = append(agg.Output, logical.Column{Name: g.aggName(a), Type: a.Type})
	}
	return agg
}

// unique gives names that occur twice a number, since state is found by them.
func unique(s logical.Schema) {
	taken := map[string]bool{}
	for i, c := range s {
		for n := 0; taken[s[i].Name]; n++ {
			s[i].Name = c.Name + itoa(n)
		}
		taken[s[i].Name] = true
	}
}

// project computes values over a node.
func project(input logical.Node, vs []Value) *logical.Project {
	p := &logical.Project{Input: input}
	for i, v := range vs {
		name := v.Name
		if name == "" {
			name = "$f" + itoa(i)
		}
		p.Exprs = append(p.Exprs, v.Expr)
		p.Output = append(p.Output, logical.Column{Name: name, Type: v.Type, Time: timeOf(v)})
	}
	return p
}

// timeOf keeps a time attribute only where the column itself is passed on.
func timeOf(v Value) logical.TimeKind {
	if _, ok := v.Expr.(*expr.Column); ok || v.Time == logical.Proctime {
		return v.Time
	}
	return logical.NoTime
}

// hasAggregate reports whether an aggregate function stands in e.
func hasAggregate(b *Binder, e ast.Expr, memo map[ast.Expr]bool) bool {
	if e == nil {
		return false
	}
	if has, ok := memo[e]; ok {
		return has
	}
	has := false
	if c, ok := e.(*ast.Call); ok {
		name := strings.ToUpper(c.Name.Last())
		has = c.Over == nil && (b.Functions.IsAggregate(name) || slices.Contains(groupingFunctions, name))
	}
	has = has || isJSONAggregate(e)
	for _, child := range children(e) {
		if has {
			break
		}
		has = hasAggregate(b, child, memo)
	}
	memo[e] = has
	return has
}

// children are the expressions directly in e, without those of queries in it.
func children(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.Unary:
		return []ast.Expr{e.X}
	case *ast.Binary:
		return []ast.Expr{e.Left, e.Right}
	case *ast.Is:
		if e.Other != nil {
			return []ast.Expr{e.X, e.Other}
		}
		return []ast.Expr{e.X}
	case *ast.Between:
		return []ast.Expr{e.X, e.Low, e.High}
	case *ast.In:
		return append([]ast.Expr{e.X}, e.List...)
	case *ast.Like:
		return []ast.Expr{e.X, e.Pattern}
	case *ast.Case:
		return caseChildren(e)
	case *ast.Cast:
		return []ast.Expr{e.X}
	case *ast.Call:
		return callChildren(e)
	case *ast.Row:
		return e.Elems
	case *ast.Array:
		return e.Elems
	case *ast.Map:
		return e.Entries
	case *ast.Item:
		return []ast.Expr{e.X, e.Index}
	case *ast.Field:
		return []ast.Expr{e.X}
	case *ast.Interval:
		return []ast.Expr{e.Value}
	case *ast.JSONValue:
		return []ast.Expr{e.Input, e.Path}
	case *ast.JSONQuery:
		return []ast.Expr{e.Input, e.Path}
	case *ast.JSONExists:
		return []ast.Expr{e.Input, e.Path}
	case *ast.JSONObject:
		var out []ast.Expr
		for _, entry := range e.Entries {
			out = append(out, entry.Key, entry.Value)
		}
		return out
	case *ast.JSONArray:
		return e.Elems
	}
	return nil
}

func caseChildren(e *ast.Case) []ast.Expr {
	var out []ast.Expr
	if e.Operand != nil {
		out = append(out, e.Operand)
	}
	for _, w := range e.Whens {
		out = append(append(out, w.Conds...), w.Then)
	}
	if e.Else != nil {
		out = append(out, e.Else)
	}
	return out
}
