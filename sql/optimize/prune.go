package optimize

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// paths is a set of columns and fields of rows, each as the text of its
// indices: "3" is column 3, "3.0" the first field of it.
type paths map[string]bool

// path gives the text of a column or of a chain of fields over one; ok is
// false for any other expression.
func path(e expr.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *expr.Column:
		return strconv.Itoa(e.Index), true
	case *expr.Call:
		if e.Func != "field" {
			return "", false
		}
		l, is := e.Args[1].(*expr.Literal)
		if !is {
			return "", false
		}
		base, ok := path(e.Args[0])
		i, is := l.Value.(int64)
		return base + "." + strconv.FormatInt(i, 10), ok && is
	}
	return "", false
}

// use adds what e reads.
func (p paths) use(e expr.Expr) {
	logical.Walk(e, func(e expr.Expr) bool {
		text, ok := path(e)
		if ok {
			p[text] = true
		}
		return !ok
	})
}

// columns reduces the paths to whole columns.
func (p paths) columns() map[int]bool {
	out := map[int]bool{}
	for text := range p {
		out[first(text)] = true
	}
	return out
}

func first(text string) int {
	head, _, _ := strings.Cut(text, ".")
	i, _ := strconv.Atoi(head)
	return i
}

// renumber rewrites an expression over the old columns of a node into one over
// its new columns.
type renumber func(e expr.Expr) expr.Expr

// replaceAll is the renumber that puts columns in place of paths.
func replaceAll(at map[string]*expr.Column) renumber {
	var f renumber
	f = func(e expr.Expr) expr.Expr {
		if text, ok := path(e); ok {
			if c, ok := at[text]; ok {
				return c
			}
		}
		c, ok := e.(*expr.Call)
		if !ok {
			return e
		}
		return c.With(each(c.Args, f))
	}
	return f
}

// prune leaves out the columns that nobody uses, down to the scans, which read
// single fields of rows where the whole row is not wanted.
func prune(n logical.Node, o Options) logical.Node {
	all := paths{}
	for i := range n.Schema() {
		all[strconv.Itoa(i)] = true
	}
	p := &pruner{o: o}
	out, _ := p.node(n, all)
	return out
}

type pruner struct{ o Options }

// node prunes n to what is needed of it. Kept columns stay in their order.
func (p *pruner) node(n logical.Node, need paths) (logical.Node, renumber) {
	switch n := n.(type) {
	case *logical.Scan:
		return p.scan(n, need)
	case *logical.Values:
		return p.values(n, need.columns())
	case *logical.Project:
		return p.project(n, need.columns())
	case *logical.Filter:
		need = maps.Clone(need)
		need.use(n.Cond)
		in, re := p.node(n.Input, need)
		return &logical.Filter{Input: in, Cond: re(n.Cond)}, re
	case *logical.Aggregate:
		return p.aggregate(n, need.columns())
	case *logical.Window:
		return p.window(n, need.columns())
	case *logical.WindowAggregate:
		return p.windowAggregate(n, need.columns())
	case *logical.Join:
		return p.join(n, need)
	case *logical.Unnest:
		return p.unnest(n, need.columns())
	case *logical.Expand:
		return p.expand(n, need.columns())
	case *logical.Union:
		return p.union(n, need.columns())
	case *logical.Sort:
		return p.sort(n, need.columns())
	case *logical.Over:
		return p.over(n, need)
	case *logical.Rank:
		return p.rank(n, need)
	case *logical.Match:
		return p.match(n)
	default: // what needs all columns of its inputs
		return inputs(n, func(in logical.Node) logical.Node {
			return prune(in, p.o)
		}), func(e expr.Expr) expr.Expr { return e }
	}
}

// kept builds the new schema and the renumbering for a choice of columns.
func kept(old logical.Schema, keep []int) (logical.Schema, renumber) {
	at := map[string]*expr.Column{}
	var out logical.Schema
	for _, i := range keep {
		at[strconv.Itoa(i)] = &expr.Column{Index: len(out), Name: old[i].Name, Of: old[i].Type.Arrow()}
		out = append(out, old[i])
	}
	return out, replaceAll(at)
}

func sorted(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }

func (p *pruner) scan(n *logical.Scan, need paths) (logical.Node, renumber) {
	if n.Watermark != nil {
		need = maps.Clone(need)
		need.use(n.Watermark)
	}
	if p.o.Projects == nil || !p.o.Projects(n) || n.Columns != nil {
		return n, func(e expr.Expr) expr.Expr { return e }
	}
	if len(need) == 0 {
		need = paths{strconv.Itoa(narrowest(n.Output)): true}
	}
	c := *n
	c.Columns, c.Output = [][]string{}, nil
	at := map[string]*expr.Column{}
	for _, text := range minimal(need) {
		names, col := resolve(n.Output, text)
		at[text] = &expr.Column{Index: len(c.Output), Name: col.Name, Of: col.Type.Arrow()}
		c.Columns = append(c.Columns, names)
		c.Output = append(c.Output, col)
	}
	re := replaceAll(at)
	if n.Watermark != nil {
		c.Watermark = re(n.Watermark)
	}
	return &c, re
}

