package bind

import (
	"maps"
	"math"
	"slices"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// dependent computes a query that names columns of the one around for all their
// values at once, where they are not only in conditions that can be taken out:
// every node below gets the values as further columns.
//
//	Aggregate(COUNT(*))                     Aggregate(keys=[d], COUNT(*))
//	  Filter(k < outer.k)             →       Filter(k < d)
//	    Scan(k)                                 Join
//	                                              Scan(k)
//	                                              domain: Aggregate(keys=[k] of the query around)
type dependent struct {
	decorrelator
	domain logical.Node
	at     map[int]int // of the columns around in the domain
	// nested are the types of the columns around that are not scalars: the domain
	// has them as bytes.
	nested map[int]datatype.Type
}

// used collects the columns of the query around that a plan names.
func (d *decorrelator) used(n logical.Node, columns map[int]bool) {
	base := outerBase * (d.level + 1)
	add := func(list ...expr.Expr) {
		for _, e := range list {
			all := map[int]bool{}
			if e != nil {
				logical.Columns(e, all)
			}
			for i := range all {
				if i >= base && i < base+outerBase {
					columns[i-base] = true
				}
			}
		}
	}
	switch n := n.(type) {
	case *logical.Filter:
		add(n.Cond)
	case *logical.Project:
		add(n.Exprs...)
	case *logical.Join:
		add(n.Cond)
	case *logical.Values:
		for _, r := range n.Rows {
			add(r...)
		}
	default: // has no expressions over more than its inputs
	}
	for _, in := range n.Inputs() {
		d.used(in, columns)
	}
}

// pullAll gives the plan for all values of the columns that it names of around,
// and as conditions that these are the row's.
func (d *decorrelator) pullAll(n, around logical.Node) (logical.Node, []expr.Expr, error) {
	set := map[int]bool{}
	d.used(n, set)
	columns := slices.Sorted(maps.Keys(set))
	x := &dependent{decorrelator: *d, at: map[int]int{}, nested: map[int]datatype.Type{}}
	s := around.Schema()
	values := &logical.Project{Input: around}
	agg := &logical.Aggregate{Input: values}
	for i, c := range columns {
		key := Value{Expr: s.Ref(c), Type: s[c].Type}
		if isNestedKey(s[c].Type) {
			x.nested[c] = s[c].Type
			key = keyBytes(key)
		}
		x.at[c] = i
		values.Exprs = append(values.Exprs, key.Expr)
		values.Output = append(values.Output, logical.Column{Name: pulledName + itoa(i), Type: key.Type})
		agg.Keys = append(agg.Keys, i)
	}
	agg.Output = values.Output
	x.domain = agg
	width := len(n.Schema())
	out, err := x.node(n)
	if err != nil {
		return nil, nil, err
	}
	base := outerBase * (d.level + 1)
	conds := make([]expr.Expr, len(columns))
	for i, c := range columns {
		outer := Value{Expr: &expr.Column{Index: base + c, Name: s[c].Name, Of: s[c].Type.Arrow()}, Type: s[c].Type}
		if isNestedKey(s[c].Type) {
			outer = keyBytes(outer)
		}
		conds[i] = same(out.Schema().Ref(width+i), outer.Expr, s[c].Type.Nullable())
	}
	return out, conds, nil
}

// same compares two values of which, when nullable, NULLs are the same, too.
func same(a, b expr.Expr, nullable bool) expr.Expr {
	fn := "eq"
	if nullable {
		fn = "is_not_distinct_from"
	}
	return &expr.Call{Func: fn, Args: []expr.Expr{a, b}, Of: boolType.Arrow()}
}

// size is how many columns the domain has.
func (d *dependent) size() int { return len(d.domain.Schema()) }

// over puts the columns of the domain, which follow width others, in the place
// of those of the query around.
func (d *dependent) over(e expr.Expr, width int) expr.Expr {
	if e == nil {
		return nil
	}
	base := outerBase * (d.level + 1)
	return logical.Rewrite(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok && c.Index >= base && c.Index < base+outerBase {
			at := &expr.Column{Index: width + d.at[c.Index-base], Name: c.Name, Of: c.Of}
			if t, nested := d.nested[c.Index-base]; nested {
				at.Of = d.domain.Schema()[d.at[c.Index-base]].Type.Arrow()
				return ofKeyBytes(at, t)
			}
			return at
		}
		return e
	})
}

// keys are the columns of the domain behind width others.
func (d *dependent) keys(width int) []int {
	out := make([]int, d.size())
	for i := range out {
		out[i] = width + i
	}
	return out
}

// shaped is columns of n, then those of the domain, which are at keys.
func (d *dependent) shaped(n logical.Node, output logical.Schema, columns []expr.Expr, keys []int) logical.Node {
	p := &logical.Project{Input: n, Exprs: slices.Clone(columns), Output: append(slices.Clone(output), d.domain.Schema()...)}
	for _, k := range keys {
		p.Exprs = append(p.Exprs, n.Schema().Ref(k))
	}
	return p
}

