package optimize

import (
	"slices"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// windowAggregate turns an aggregation by the columns of a window into one
// node that keeps one table of groups per pane:
//
//	Aggregate(a, window_start, window_end)      Project(order of the aggregation)
//	  calc                                   →    WindowAggregate(a; TUMBLE(ts, 10s))
//	    Window TUMBLE(ts, 10s)                      calc without window columns
//
// It also serves an aggregation by the window of another window aggregation
// (q5's MAX over counts per window). The rows of the lower one carry the end of
// their window; rows with one end are one group in time, which is a TUMBLE of
// one slide over window_time, whatever the lower windows' size:
//
//	HOP 2s, 10s:   [0 … 10) ends 10 ── window_time 9.999 in TUMBLE 2s [8, 10)
//	               [2 … 12) ends 12 ── window_time 11.999            [10, 12)
//
// Any of window_start, window_end and window_time among the keys says which
// window a row is in, since all windows have one size.
func windowAggregate(n logical.Node) logical.Node {
	a, ok := n.(*logical.Aggregate)
	if !ok {
		return n
	}
	input, sets := below(a)
	calc := flatten(input)
	switch source := calc.input.(type) {
	case *logical.Window:
		if source.Spec.Kind == logical.Session && (sets != nil || !ownSessions(a, calc, source)) {
			return n // as in Flink, its results change as the rows of complete sessions come
		}
		below := len(source.Input.Schema())
		w := &windowing{agg: a, calc: calc, expand: sets, late: source.Late, input: source.Input, spec: source.Spec, columns: map[int]logical.WindowProperty{}}
		for p := range 3 {
			w.columns[below+p] = logical.WindowProperty(p)
		}
		w.spec.Partition = nil
		return w.plan(n)
	case *logical.WindowAggregate:
		if source.Spec.Emits {
			return n
		}
		return attached(n, a, calc, source)
	}
	return n
}

// attached is an aggregation over the windows of another.
func attached(n logical.Node, a *logical.Aggregate, calc calc, source *logical.WindowAggregate) logical.Node {
	_, sets := below(a)
	w := &windowing{agg: a, calc: calc, expand: sets, columns: map[int]logical.WindowProperty{}, size: source.Spec.Size}
	base := len(source.Keys) + len(source.Aggs)
	time := -1
	for i, p := range source.Properties {
		w.columns[base+i] = p
		if p == logical.WindowTime {
			time = base + i
		}
	}
	if time < 0 {
		source, time = withTime(source)
		w.columns[time] = logical.WindowTime
	}
	w.input = source
	if source.Spec.Kind == logical.Session || source.Spec.Processing || source.Spec.Kind == logical.Cumulate && w.asks(logical.WindowStart) {
		// The end of these windows does not tell their start.
		return collected(n, a, calc, source, time, source.Spec.Processing)
	}
	slide := source.Spec.Slide
	w.spec = logical.WindowSpec{
		Kind: logical.Tumble, Time: time, Size: slide, Slide: slide, Offset: (source.Spec.Offset + source.Spec.Size) % slide,
	}
	return w.plan(n)
}

// withTime makes a window aggregation give window_time too, as its last column.
func withTime(n *logical.WindowAggregate) (*logical.WindowAggregate, int) {
	c := *n
	c.Properties = append(slices.Clone(n.Properties), logical.WindowTime)
	t := datatype.TimestampOf(3)
	if in := n.Input.Schema()[n.Spec.Time].Type; in.Kind == datatype.TimestampLTZ {
		t.Kind = in.Kind
	}
	c.Output = append(slices.Clone(n.Output), logical.Column{Name: "window_time", Type: t.WithNull(false), Time: n.Spec.TimeKind()})
	return &c, len(c.Output) - 1
}

// ownSessions reports whether an aggregation groups by exactly the columns by
// which sessions are partitioned, and by the session: then each of its groups
// is one session.
func ownSessions(a *logical.Aggregate, calc calc, source *logical.Window) bool {
	below := len(source.Input.Schema())
	keys := map[int]bool{}
	for _, k := range a.Keys {
		c, ok := calc.exprs[k].(*expr.Column)
		if !ok {
			return false
		}
		if c.Index < below {
			keys[c.Index] = true
		}
	}
	if len(keys) != len(source.Spec.Partition) {
		return false
	}
	for _, p := range source.Spec.Partition {
		if !keys[p] {
			return false
		}
	}
	for _, c := range calc.conds {
		if onlyBelow(c, below) && !about(c, source.Spec.Partition) {
			return false
		}
	}
	return true
}

// collected is an aggregation by window over rows that come when their windows
// are complete, and say so in column time. Rows of one window have one time, so
// the windows' bounds may be keys like others, and all groups of a millisecond
// are complete when it has passed.
func collected(n logical.Node, a *logical.Aggregate, calc calc, source logical.Node, time int, processing bool) logical.Node {
	_, sets := below(a)
	ends := slices.ContainsFunc(a.Keys, func(k int) bool {
		if k == len(calc.exprs) {
			return false
		}
		c, ok := calc.exprs[k].(*expr.Column)
		return ok && (c.Index == time || source.Schema()[c.Index].Name == "window_end")
	})
	if !ends || processing {
		return n
	}
	w := &windowing{
		agg: a, calc: calc, expand: sets, input: source, columns: map[int]logical.WindowProperty{time: logical.WindowTime}, given: true,
		spec: logical.WindowSpec{Kind: logical.Tumble, Time: time, Size: 1, Slide: 1},
	}
	return w.plan(n)
}

// calc is a chain of projections and filters as one: expressions and
// conditions over the columns of input.
type calc struct {
	input  logical.Node
	exprs  []expr.Expr
	output logical.Schema
	conds  []expr.Expr
}

// flatten takes the projections and filters on top of n together. It stops
// where that would draw something volatile twice.
func flatten(n logical.Node) calc {
	c := calc{input: n, exprs: n.Schema().Refs(), output: n.Schema()}
	for {
		switch in := c.input.(type) {
		case *logical.Project:
			if slices.ContainsFunc(in.Exprs, func(e expr.Expr) bool { return !logical.Deterministic(e) }) || c.grows(in.Exprs) {
				return c
			}
			sub := func(e expr.Expr) expr.Expr { return logical.Substitute(e, in.Exprs) }
			c.exprs, c.conds, c.input = each(c.exprs, sub), each(c.conds, sub), in.Input
		case *logical.Filter:
			c.conds = append(logical.Conjuncts(in.Cond), c.conds...)
			c.input = in.Input
		default:
			return c
		}
	}
}

// grows reports that an expression would become too large over another
// projection.
func (c calc) grows(by []expr.Expr) bool {
	return slices.ContainsFunc(append(slices.Clone(c.exprs), c.conds...), func(e expr.Expr) bool {
		return logical.Grown(e, by, maxPushed) == maxPushed && logical.Size(e, maxPushed) < maxPushed
	})
}

// windowing rewrites one aggregation. columns are the window's columns among
// those of calc.input; input is what the new node reads, with the same columns
// except the window's.
type windowing struct {
	agg     *logical.Aggregate
	calc    calc
	expand  *logical.Expand // between agg and calc, or nil; its last column is none of calc's
	late    *logical.Side   // over the columns of input, or nil
	input   logical.Node
	spec    logical.WindowSpec
	columns map[int]logical.WindowProperty
	size    int64 // of the windows whose start is asked for, when not spec.Size
	given   bool  // the rows say which window they are in, so no key need do

	pre     []expr.Expr
	preCols logical.Schema
	at      []int // columns of agg.Input to columns of pre, or -1
}

// plan gives the new plan, or n when the window's columns are used in a way
// that only a window table function of its own could serve.
func (w *windowing) plan(n logical.Node) logical.Node {
	keyed := w.given
	for _, k := range w.agg.Keys {
		_, is := w.key(k)
		keyed = keyed || is
	}
	below, above, ok := w.conditions()
	if !keyed || !ok || w.splits() || !w.project() {
		return n
	}
	for _, a := range w.agg.Aggs {
		for _, arg := range append(slices.Clone(a.Args), a.Filter) {
			if arg >= 0 && w.at[arg] < 0 {
				return n
			}
		}
	}
	return w.build(below, above)
}

// asks reports whether a key or a condition is about a property.
func (w *windowing) asks(p logical.WindowProperty) bool {
	list := slices.Clone(w.calc.conds)
	for _, k := range w.agg.Keys {
		if k < len(w.calc.exprs) {
			list = append(list, w.calc.exprs[k])
		}
	}
	used := map[int]bool{}
	for _, e := range list {
		logical.Columns(e, used)
	}
	for i := range used {
		if q, ok := w.columns[i]; ok && q == p {
			return true
		}
	}
	return false
}

// key reports whether key k, a column of agg's input, is one of the window.
func (w *windowing) key(k int) (logical.WindowProperty, bool) {
	if k == len(w.calc.exprs) {
		return 0, false // the number of the grouping set
	}
	return w.property(w.calc.exprs[k])
}

// property reports whether e is a column of the window.
func (w *windowing) property(e expr.Expr) (logical.WindowProperty, bool) {
	c, ok := e.(*expr.Column)
	if !ok {
		return 0, false
	}
	p, ok := w.columns[c.Index]
	return p, ok
}

// mentions reports whether e uses columns of the window, and others.
func (w *windowing) mentions(e expr.Expr) (window, others bool) {
	used := map[int]bool{}
	logical.Columns(e, used)
	for i := range used {
		if _, ok := w.columns[i]; ok {
			window = true
		} else {
			others = true
		}
	}
	return window, others
}

// conditions sorts the filters between window and aggregation: those about
// rows stay below, those about windows alone go above.
func (w *windowing) conditions() (below, above []expr.Expr, ok bool) {
	for _, c := range w.calc.conds {
		switch window, others := w.mentions(c); {
		case !window:
			below = append(below, c)
		case !others:
			above = append(above, c)
		default:
			return nil, nil, false
		}
	}
	return below, above, true
}

// project collects what the aggregation reads besides the window.
func (w *windowing) project() bool {
	w.at = make([]int, len(w.calc.exprs), len(w.calc.exprs)+1)
	if w.expand != nil {
		w.at = w.at[:len(w.calc.exprs)+1]
	}
	for i, e := range w.calc.exprs {
		w.at[i] = -1
		if _, is := w.property(e); is {
			continue
		}
		if window, _ := w.mentions(e); window {
			return false
		}
		w.at[i] = len(w.pre)
		w.pre = append(w.pre, e)
		w.preCols = append(w.preCols, w.calc.output[i])
	}
	return true
}

func (w *windowing) build(below, above []expr.Expr) logical.Node {
	input := w.input
	if cond := logical.And(below...); cond != nil {
		input = &logical.Filter{Input: input, Cond: cond}
	}
	schema := w.input.Schema()
	time := slices.IndexFunc(w.pre, func(e expr.Expr) bool {
		c, ok := e.(*expr.Column)
		return ok && c.Index == w.spec.Time
	})
	if time < 0 || w.expand != nil {
		time = len(w.pre)
		w.pre = append(w.pre, schema.Ref(w.spec.Time))
		w.preCols = append(w.preCols, schema[w.spec.Time])
	}
	late := w.keepLate(schema)
	input = &logical.Project{Input: input, Exprs: w.pre, Output: w.preCols}
	if w.expand != nil {
		input = w.repeat(input)
	}
	out := &logical.WindowAggregate{Input: input, Spec: w.spec, Late: w.onceLate(late, input)}
	out.Spec.Time = time
	top := w.keys(out)
	for i, a := range w.agg.Aggs {
		a.Args = slices.Clone(a.Args)
		for j := range a.Args {
			a.Args[j] = w.at[a.Args[j]]
		}
		if a.Filter >= 0 {
			a.Filter = w.at[a.Filter]
		}
		out.Aggs = append(out.Aggs, a)
		out.Output = append(out.Output, w.agg.Output[len(w.agg.Keys)+i])
	}
	return w.top(out, top, above)
}

// keys adds the keys that are not the window's.
func (w *windowing) keys(out *logical.WindowAggregate) (at map[int]int) {
	at = map[int]int{}
	for i, k := range w.agg.Keys {
		if w.at[k] >= 0 {
			at[i] = len(out.Keys)
			out.Keys = append(out.Keys, w.at[k])
			out.Output = append(out.Output, w.agg.Output[i])
		}
	}
	return at
}

// top adds the window's properties and puts the columns in the order that the
// aggregation had.
func (w *windowing) top(out *logical.WindowAggregate, keyAt map[int]int, above []expr.Expr) logical.Node {
	base := len(out.Output)
	asked := map[logical.WindowProperty]expr.Expr{}
	ask := func(p logical.WindowProperty) expr.Expr {
		if e, ok := asked[p]; ok {
			return e
		}
		asked[p] = w.ask(out, p)
		return asked[p]
	}
	p := &logical.Project{Output: w.agg.Output}
	for i, k := range w.agg.Keys {
		if j, ok := keyAt[i]; ok {
			p.Exprs = append(p.Exprs, &expr.Column{Index: j, Name: out.Output[j].Name, Of: out.Output[j].Type.Arrow()})
			continue
		}
		property, _ := w.key(k)
		p.Exprs = append(p.Exprs, ask(property))
	}
	for i := range w.agg.Aggs {
		j := len(out.Keys) + i
		p.Exprs = append(p.Exprs, &expr.Column{Index: j, Name: out.Output[j].Name, Of: out.Output[j].Type.Arrow()})
	}
	var conds []expr.Expr
	for _, c := range above {
		conds = append(conds, logical.Rewrite(c, func(e expr.Expr) expr.Expr {
			if property, ok := w.property(e); ok {
				return ask(property)
			}
			return e
		}))
	}
	if len(out.Output) == base { // a window that nobody looks at still has a time
		ask(logical.WindowTime)
	}
	p.Input = out
	if cond := logical.And(conds...); cond != nil {
		p.Input = &logical.Filter{Input: out, Cond: cond}
	}
	return p
}

// ask makes the node give a property. The start of windows that are longer
// than a pane is computed from their end.
func (w *windowing) ask(out *logical.WindowAggregate, p logical.WindowProperty) expr.Expr {
	bound := datatype.TimestampOf(3).WithNull(false)
	if p == logical.WindowStart && w.size > 0 && w.size != w.spec.Size {
		interval := &expr.Literal{Value: w.size, Of: datatype.Of(datatype.IntervalMillis).Arrow()}
		return &expr.Call{Func: "sub", Args: []expr.Expr{w.ask(out, logical.WindowEnd), interval}, Of: bound.Arrow()}
	}
	base := len(out.Keys) + len(out.Aggs)
	at := slices.Index(out.Properties, p)
	if at < 0 {
		at = len(out.Properties)
		c := logical.Column{Name: p.Column(), Type: bound}
		if p == logical.WindowTime {
			c = logical.Column{Name: "window_time", Type: w.timeType(), Time: out.Spec.TimeKind()}
		}
		out.Properties = append(out.Properties, p)
		out.Output = append(out.Output, c)
	}
	c := out.Output[base+at]
	return &expr.Column{Index: base + at, Name: c.Name, Of: c.Type.Arrow()}
}

func (w *windowing) timeType() datatype.Type {
	kind := w.input.Schema()[w.spec.Time].Type.Kind
	return datatype.Type{Kind: kind, Precision: 3, NotNull: true}
}