// minimal sorts the paths by column and field and drops those within another.
func minimal(need paths) []string {
	var out []string
	for text := range need {
		inside := false
		for i := range text {
			inside = inside || text[i] == '.' && need[text[:i]]
		}
		if !inside {
			out = append(out, text)
		}
	}
	slices.SortFunc(out, comparePaths)
	return out
}

func comparePaths(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		i, _ := strconv.Atoi(x)
		j, _ := strconv.Atoi(y)
		return i - j
	})
}

// resolve gives the names along a path and the column that it is.
func resolve(s logical.Schema, text string) ([]string, logical.Column) {
	col := s[first(text)]
	names := []string{col.Name}
	_, rest, nested := strings.Cut(text, ".")
	for nested {
		var head string
		head, rest, nested = strings.Cut(rest, ".")
		i, _ := strconv.Atoi(head)
		f := col.Type.Fields[i]
		names = append(names, f.Name)
		col = logical.Column{
			Name: strings.Join(names, "."),
			Type: f.Type.WithNull(f.Type.Nullable() || col.Type.Nullable()),
		}
	}
	return names, col
}

// narrowest is the column that is cheapest to read, for COUNT(*).
func narrowest(s logical.Schema) int {
	best, at := 1<<30, 0
	for i, c := range s {
		if w := width(c.Type); w < best {
			best, at = w, i
		}
	}
	return at
}

func width(t datatype.Type) int {
	switch t.Kind {
	case datatype.Boolean, datatype.TinyInt:
		return 1
	case datatype.SmallInt:
		return 2
	case datatype.Int, datatype.Float, datatype.Date, datatype.Time:
		return 4
	case datatype.BigInt, datatype.Double, datatype.Timestamp, datatype.TimestampLTZ:
		return 8
	case datatype.Decimal:
		return 16
	case datatype.Char, datatype.VarChar, datatype.Binary, datatype.VarBinary:
		return 64
	default:
		return 1024
	}
}

func (p *pruner) values(n *logical.Values, need map[int]bool) (logical.Node, renumber) {
	keep := sorted(need)
	if len(keep) == len(n.Output) {
		return n, func(e expr.Expr) expr.Expr { return e }
	}
	out, re := kept(n.Output, keep)
	c := &logical.Values{Output: out, Rows: make([][]expr.Expr, len(n.Rows))}
	for r, row := range n.Rows {
		for _, i := range keep {
			c.Rows[r] = append(c.Rows[r], row[i])
		}
	}
	return c, re
}

func (p *pruner) project(n *logical.Project, need map[int]bool) (logical.Node, renumber) {
	keep := sorted(need)
	if len(keep) == 0 { // only the number of rows counts
		return p.node(n.Input, paths{})
	}
	below := paths{}
	for _, i := range keep {
		below.use(n.Exprs[i])
	}
	in, re := p.node(n.Input, below)
	out, up := kept(n.Output, keep)
	c := &logical.Project{Input: in, Output: out}
	for _, i := range keep {
		c.Exprs = append(c.Exprs, re(n.Exprs[i]))
	}
	return c, up
}

// index is the new number of column i.
func (re renumber) index(s logical.Schema, i int) int {
	return re(s.Ref(i)).(*expr.Column).Index
}

// calls renumbers the arguments of aggregates and adds to need what they read.
func used(aggs []logical.AggCall, need paths) {
	for _, a := range aggs {
		for _, arg := range a.Args {
			need[strconv.Itoa(arg)] = true
		}
		if a.Filter >= 0 {
			need[strconv.Itoa(a.Filter)] = true
		}
	}
}

func (re renumber) aggs(s logical.Schema, aggs []logical.AggCall) []logical.AggCall {
	out := slices.Clone(aggs)
	for i, a := range out {
		out[i].Args = slices.Clone(a.Args)
		for j, arg := range a.Args {
			out[i].Args[j] = re.index(s, arg)
		}
		if a.Filter >= 0 {
			out[i].Filter = re.index(s, a.Filter)
		}
	}
	return out
}

func (re renumber) keys(s logical.Schema, keys []int) []int {
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = re.index(s, k)
	}
	return out
}

// aggregate keeps all keys and the aggregates that are used.
func (p *pruner) aggregate(n *logical.Aggregate, need map[int]bool) (logical.Node, renumber) {
	keep, aggs := keepAggs(len(n.Keys), n.Aggs, need)
	below := paths{}
	for _, k := range n.Keys {
		below[strconv.Itoa(k)] = true
	}
	used(aggs, below)
	s := n.Input.Schema()
	in, re := p.node(n.Input, below)
	out, up := kept(n.Output, keep)
	return &logical.Aggregate{Input: in, Keys: re.keys(s, n.Keys), Aggs: re.aggs(s, aggs), TTL: n.TTL, Output: out}, up
}

