package bind

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// windows binds the calls with OVER of one SELECT. They read a projection of
// all columns below and of what is computed for them, one node for each
// partition and order:
//
//	SELECT a, SUM(b * 2) OVER (PARTITION BY a ORDER BY ts) + 1 FROM t
//
//	Project($0, $4 + 1)                              bound through windows
//	  Over(partition=[$0], order=[$2], SUM($3))
//	    Project(a, b, ts, b * 2)
type windows struct {
	named map[string]ast.NamedWindow

	pre   []Value // arguments, keys and order
	preAt map[string]int
	calls []windowCall
	at    map[string]int

	has map[ast.Expr]bool // memo of hasOver
}

// windowCall is one bound call; all its columns are indices of windows.pre.
type windowCall struct {
	logical.OverCall
	over windowOver
	name string
}

// windowOver is the partition and the order of a call.
type windowOver struct {
	partition []int
	order     []logical.SortKey
}

func (o windowOver) key() string { return fmt.Sprint(o.partition, o.order) }

// resultBase is where the numbers of the columns begin that stand for the
// results of windows until all columns below them are known.
const resultBase = 1 << 24

// newWindows takes the WINDOW clause.
func newWindows(s *ast.Select) (*windows, error) {
	w := &windows{named: map[string]ast.NamedWindow{}, preAt: map[string]int{}, at: map[string]int{}, has: map[ast.Expr]bool{}}
	for _, n := range s.Windows {
		if _, twice := w.named[n.Name]; twice {
			return nil, diag.At(n.Pos, "window %q is defined twice", n.Name)
		}
		w.named[n.Name] = n
	}
	return w, nil
}

// hasOver reports whether a call with OVER stands in e.
func hasOver(e ast.Expr, memo map[ast.Expr]bool) bool {
	if e == nil {
		return false
	}
	if has, ok := memo[e]; ok {
		return has
	}
	c, ok := e.(*ast.Call)
	has := ok && c.Over != nil
	for _, child := range children(e) {
		has = has || hasOver(child, memo)
	}
	memo[e] = has
	return has
}

// callChildren are the arguments of a call and what its window is made of.
func callChildren(c *ast.Call) []ast.Expr {
	if c.Over == nil {
		return c.Args
	}
	out := append(slices.Clone(c.Args), c.Over.PartitionBy...)
	for _, o := range c.Over.OrderBy {
		out = append(out, o.Expr)
	}
	return out
}

// alias finds an item of the select list by its name, where QUALIFY names no
// column of the tables.
func (x *exprs) alias(e ast.Expr) (Value, bool) {
	c, ok := e.(*ast.Column)
	if !ok || x.aliases == nil || len(c.Parts) != 1 {
		return Value{}, false
	}
	if _, n := x.scope.match(nil, c.Parts[0]); n > 0 {
		return Value{}, false
	}
	v, ok := x.aliases[c.Parts[0]]
	return v, ok
}

// take binds one call. Equal calls are one.
func (w *windows) take(x *exprs, c *ast.Call) (Value, error) {
	inner := *x
	inner.windows, inner.aliases = nil, nil
	spec, err := w.spec(c.Over)
	if err != nil {
		return Value{}, err
	}
	var call windowCall
	for _, p := range spec.PartitionBy {
		v, err := inner.bind(p)
		if err != nil {
			return Value{}, err
		}
		if v.Type.Kind == datatype.Map || v.Type.Kind == datatype.Multiset {
			return Value{}, diag.At(p.Position(), "PARTITION BY cannot use a value of type %s", v.Type.Text())
		}
		if _, constant := v.Expr.(*expr.Literal); !constant {
			call.over.partition = append(call.over.partition, w.column(v))
		}
	}
	for _, o := range spec.OrderBy {
		v, err := inner.bind(o.Expr)
		if err != nil {
			return Value{}, err
		}
		if v.Type.IsNested() {
			return Value{}, diag.At(o.Expr.Position(), "ORDER BY cannot use a value of type %s", v.Type.Text())
		}
		if _, constant := v.Expr.(*expr.Literal); !constant {
			call.over.order = append(call.over.order, sortKey(o, w.column(v)))
		}
	}
	f := &overFunc{windows: w, x: &inner, call: c, spec: spec, out: &call}
	if err := f.bind(); err != nil {
		return Value{}, err
	}
	return asAverage(w.add(call), call.Func, f.arg), nil
}