// node gives a plan whose columns are those of n, then those of the domain.
func (d *dependent) node(n logical.Node) (logical.Node, error) {
	if !d.inside(n) {
		return d.independent(n), nil
	}
	if v, ok := n.(*logical.Values); ok {
		return d.values(v), nil
	}
	if j, ok := n.(*logical.Join); ok {
		return d.join(j)
	}
	ins := make([]logical.Node, len(n.Inputs()))
	for i, in := range n.Inputs() {
		var err error
		if ins[i], err = d.node(in); err != nil {
			return nil, err
		}
	}
	width := 0
	if len(ins) > 0 {
		width = len(n.Inputs()[0].Schema())
	}
	switch n := n.(type) {
	case *logical.Filter:
		return &logical.Filter{Input: ins[0], Cond: d.over(n.Cond, width)}, nil
	case *logical.Project:
		exprs := make([]expr.Expr, len(n.Exprs))
		for i, e := range n.Exprs {
			exprs[i] = d.over(e, width)
		}
		return d.shaped(ins[0], n.Output, exprs, d.keys(width)), nil
	case *logical.Aggregate:
		return d.aggregate(n, ins[0], width), nil
	case *logical.Sort:
		return d.sort(n, ins[0], width), nil
	case *logical.Rank:
		r := *n
		r.Input, r.Partition = ins[0], append(slices.Clone(n.Partition), d.keys(width)...)
		r.Output = slices.Insert(slices.Clone(n.Output), width, d.domain.Schema()...)
		return d.behind(&r, n.Output, width), nil
	case *logical.Over:
		o := *n
		o.Input, o.Partition = ins[0], append(slices.Clone(n.Partition), d.keys(width)...)
		o.Output = slices.Insert(slices.Clone(n.Output), width, d.domain.Schema()...)
		return d.behind(&o, n.Output, width), nil
	case *logical.Unnest:
		u := *n
		u.Input, u.Keep = ins[0], append(slices.Clone(n.Keep), d.keys(width)...)
		u.Output = slices.Insert(slices.Clone(n.Output), len(n.Keep), d.domain.Schema()...)
		return d.behind(&u, n.Output, len(n.Keep)), nil
	case *logical.Union:
		return &logical.Union{In: ins, Output: append(slices.Clone(n.Output), d.domain.Schema()...)}, nil
	default:
		return nil, unsupported(d.pos, "a query that names a column outside of it below "+logical.Operator(n))
	}
}

// behind moves the columns of the domain, which follow the first width ones of
// n, to the end.
func (d *dependent) behind(n logical.Node, output logical.Schema, width int) logical.Node {
	columns := make([]expr.Expr, len(output))
	for i := range output {
		at := i
		if i >= width {
			at += d.size()
		}
		columns[i] = n.Schema().Ref(at)
	}
	return d.shaped(n, output, columns, d.keys(width))
}

// independent pairs the rows of a plan with all of the domain's.
func (d *dependent) independent(n logical.Node) logical.Node {
	if v, ok := n.(*logical.Values); ok && len(v.Output) == 0 && len(v.Rows) == 1 {
		return d.domain
	}
	return logical.NewJoin(n, d.domain, logical.InnerJoin, nil)
}

// values are rows that are computed of the domain's.
func (d *dependent) values(n *logical.Values) logical.Node {
	u := &logical.Union{Output: append(slices.Clone(n.Output), d.domain.Schema()...)}
	for _, r := range n.Rows {
		exprs := make([]expr.Expr, len(r))
		for i, e := range r {
			exprs[i] = d.over(e, 0)
		}
		u.In = append(u.In, d.shaped(d.domain, n.Output, exprs, d.keys(0)))
	}
	if len(u.In) == 1 {
		return u.In[0]
	}
	return u
}

// aggregate groups by the domain, too. Without keys there is a row also where
// nothing is aggregated.
func (d *dependent) aggregate(n *logical.Aggregate, in logical.Node, width int) logical.Node {
	agg := &logical.Aggregate{Input: in, Keys: append(slices.Clone(n.Keys), d.keys(width)...), Aggs: n.Aggs, TTL: n.TTL}
	agg.Output = slices.Insert(slices.Clone(n.Output), len(n.Keys), d.domain.Schema()...)
	out := d.behind(agg, n.Output, len(n.Keys))
	if len(n.Keys) > 0 || len(n.Aggs) == 0 {
		return out
	}
	size, s := d.size(), d.domain.Schema()
	var cond expr.Expr
	for i := range s {
		right := &expr.Column{Index: size + len(n.Output) + i, Name: s[i].Name, Of: s[i].Type.Arrow()}
		cond = logical.And(cond, same(s.Ref(i), right, s[i].Type.Nullable()))
	}
	j := logical.NewJoin(d.domain, out, logical.LeftJoin, cond)
	none := withoutRows(n)
	columns := make([]expr.Expr, len(n.Output))
	for i := range columns {
		columns[i] = j.Output.Ref(size + i)
		if l, ok := none[i].(*expr.Literal); !ok || l.Value != nil {
			missing := &expr.Call{Func: "is_null", Of: boolType.Arrow(), Args: []expr.Expr{columns[i]}}
			columns[i] = &expr.Call{Func: "case", Of: none[i].Type(), Args: []expr.Expr{missing, none[i], columns[i]}}
		}
	}
	return d.shaped(j, n.Output, columns, d.keys(0))
}

