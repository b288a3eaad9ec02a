package bind

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// groupingFunctions say which keys a row of a GROUPING SETS query lacks.
var groupingFunctions = []string{"GROUPING", "GROUPING_ID", "GROUP_ID"}

// maxSets bounds what CUBE and its like may ask for: a row is repeated for each.
const maxSets = 1024

// groupItems binds GROUP BY. Every item gives one or more lists of keys: a plain
// key one of itself, ROLLUP (a, b) the lists (a, b), (a) and (). Their product
// are the grouping sets; with more than one of them, g.sets is set.
func (b *Binder) groupItems(s *ast.Select, x *exprs, g *groups, items []ast.Expr) error {
	sets := [][]int{nil}
	for _, item := range items {
		next, err := b.groupSets(s, x, g, item)
		if err != nil {
			return err
		}
		if sets = product(sets, next); len(sets) > maxSets {
			return diag.At(item.Position(), "GROUP BY asks for more than %d grouping sets", maxSets)
		}
	}
	if len(sets) > 1 {
		g.sets = sets
		for i := range g.pre {
			if slices.ContainsFunc(sets, func(set []int) bool { return !slices.Contains(set, i) }) {
				g.pre[i].Type = g.pre[i].Type.WithNull(true)
				if g.pre[i].Time != logical.NoTime {
					g.pre[i].Time = logical.NoTime
				}
			}
		}
	}
	return nil
}

func product(a, b [][]int) [][]int {
	out := make([][]int, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, together(x, y))
		}
	}
	return out
}