// keepAggs chooses the keys and the used aggregates. An aggregation that had
// aggregates keeps one: without any it would be DISTINCT.
func keepAggs(keys int, aggs []logical.AggCall, need map[int]bool) (keep []int, kept []logical.AggCall) {
	for i := range keys {
		keep = append(keep, i)
	}
	for i, a := range aggs {
		if need[keys+i] || keys == 0 && i == len(aggs)-1 && len(kept) == 0 {
			keep = append(keep, keys+i)
			kept = append(kept, a)
		}
	}
	return keep, kept
}

// window keeps its time column, the columns that are used, and all three of
// the window's own.
func (p *pruner) window(n *logical.Window, need map[int]bool) (logical.Node, renumber) {
	s := n.Input.Schema()
	below := paths{strconv.Itoa(n.Spec.Time): true}
	keep := map[int]bool{n.Spec.Time: true}
	for _, i := range n.Spec.Partition {
		below[strconv.Itoa(i)] = true
		keep[i] = true
	}
	n.Late.Each(func(e expr.Expr) { logical.Columns(e, keep) })
	below.useLate(n.Late)
	for i := range need {
		if i < len(s) {
			below[strconv.Itoa(i)] = true
			keep[i] = true
		}
	}
	order := sorted(keep)
	in, re := p.node(n.Input, below)
	if len(in.Schema()) != len(order) { // a filter below keeps its own columns
		in, re = p.exactly(n.Input, order), nil
	}
	for i := range n.Output[len(s):] {
		order = append(order, len(s)+i)
	}
	out, up := kept(n.Output, order)
	c := &logical.Window{Input: in, Spec: n.Spec, Output: out}
	if re != nil {
		c.Spec.Time = re.index(s, n.Spec.Time)
		c.Spec.Partition = re.keys(s, n.Spec.Partition)
		c.Late = n.Late.Over(re)
	} else {
		_, exact := kept(s, order[:len(order)-3])
		c.Late = n.Late.Over(exact)
		c.Spec.Time = slices.Index(order, n.Spec.Time)
		c.Spec.Partition = make([]int, len(n.Spec.Partition))
		for i, k := range n.Spec.Partition {
			c.Spec.Partition[i] = slices.Index(order, k)
		}
	}
	return c, up
}

// exactly prunes a node to these columns, in this order.
func (p *pruner) exactly(n logical.Node, keep []int) logical.Node {
	out, _ := kept(n.Schema(), keep)
	return p.only(n, keep, out)
}

func (p *pruner) windowAggregate(n *logical.WindowAggregate, need map[int]bool) (logical.Node, renumber) {
	keep, aggs := keepAggs(len(n.Keys), n.Aggs, need)
	var properties []logical.WindowProperty
	base := len(n.Keys) + len(n.Aggs)
	for i, w := range n.Properties {
		if need[base+i] {
			properties = append(properties, w)
			keep = append(keep, base+i)
		}
	}
	below := paths{strconv.Itoa(n.Spec.Time): true}
	for _, k := range n.Keys {
		below[strconv.Itoa(k)] = true
	}
	used(aggs, below)
	below.useLate(n.Late)
	s := n.Input.Schema()
	in, re := p.node(n.Input, below)
	out, up := kept(n.Output, keep)
	c := &logical.WindowAggregate{
		Late: n.Late.Over(re), Input: in, Spec: n.Spec, Keys: re.keys(s, n.Keys), Aggs: re.aggs(s, aggs), Properties: properties, Output: out,
	}
	c.Spec.Time = re.index(s, n.Spec.Time)
	return c, up
}

// union prunes every side to the same columns.
func (p *pruner) union(n *logical.Union, need map[int]bool) (logical.Node, renumber) {
	keep := sorted(need)
	if len(keep) == 0 {
		keep = []int{narrowest(n.Output)}
	}
	out, up := kept(n.Output, keep)
	c := &logical.Union{Output: out}
	for _, side := range n.In {
		c.In = append(c.In, p.only(side, keep, out))
	}
	return c, up
}

// only prunes a node to exactly these columns, in this order.
func (p *pruner) only(n logical.Node, keep []int, out logical.Schema) logical.Node {
	need := paths{}
	for _, i := range keep {
		need[strconv.Itoa(i)] = true
	}
	s := n.Schema()
	in, re := p.node(n, need)
	pick := &logical.Project{Input: in, Output: out}
	for _, i := range keep {
		pick.Exprs = append(pick.Exprs, re(s.Ref(i)))
	}
	return pick
}

func (p *pruner) sort(n *logical.Sort, need map[int]bool) (logical.Node, renumber) {
	below := paths{}
	for i := range need {
		below[strconv.Itoa(i)] = true
	}
	for _, k := range n.Keys {
		below[strconv.Itoa(k.Column)] = true
	}
	s := n.Input.Schema()
	in, re := p.node(n.Input, below)
	c := &logical.Sort{Input: in, Offset: n.Offset, Limit: n.Limit, Keys: slices.Clone(n.Keys)}
	for i := range c.Keys {
		c.Keys[i].Column = re.index(s, n.Keys[i].Column)
	}
	return c, re
}