// spec completes OVER w and OVER (w …) from the WINDOW clause.
func (w *windows) spec(o *ast.Window) (*ast.Window, error) {
	out := *o
	for depth := 0; out.Base != ""; depth++ {
		n, ok := w.named[out.Base]
		if !ok {
			return nil, diag.At(o.Pos, "no window %q%s", out.Base, meant(out.Base, w.names()))
		}
		if depth > len(w.named) {
			return nil, diag.At(o.Pos, "window %q is defined by itself", o.Base)
		}
		base := n.Window
		switch {
		case len(out.PartitionBy) > 0:
			return nil, diag.At(out.PartitionBy[0].Position(), "window %q has a PARTITION BY of its own or none; it cannot be added where it is used", out.Base)
		case len(out.OrderBy) > 0 && len(base.OrderBy) > 0:
			return nil, diag.At(out.OrderBy[0].Expr.Position(), "window %q has an ORDER BY already", out.Base)
		case out.Frame != nil && base.Frame != nil:
			return nil, diag.At(out.Frame.Pos, "window %q has a frame already", out.Base)
		}
		out.PartitionBy, out.Base = base.PartitionBy, base.Base
		if len(out.OrderBy) == 0 {
			out.OrderBy = base.OrderBy
		}
		if out.Frame == nil {
			out.Frame = base.Frame
		}
	}
	return &out, nil
}

