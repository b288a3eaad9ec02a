package bind

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// match binds MATCH_RECOGNIZE. Conditions and measures refer to rows of the
// match through references, which become columns behind those of the row:
//
//	DEFINE B AS B.price < LAST(A.price * 2, 1)        $1 < $5
//	                                                  $5 = LAST(A.$4, 1),  $4 = price * 2
func (b *Binder) match(ctx context.Context, r *ast.MatchRecognize, env *ctes) (logical.Node, *scope, error) {
	if r.AllRows {
		return nil, nil, unsupported(r.Pos, "ALL ROWS PER MATCH")
	}
	if r.AnchorStart || r.AnchorEnd {
		return nil, nil, unsupported(r.Pattern.Position(), "^ and $ in PATTERN")
	}
	node, sc, err := b.tableRef(ctx, r.Input, env)
	if err != nil {
		return nil, nil, err
	}
	m := &matching{
		scope: sc, vars: map[string]uint64{}, preAt: map[string]int{}, refAt: map[string]int{}, defining: -1, out: &logical.Match{},
	}
	if err := m.pattern(r); err != nil {
		return nil, nil, err
	}
	x := &exprs{b: b, ctx: ctx, scope: sc}
	if err := m.keys(x, r); err != nil {
		return nil, nil, err
	}
	if r.Within != nil {
		if m.out.Within, err = b.millis(ctx, r.Within, "WITHIN"); err != nil {
			return nil, nil, err
		}
	}
	x.match = m
	if err := m.define(x, r); err != nil {
		return nil, nil, err
	}
	if err := m.measures(x, r); err != nil {
		return nil, nil, err
	}
	m.plan(node)
	return aliased(m.out, scopeOf("", m.out.Output), r.Alias)
}

// matching binds one MATCH_RECOGNIZE.
type matching struct {
	scope *scope
	vars  map[string]uint64 // the bits of variables and of subsets
	out   *logical.Match

	pre   []Value // what references take of rows, where it is no column
	preAt map[string]int
	refAt map[string]int

	beside []besideColumn // columns of rows before and behind a row
	shift  int64          // how many rows behind a row PREV and NEXT are that are being bound

	defining int // the variable whose condition is bound, or -1
	arg      *matchArg
}

// matchArg is the argument of FIRST, LAST or an aggregate that is being bound.
type matchArg struct {
	vars uint64 // of the rows that it is about; 0 before the first column
}

// The numbers of columns begin here until all columns of rows are known: of those
// that stand for references, of those of other rows, and of what references take.
const (
	refBase    = 1 << 24
	besideBase = 1 << 23
	preBase    = 1 << 22
)

// pattern binds PATTERN, SUBSET and AFTER MATCH.
func (m *matching) pattern(r *ast.MatchRecognize) error {
	parts := []ast.Pattern{r.Pattern}
	if c, ok := r.Pattern.(*ast.PatternConcat); ok {
		parts = c.Parts
	}
	for _, p := range parts {
		if err := m.part(p); err != nil {
			return err
		}
	}
	last := m.out.Pattern[len(m.out.Pattern)-1]
	if last.Greedy && last.Min != last.Max && (last.Min != 0 || last.Max != 1) {
		return diag.At(parts[len(parts)-1].Position(), "a greedy quantifier cannot end a pattern: the match would never be known to be complete; end it with a plain variable or a reluctant quantifier (+?)")
	}
	if !slices.ContainsFunc(m.out.Pattern, func(p logical.PatternPart) bool { return p.Min > 0 }) {
		return diag.At(r.Pattern.Position(), "the pattern matches no rows at all; one of its variables has to be there")
	}
	for _, s := range r.Subsets {
		for _, v := range s.Variables {
			bits, ok := m.vars[v.Name]
			if !ok {
				return m.noVariable(v)
			}
			m.vars[s.Name] |= bits
		}
	}
	return m.after(r)
}

func (m *matching) after(r *ast.MatchRecognize) error {
	kinds := map[ast.AfterMatchKind]logical.SkipKind{
		ast.AfterMatchUnset: logical.SkipPastLast, ast.SkipPastLastRow: logical.SkipPastLast, ast.SkipToNextRow: logical.SkipToNext,
		ast.SkipToFirst: logical.SkipToFirst, ast.SkipToLast: logical.SkipToLast,
	}
	m.out.Skip = kinds[r.After.Kind]
	if r.After.Variable == "" {
		return nil
	}
	at := slices.Index(m.out.Vars, r.After.Variable)
	if at < 0 {
		return m.noVariable(ast.Ident{Pos: r.Pos, Name: r.After.Variable})
	}
	m.out.SkipVar = at
	if at == m.out.Pattern[0].Var && (m.out.Skip == logical.SkipToFirst || m.out.Pattern[0].Max == 1) {
		return diag.At(r.Pos, "AFTER MATCH SKIP %s %s goes back to the first row of the match, and would find it for ever", m.out.Skip, r.After.Variable)
	}
	return nil
}