func together(sets ...[]int) []int {
	var out []int
	for _, s := range sets {
		for _, k := range s {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

// groupSets are the lists of keys that one item of GROUP BY stands for.
func (b *Binder) groupSets(s *ast.Select, x *exprs, g *groups, item ast.Expr) ([][]int, error) {
	e, ok := item.(*ast.Grouping)
	if !ok {
		set, err := b.groupSet(s, x, g, item)
		return [][]int{set}, err
	}
	var out [][]int
	if e.Kind == ast.GroupingSets {
		for _, it := range e.Items {
			sets, err := b.groupSets(s, x, g, it)
			if err != nil {
				return nil, err
			}
			out = append(out, sets...)
		}
		return out, nil
	}
	units := make([][]int, len(e.Items))
	for i, it := range e.Items {
		var err error
		if units[i], err = b.groupSet(s, x, g, it); err != nil {
			return nil, err
		}
	}
	if e.Kind == ast.Rollup {
		for n := len(units); n >= 0; n-- {
			out = append(out, together(units[:n]...))
		}
		return out, nil
	}
	if len(units) > 10 {
		return nil, diag.At(e.Pos, "CUBE of %d columns asks for more than %d grouping sets", len(units), maxSets)
	}
	for mask := 1<<len(units) - 1; mask >= 0; mask-- {
		var set []int
		for i, u := range units {
			if mask>>(len(units)-1-i)&1 == 1 {
				set = together(set, u)
			}
		}
		out = append(out, set)
	}
	return out, nil
}

// groupSet binds the keys of one item: several for a list in parentheses and
// for a window.
func (b *Binder) groupSet(s *ast.Select, x *exprs, g *groups, item ast.Expr) ([]int, error) {
	switch e := item.(type) {
	case *ast.Grouping:
		return nil, diag.At(e.Pos, "%s cannot stand in CUBE or ROLLUP", e.Kind)
	case *ast.Row:
		if e.Explicit {
			break
		}
		var set []int
		for _, el := range e.Elems {
			part, err := b.groupSet(s, x, g, el)
			if err != nil {
				return nil, err
			}
			set = together(set, part)
		}
		return set, nil
	case *ast.Call:
		if groupWindows[strings.ToUpper(e.Name.Last())] != 0 {
			var set []int
			for _, name := range []string{"window_start", "window_end", "window_time"} {
				i, _ := x.scope.match(nil, name)
				set = append(set, g.addKey(x.scope.value(i)))
			}
			return set, nil
		}
	}
	v, err := b.groupKey(s, x, item)
	if err != nil {
		return nil, err
	}
	if at, ok := g.preAt[logical.Key(v.Expr)]; ok && at < g.keys {
		return []int{at}, nil // computed below a window of sessions, perhaps
	}
	return []int{g.addKey(v)}, nil
}

// groupKey binds one key, an expression or the alias of an item of the select
// list.
func (b *Binder) groupKey(s *ast.Select, x *exprs, item ast.Expr) (Value, error) {
	v, err := x.bind(item)
	if err != nil {
		if v, ok := b.groupAlias(s, x, item); ok {
			return v, nil
		}
		return v, err
	}
	if v.Type.Kind == datatype.Map || v.Type.Kind == datatype.Multiset {
		return v, diag.At(item.Position(), "GROUP BY cannot use a value of type %s", v.Type.Text())
	}
	return v, nil
}

// repeated is how many sets have the same keys.
func repeated(sets [][]int, set []int) int64 {
	n := int64(0)
	for _, s := range sets {
		if len(s) == len(set) && len(together(s, set)) == len(set) {
			n++
		}
	}
	return n
}

// grouping binds GROUPING(a, …), GROUPING_ID(a, …) and GROUP_ID(). The bit of an
// argument is 1 in the rows of the sets that lack it; GROUP_ID numbers sets that
// are asked for more than once. They are decided by the number of the set, the
// column behind the keys.
func (g *groups) grouping(x *exprs, c *ast.Call, name string) (Value, error) {
	t := datatype.Of(datatype.BigInt).WithNull(false)
	constant := func(n int64) expr.Expr { return &expr.Literal{Value: n, Of: t.Arrow()} }
	if name == "GROUP_ID" && len(c.Args) > 0 || name != "GROUP_ID" && len(c.Args) == 0 {
		return Value{}, diag.At(c.Pos, "%s takes keys of GROUP BY, GROUP_ID nothing", name)
	}
	var keys []int
	plain := &exprs{b: x.b, ctx: x.ctx, scope: g.input}
	for _, a := range c.Args {
		v, err := plain.bind(a)
		if err != nil {
			return Value{}, err
		}
		at, ok := g.preAt[logical.Key(v.Expr)]
		if !ok || at >= g.keys {
			return Value{}, diag.At(a.Position(), "the argument of %s must be a key of GROUP BY", name)
		}
		keys = append(keys, at)
	}
	if len(g.sets) == 0 {
		return Value{Expr: constant(0), Type: t}, nil
	}
	set := &expr.Column{Index: g.keys, Name: setColumn, Of: t.Arrow()}
	out := &expr.Call{Func: "case", Of: t.Arrow()}
	for i, s := range g.sets {
		bits := int64(0)
		for _, k := range keys {
			bits <<= 1
			if !slices.Contains(s, k) {
				bits |= 1
			}
		}
		if name == "GROUP_ID" {
			bits = repeated(g.sets[:i], s)
		}
		if i < len(g.sets)-1 {
			is := &expr.Call{Func: "eq", Args: []expr.Expr{set, constant(int64(i))}, Of: boolType.Arrow()}
			out.Args = append(out.Args, is)
		}
		out.Args = append(out.Args, constant(bits))
	}
	return Value{Expr: out, Type: t}, nil
}

// setColumn is the number of the grouping set that a row is for.
const setColumn = "$e"

// expand repeats the rows of pre for each grouping set.
func (g *groups) expand(pre *logical.Project) *logical.Expand {
	out := slices.Clone(pre.Output)
	for i := range g.keys {
		out[i].Type = g.pre[i].Type
	}
	e := &logical.Expand{Input: pre}
	for _, set := range g.sets {
		var null []int
		for i := range g.keys {
			if !slices.Contains(set, i) {
				null = append(null, i)
			}
		}
		e.Nulls = append(e.Nulls, null)
	}
	e.Output = append(out, logical.Column{Name: setColumn, Type: datatype.Of(datatype.BigInt).WithNull(false)})
	return e
}