func (w *windows) names() []string {
	var out []string
	for name := range w.named {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// column gives the index of pre that computes v.
func (w *windows) column(v Value) int {
	k := logical.Key(v.Expr)
	at, ok := w.preAt[k]
	if !ok {
		at = len(w.pre)
		w.preAt[k] = at
		w.pre = append(w.pre, v)
	}
	return at
}

func (w *windows) add(c windowCall) Value {
	key := fmt.Sprint(c.over.key(), c.Func, c.Args, c.Distinct, c.Filter, c.Frame, c.Offset, c.Shifts, c.KeepNulls, c.Separator)
	at, ok := w.at[key]
	if !ok {
		at = len(w.calls)
		w.at[key] = at
		w.calls = append(w.calls, c)
	}
	return Value{Expr: &expr.Column{Index: resultBase + at, Name: c.name, Of: c.Type.Arrow()}, Type: c.Type}
}

// place puts the window functions over node, and gives the values that were
// bound through them their columns.
func (w *windows) place(node logical.Node, lists ...[]Value) logical.Node {
	if len(w.calls) == 0 {
		return node
	}
	n := len(node.Schema())
	vs := make([]Value, n)
	for i, c := range node.Schema() {
		vs[i] = Value{Expr: node.Schema().Ref(i), Type: c.Type, Time: c.Time, Name: c.Name}
	}
	at := make([]int, len(w.pre)) // of pre, in the projection
	for i, v := range w.pre {
		if c, ok := v.Expr.(*expr.Column); ok {
			at[i] = c.Index
			continue
		}
		at[i] = len(vs)
		v.Name = ""
		vs = append(vs, v)
	}
	if len(vs) > n {
		node = project(node, vs)
	}
	results := make([]int, len(w.calls))
	done := map[string]bool{}
	for _, c := range w.calls {
		key := c.over.key()
		if done[key] {
			continue
		}
		done[key] = true
		node = w.over(node, key, at, results)
	}
	for _, list := range lists {
		for i := range list {
			list[i].Expr = logical.Rewrite(list[i].Expr, func(e expr.Expr) expr.Expr {
				if c, ok := e.(*expr.Column); ok && c.Index >= resultBase {
					return node.Schema().Ref(results[c.Index-resultBase])
				}
				return e
			})
		}
	}
	return node
}

// over builds the node of all calls with one partition and order.
func (w *windows) over(input logical.Node, key string, at, results []int) logical.Node {
	o := &logical.Over{Input: input, Output: slices.Clone(input.Schema())}
	for i, c := range w.calls {
		if c.over.key() != key {
			continue
		}
		if o.Calls == nil {
			o.Partition = moved(c.over.partition, at)
			for _, k := range c.over.order {
				k.Column = at[k.Column]
				o.Order = append(o.Order, k)
			}
		}
		call := c.OverCall
		call.Args = moved(call.Args, at)
		if call.Filter >= 0 {
			call.Filter = at[call.Filter]
		}
		results[i] = len(o.Output)
		o.Calls = append(o.Calls, call)
		o.Output = append(o.Output, logical.Column{Name: "w" + itoa(i) + "$o0", Type: call.Type})
	}
	return o
}

func moved(cols, at []int) []int {
	out := make([]int, len(cols))
	for i, c := range cols {
		out[i] = at[c]
	}
	return out
}

// overFunc binds the function and the frame of one call.
type overFunc struct {
	windows *windows
	x       *exprs
	call    *ast.Call
	spec    *ast.Window
	out     *windowCall
	arg     datatype.Type // of the aggregate's argument
}

// numbering binds one of overNames.
func (f *overFunc) numbering(name string) error {
	switch name {
	case "ROW_NUMBER", "RANK", "DENSE_RANK":
		return f.rank(name)
	case "PERCENT_RANK", "CUME_DIST":
		return f.share(name)
	case "NTILE":
		return f.ntile()
	}
	return f.shift(name)
}

// toCurrent is the frame of functions that number rows.
var toCurrent = logical.Frame{End: logical.Bound{Kind: logical.CurrentRow}}

// whole is the frame that holds the partition.
var whole = logical.Frame{Range: true, End: logical.Bound{Kind: logical.UnboundedFollowing}}

func (f *overFunc) bind() error {
	name := strings.ToUpper(f.call.Name.Last())
	f.out.Filter = -1
	if slices.Contains(overNames, name) {
		if f.call.Distinct || f.call.Filter != nil {
			return diag.At(f.call.Pos, "DISTINCT and FILTER belong to aggregate functions; %s is none", name)
		}
		if len(f.out.over.order) == 0 && name != "ROW_NUMBER" {
			return diag.At(f.call.Pos, "%s needs ORDER BY in its window", name)
		}
		f.out.Func = strings.ToLower(name)
		return f.numbering(name)
	}
	if !f.x.b.Functions.IsAggregate(name) {
		if f.x.b.Functions.IsScalar(name) {
			return diag.At(f.call.Pos, "%s is no aggregate or window function, so that it takes no OVER", name)
		}
		return f.x.unknownFunction(f.call, name)
	}
	if err := f.aggregate(name); err != nil {
		return err
	}
	return f.frame()
}

func (f *overFunc) rank(name string) error {
	if len(f.call.Args) > 0 {
		return diag.At(f.call.Pos, "%s takes no arguments", name)
	}
	f.out.Type, f.out.Frame = logical.RankColumn, toCurrent
	return nil
}

func (f *overFunc) share(name string) error {
	if len(f.call.Args) > 0 {
		return diag.At(f.call.Pos, "%s takes no arguments", name)
	}
	f.out.Type, f.out.Frame = datatype.Of(datatype.Double).WithNull(false), whole
	return nil
}

func (f *overFunc) ntile() error {
	n, ok, err := f.constant(0)
	if err != nil {
		return err
	}
	if !ok || n < 1 || len(f.call.Args) != 1 {
		return diag.At(f.call.Pos, "NTILE takes one constant number from 1")
	}
	f.out.Type, f.out.Frame, f.out.Offset = datatype.Of(datatype.Int).WithNull(false), whole, n
	return nil
}

// shift is LAG(x [, offset [, default]]).
func (f *overFunc) shift(name string) error {
	args := f.call.Args
	if len(args) < 1 || len(args) > 3 {
		return diag.At(f.call.Pos, "%s takes a value, how many rows away, and what stands there beyond the partition", name)
	}
	if f.call.Nulls == ast.IgnoreNulls {
		return unsupported(f.call.Pos, "IGNORE NULLS in "+name)
	}
	v, err := f.x.bind(args[0])
	if err != nil {
		return err
	}
	f.out.Offset = 1
	offset := Value{}
	if len(args) > 1 {
		if offset, err = f.x.bind(args[1]); err != nil {
			return err
		}
		if !offset.Type.IsInteger() {
			return diag.At(args[1].Position(), "the offset of %s is an integer, this is of type %s", name, offset.Type.Text())
		}
		l, ok := offset.Expr.(*expr.Literal)
		if f.out.Offset, ok = value[int64](l, ok); !ok {
			f.out.Shifts = true
		}
	}
	def := null(v.Type)
	if len(args) > 2 {
		if def, err = f.x.bind(args[2]); err != nil {
			return err
		}
	}
	t, ok := datatype.Common(v.Type, def.Type)
	if !ok {
		return diag.At(args[2].Position(), "the default of %s is of type %s, its values are of type %s; CAST one of them", name, def.Type.Text(), v.Type.Text())
	}
	v, def = convert(v, t), convert(def, t)
	f.out.Type = t.WithNull(v.Type.Nullable() || def.Type.Nullable())
	f.out.Args = []int{f.windows.column(v)}
	if len(args) > 2 || f.out.Shifts {
		f.out.Args = append(f.out.Args, f.windows.column(def))
	}
	if f.out.Shifts {
		f.out.Args = append(f.out.Args, f.windows.column(convert(offset, datatype.Of(datatype.BigInt))))
	}
	if f.out.Offset < 0 {
		f.out.Offset = -f.out.Offset
		f.out.Func = map[string]string{"LAG": "lead", "LEAD": "lag"}[name]
	}
	f.out.Frame = toCurrent
	if f.out.Func == "lead" {
		f.out.Frame = whole
	}
	return nil
}

// constant is argument i as a constant integer.
func (f *overFunc) constant(i int) (int64, bool, error) {
	if i >= len(f.call.Args) {
		return 0, false, nil
	}
	return f.x.integer(f.call.Args[i])
}

// integer is a constant integer.
func (x *exprs) integer(e ast.Expr) (int64, bool, error) {
	v, err := x.bind(e)
	if err != nil {
		return 0, false, err
	}
	l, ok := v.Expr.(*expr.Literal)
	n, ok := value[int64](l, ok)
	return n, ok && v.Type.IsInteger(), nil
}

func (f *overFunc) aggregate(name string) (err error) {
	if items := valuesOrderOf(f.call); len(items) > 0 {
		return diag.At(items[0].Expr.Position(), "an aggregate with an order of its own takes no OVER; the window's ORDER BY orders its values")
	}
	f.out.AggCall, f.arg, err = f.x.aggregate(f.call, name, f.windows.column)
	return err
}