func (m *matching) noVariable(v ast.Ident) error {
	return diag.At(v.Pos, "no variable %q in the pattern%s", v.Name, meant(v.Name, m.out.Vars))
}

// part binds one variable of the pattern with its quantifier.
func (m *matching) part(p ast.Pattern) error {
	out := logical.PatternPart{Min: 1, Max: 1}
	inner := p
	if r, ok := p.(*ast.PatternRepeat); ok {
		inner = r.X
		out.Min, out.Max, out.Greedy = r.Min, r.Max, !r.Reluctant
		switch {
		case r.Max == 0 || r.Max > 0 && r.Min > r.Max:
			return diag.At(r.Pos, "the quantifier {%d,%d} has no rows", r.Min, r.Max)
		case r.Min == 0 && r.Max == 1 && r.Reluctant:
			return unsupported(r.Pos, "the quantifier ??")
		}
	}
	switch inner := inner.(type) {
	case *ast.PatternVar:
		at := slices.Index(m.out.Vars, inner.Name)
		if at < 0 {
			at = len(m.out.Vars)
			m.out.Vars = append(m.out.Vars, inner.Name)
			m.vars[inner.Name] = 1 << at
		}
		if at == 64 {
			return diag.At(inner.Pos, "a pattern has at most 64 variables")
		}
		out.Var = at
		m.out.Pattern = append(m.out.Pattern, out)
		return nil
	case *ast.PatternAlt:
		return unsupported(inner.Pos, "| in PATTERN")
	case *ast.PatternPermute:
		return unsupported(inner.Pos, "PERMUTE in PATTERN")
	case *ast.PatternExclude:
		return unsupported(inner.Pos, "{- … -} in PATTERN")
	case *ast.PatternConcat, *ast.PatternRepeat:
	}
	return unsupported(inner.Position(), "groups in PATTERN")
}

// keys binds PARTITION BY and ORDER BY.
func (m *matching) keys(x *exprs, r *ast.MatchRecognize) error {
	for _, p := range r.PartitionBy {
		v, err := x.bind(p)
		if err != nil {
			return err
		}
		c, ok := v.Expr.(*expr.Column)
		if !ok {
			return diag.At(p.Position(), "PARTITION BY of MATCH_RECOGNIZE takes columns")
		}
		m.out.Partition = append(m.out.Partition, c.Index)
	}
	if len(r.OrderBy) == 0 {
		return diag.At(r.Pos, "MATCH_RECOGNIZE needs ORDER BY a time attribute")
	}
	for i, o := range r.OrderBy {
		v, err := x.bind(o.Expr)
		if err != nil {
			return err
		}
		if i == 0 && (o.Desc || v.Time == logical.NoTime && (!x.b.Batch || !v.Type.IsTimestamp())) {
			return diag.At(o.Expr.Position(), "MATCH_RECOGNIZE needs ORDER BY a time attribute first, ascending")
		}
		c, ok := v.Expr.(*expr.Column)
		if !ok {
			return diag.At(o.Expr.Position(), "ORDER BY of MATCH_RECOGNIZE takes columns")
		}
		m.out.Order = append(m.out.Order, sortKey(o, c.Index))
	}
	return nil
}

func (m *matching) define(x *exprs, r *ast.MatchRecognize) error {
	m.out.Define = make([]expr.Expr, len(m.out.Vars))
	for _, d := range r.Define {
		at := slices.Index(m.out.Vars, d.Name)
		if at < 0 {
			return m.noVariable(d.Ident)
		}
		if m.out.Define[at] != nil {
			return diag.At(d.Pos, "variable %q is defined twice", d.Name)
		}
		m.defining = at
		v, err := x.condition(d.Cond, "DEFINE")
		if err != nil {
			return err
		}
		m.out.Define[at] = v.Expr
	}
	m.defining = -1
	return nil
}

func (m *matching) measures(x *exprs, r *ast.MatchRecognize) error {
	for _, p := range m.out.Partition {
		c := m.scope.columns[p].Column
		c.Time = logical.NoTime
		m.out.Output = append(m.out.Output, c)
	}
	for _, item := range r.Measures {
		v, err := x.bind(item.Expr)
		if err != nil {
			return err
		}
		m.out.Measures = append(m.out.Measures, v.Expr)
		m.out.Output = append(m.out.Output, logical.Column{Name: item.Alias.Name, Type: v.Type, Time: timeOf(v)})
	}
	return nil
}