// sort cuts the rows of each value on its own; an order that cuts nothing means
// nothing.
func (d *dependent) sort(n *logical.Sort, in logical.Node, width int) logical.Node {
	if n.Limit < 0 && n.Offset == 0 {
		return in
	}
	return firstOf(n, in, d.keys(width))
}

// firstOf keeps the rows that n keeps, of each partition.
func firstOf(n *logical.Sort, in logical.Node, partition []int) logical.Node {
	to := int64(math.MaxInt64)
	switch {
	case n.Limit == 0:
		return &logical.Values{Output: in.Schema()}
	case n.Limit > 0:
		to = n.Offset + n.Limit
	}
	return &logical.Rank{
		Input: in, Partition: partition, Order: n.Keys, From: n.Offset + 1, To: to, Limit: -1, Window: -1, Output: in.Schema(),
	}
}

// join takes the domain from the left side, and where the right side depends on
// it, too, joins by it.
func (d *dependent) join(n *logical.Join) (logical.Node, error) {
	switch {
	case n.AsOf != nil:
		return nil, unsupported(d.pos, "a query that names a column outside of it below "+logical.Operator(n))
	case n.Type == logical.RightJoin:
		return d.node(turned(n))
	}
	left, err := d.node(n.Left)
	if err != nil {
		return nil, err
	}
	full := n.Type == logical.FullJoin
	right, depends := n.Right, full || d.inside(n.Right)
	if depends {
		if right, err = d.node(n.Right); err != nil {
			return nil, err
		}
	}
	was, size, s := len(n.Left.Schema()), d.size(), d.domain.Schema()
	cond := n.Cond
	if cond != nil {
		cond = logical.Rewrite(cond, func(e expr.Expr) expr.Expr {
			if c, ok := e.(*expr.Column); ok && c.Index >= was && c.Index < outerBase {
				return &expr.Column{Index: c.Index + size, Name: c.Name, Of: c.Of}
			}
			return e
		})
		cond = d.over(cond, was)
	}
	other := was + size + len(n.Right.Schema()) // the domain of the right side
	for i := range s {
		if depends {
			r := &expr.Column{Index: other + i, Name: s[i].Name, Of: s[i].Type.Arrow()}
			l := &expr.Column{Index: was + i, Name: s[i].Name, Of: s[i].Type.Arrow()}
			cond = logical.And(cond, same(l, r, s[i].Type.Nullable()))
		}
	}
	j := logical.NewJoin(left, right, n.Type, cond)
	j.Hints = n.Hints
	out := d.behind(j, n.Output, was)
	if full {
		d.either(out.(*logical.Project), j.Output, was, other)
	}
	return out, nil
}

// either takes the columns of the domain from the side of a full join that has
// a row.
func (d *dependent) either(p *logical.Project, s logical.Schema, left, right int) {
	for i := range d.size() {
		l, r := s.Ref(left+i), s.Ref(right+i)
		missing := &expr.Call{Func: "is_null", Of: boolType.Arrow(), Args: []expr.Expr{l}}
		p.Exprs[len(p.Exprs)-d.size()+i] = &expr.Call{Func: "case", Of: l.Type(), Args: []expr.Expr{missing, r, l}}
	}
}

// turned is a right join as a left join of the other side.
func turned(n *logical.Join) logical.Node {
	left, right := len(n.Left.Schema()), len(n.Right.Schema())
	cond := n.Cond
	if cond != nil {
		cond = logical.Rewrite(cond, func(e expr.Expr) expr.Expr {
			c, ok := e.(*expr.Column)
			switch {
			case !ok || c.Index >= outerBase:
				return e
			case c.Index < left:
				return &expr.Column{Index: c.Index + right, Name: c.Name, Of: c.Of}
			}
			return &expr.Column{Index: c.Index - left, Name: c.Name, Of: c.Of}
		})
	}
	j := logical.NewJoin(n.Right, n.Left, logical.LeftJoin, cond)
	p := &logical.Project{Input: j, Output: slices.Clone(n.Output)}
	for i := range n.Output {
		p.Exprs = append(p.Exprs, j.Output.Ref((i+right)%(left+right)))
	}
	return p
}