// plan puts the pattern over node, and gives all columns their places.
func (m *matching) plan(node logical.Node) {
	node = m.besides(node)
	columns := len(m.scope.columns) + len(m.beside)
	at := func(i int) int {
		switch {
		case i >= refBase:
			return columns + len(m.pre) + i - refBase
		case i >= besideBase:
			return len(m.scope.columns) + i - besideBase
		case i >= preBase:
			return columns + i - preBase
		}
		return i
	}
	place := func(e expr.Expr) expr.Expr {
		if e == nil {
			return nil
		}
		return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
			if c, ok := e.(*expr.Column); ok {
				return &expr.Column{Index: at(c.Index), Name: c.Name, Of: c.Of}
			}
			return e
		})
	}
	if len(m.pre) > 0 {
		vs := make([]Value, columns, columns+len(m.pre))
		for i, c := range node.Schema() {
			vs[i] = Value{Expr: node.Schema().Ref(i), Type: c.Type, Time: c.Time, Name: c.Name}
		}
		for _, v := range m.pre {
			v.Expr = place(v.Expr)
			vs = append(vs, v)
		}
		node = project(node, vs)
	}
	m.out.Input = node
	for i, e := range m.out.Define {
		m.out.Define[i] = place(e)
	}
	for i, e := range m.out.Measures {
		m.out.Measures[i] = place(e)
	}
	for i := range m.out.Refs {
		r := &m.out.Refs[i]
		r.Column = at(r.Column)
		if r.Agg != nil {
			for k, c := range r.Agg.Args {
				r.Agg.Args[k] = at(c)
			}
		}
	}
}

// ref is the value of a reference; equal ones are one.
func (m *matching) ref(r logical.MatchRef) Value {
	key := fmt.Sprint(r.Vars, r.First, r.Offset, r.Column)
	if r.Agg != nil {
		key = fmt.Sprint(r.Vars, r.Agg.Func, r.Agg.Args, r.Agg.KeepNulls, r.Agg.Separator)
	}
	at, ok := m.refAt[key]
	if !ok {
		at = len(m.out.Refs)
		m.refAt[key] = at
		m.out.Refs = append(m.out.Refs, r)
	}
	return Value{Expr: &expr.Column{Index: refBase + at, Name: "$ref" + itoa(at), Of: r.Type.Arrow()}, Type: r.Type}
}

// column is the column of rows that computes v.
func (m *matching) column(v Value) int {
	if c, ok := v.Expr.(*expr.Column); ok {
		return c.Index
	}
	k := logical.Key(v.Expr)
	at, ok := m.preAt[k]
	if !ok {
		at = len(m.pre)
		m.preAt[k] = at
		v.Name = ""
		m.pre = append(m.pre, v)
	}
	return preBase + at
}

// all are the bits of every variable.
func (m *matching) all() uint64 { return 1<<len(m.out.Vars) - 1 }

// take binds what is about rows of the match. ok is false for other
// expressions.
func (m *matching) take(x *exprs, e ast.Expr) (Value, bool, error) {
	switch e := e.(type) {
	case *ast.Column:
		v, err := m.columnOf(e)
		return v, true, err
	case *ast.Call:
		return m.call(x, e)
	}
	return Value{}, false, nil
}

// columnOf is A.price or price.
func (m *matching) columnOf(c *ast.Column) (Value, error) {
	vars, ok := m.vars[c.Parts[0]]
	if ok && len(c.Parts) > 1 {
		c = &ast.Column{Pos: c.Pos, Parts: c.Parts[1:]}
	} else {
		vars = m.all()
	}
	v, err := m.scope.find(c)
	if err != nil {
		return v, err
	}
	v.Time = logical.NoTime
	v = m.shifted(v)
	if m.arg != nil {
		if m.arg.vars != 0 && m.arg.vars != vars {
			return v, diag.At(c.Pos, "the argument is about the rows of two variables")
		}
		m.arg.vars = vars
		return v, nil
	}
	if m.defining >= 0 && vars>>m.defining&1 == 1 { // the current row is the last
		return v, nil
	}
	return m.last(vars, false, 0, v), nil
}

func (m *matching) last(vars uint64, first bool, offset int64, v Value) Value {
	return m.ref(logical.MatchRef{Vars: vars, First: first, Offset: offset, Column: m.column(v), Type: v.Type.WithNull(true)})
}

func (m *matching) call(x *exprs, e *ast.Call) (Value, bool, error) {
	name := strings.ToUpper(e.Name.Last())
	aggregate := x.b.Functions.IsAggregate(name)
	switch name {
	case "PREV", "NEXT":
		v, err := m.physical(x, e, name)
		return v, true, err
	case "CLASSIFIER", "MATCH_NUMBER":
		return Value{}, true, unsupported(e.Pos, name)
	case "MATCH_ROWTIME":
		v, err := m.rowtime(e)
		return v, true, err
	case "MATCH_PROCTIME":
		v, _, err := x.proctime(name, e)
		return v, true, err
	case "FIRST", "LAST":
	default:
		if !aggregate {
			return Value{}, false, nil
		}
	}
	switch {
	case aggregate && m.shift != 0:
		return Value{}, true, diag.At(e.Pos, "%s cannot stand in an argument of PREV or NEXT", name)
	case m.arg != nil:
		return Value{}, true, diag.At(e.Pos, "%s cannot stand in an argument of FIRST, LAST or an aggregate", name)
	case e.Semantics == ast.FinalSemantics && m.defining >= 0:
		return Value{}, true, diag.At(e.Pos, "FINAL has no meaning in DEFINE: the match is not complete")
	case e.Distinct || e.Filter != nil || len(e.OrderBy) > 0 || len(e.Within) > 0:
		return Value{}, true, unsupported(e.Pos, "DISTINCT, FILTER and ORDER BY of aggregates in MATCH_RECOGNIZE")
	}
	m.arg = &matchArg{}
	defer func() { m.arg = nil }()
	bind := m.navigate
	if aggregate {
		bind = m.aggregate
	}
	v, err := bind(x, e, name)
	return v, true, err
}

// navigate binds FIRST(A.x [, n]) and LAST.
func (m *matching) navigate(x *exprs, e *ast.Call, name string) (Value, error) {
	if len(e.Args) < 1 || len(e.Args) > 2 {
		return Value{}, diag.At(e.Pos, "%s takes a value of rows and how many rows away", name)
	}
	v, err := x.bind(e.Args[0])
	if err != nil {
		return v, err
	}
	if m.arg.vars == 0 {
		return v, nil // a constant
	}
	offset := int64(0)
	if len(e.Args) == 2 {
		n, ok, err := x.integer(e.Args[1])
		if err != nil {
			return v, err
		}
		if !ok || n < 0 {
			return v, diag.At(e.Args[1].Position(), "the offset of %s is a constant number that is not negative", name)
		}
		offset = n
	}
	return m.last(m.arg.vars, name == "FIRST", offset, v), nil
}

// aggregate binds SUM(A.x), COUNT(*) and COUNT(A.*).
func (m *matching) aggregate(x *exprs, e *ast.Call, name string) (Value, error) {
	if s, ok := onlyOne(e.Args).(*ast.Star); ok && name == "COUNT" && len(s.Qualifier) > 0 { // COUNT(A.*)
		bits, ok := m.vars[s.Qualifier[0]]
		if !ok {
			return Value{}, m.noVariable(ast.Ident{Pos: s.Pos, Name: s.Qualifier[0]})
		}
		m.arg.vars = bits
		c := *e
		c.Args = []ast.Expr{&ast.Star{Pos: s.Pos}}
		e = &c
	}
	if items := valuesOrderOf(e); len(items) > 0 {
		return Value{}, diag.At(items[0].Expr.Position(), "aggregates of MATCH_RECOGNIZE take the rows in the order of the match")
	}
	call, arg, err := x.aggregate(e, name, m.column)
	if err != nil {
		return Value{}, err
	}
	if m.arg.vars == 0 {
		m.arg.vars = m.all()
	}
	return asAverage(m.ref(logical.MatchRef{Vars: m.arg.vars, Agg: &call, Type: call.Type}), call.Func, arg), nil
}

func onlyOne(list []ast.Expr) ast.Expr {
	if len(list) != 1 {
		return nil
	}
	return list[0]
}

// rowtime is the time of the match: that of its last row.
func (m *matching) rowtime(e *ast.Call) (Value, error) {
	at := m.out.Order[0].Column
	c := m.scope.columns[at]
	if m.defining >= 0 || c.Time != logical.Rowtime && c.Time != logical.NoTime {
		return Value{}, diag.At(e.Pos, "MATCH_ROWTIME stands in MEASURES, of rows that are ordered by event time")
	}
	v := m.last(m.all(), false, 0, m.scope.value(at))
	v.Type, v.Time = v.Type.WithNull(c.Type.Nullable()), logical.Rowtime
	return v, nil
}
