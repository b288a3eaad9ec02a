package lower

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// lookupJoin is a join whose right side is a table that is read again and again,
// in the tasks of the left side.
func (b *builder) lookupJoin(n *logical.Join) (v built, ok bool, err error) {
	if n.AsOf == nil || !n.AsOf.Lookup || b.atEnd() {
		return v, false, nil
	}
	scan := scanned(n.Right)
	if scan == nil || scan.Again == 0 {
		return v, false, nil
	}
	if n.Right != logical.Node(scan) {
		over, ok := overTable(n, scan)
		if !ok {
			return v, true, fmt.Errorf("%w: not supported yet: columns that are computed from table %s, which is read again and again, before rows are looked up in it: "+
				"compute them behind the join", job.ErrInvalid, scan.Table.Ident)
		}
		v, err = b.node(over)
		return v, true, err
	}
	left, err := b.node(n.Left)
	if err != nil {
		return v, true, err
	}
	if left.mode != Insert {
		return v, true, fmt.Errorf("%w: rows that may be taken back are looked up in table %s, which is read again and again: what is taken back would not be what was given. "+
			"Leave out its 'lookup.full-cache.periodic-reload.interval' and 'lookup.partial-cache.expire-after-write', so that it is read once", job.ErrInvalid, scan.Table.Ident)
	}
	s, src, err := b.open(scan)
	if err != nil {
		return v, true, err
	}
	if err := b.matches(scan, src.Schema()); err != nil {
		return v, true, err
	}
	if !src.Bounded() || sourceMode(src) != Insert {
		return v, true, fmt.Errorf("%w: table %s cannot be read again and again: it must end, and its rows must not change", job.ErrInvalid, scan.Table.Ident)
	}
	keys := n.Keys()
	if err := b.conditionCompiles(n, keys.Rest); err != nil {
		return v, true, err
	}
	c := join.LookupConfig{
		Config: join.Config{
			Type: joinTypes[n.Type], LeftKeys: keys.Left, RightKeys: keys.Right, NullSafe: keys.NullSafe, Condition: expr.NewDoc(keys.Rest),
			Zone: b.zone(), NowMillis: b.o.NowMillis,
		},
		Table: s, Right: schema(scan.Output), AgainMillis: scan.Again,
	}
	name := strings.Replace(logical.Operator(n), "LookupJoin(", "LookupJoin(table=["+plain(scan.Table.Ident)+"], ", 1)
	return b.add(job.Vertex{
		UID: uid(join.LookupKind, b.lineage(n)), Name: name, Kind: join.LookupKind, Config: config(c),
		Parallelism: left.parallelism, Output: schema(n.Output),
	}, Insert, edge(left, left.parallelism)), true, nil
}

// scanned is the one table below filters and projections, or nil.
func scanned(n logical.Node) *logical.Scan {
	switch n := n.(type) {
	case *logical.Scan:
		return n
	case *logical.Filter:
		return scanned(n.Input)
	case *logical.Project:
		return scanned(n.Input)
	default:
		return nil
	}
}

// overTable is a join with what is above a table as a join with the table itself:
// filters become conditions, and a projection chooses the columns behind it.
func overTable(n *logical.Join, scan *logical.Scan) (logical.Node, bool) {
	left := n.Left.Schema()
	exprs := make([]expr.Expr, 0, len(n.Both()))
	exprs = append(exprs, left.Refs()...)
	conds, columns := below(n.Right)
	for _, e := range columns {
		c, ok := e.(*expr.Column)
		if !ok {
			return nil, false
		}
		exprs = append(exprs, &expr.Column{Index: len(left) + c.Index, Name: c.Name, Of: c.Of})
	}
	all := make([]expr.Expr, 0, len(conds)+1)
	if n.Cond != nil {
		all = append(all, logical.Substitute(n.Cond, exprs))
	}
	for _, c := range conds {
		all = append(all, logical.Rewrite(c, func(e expr.Expr) expr.Expr {
			if c, ok := e.(*expr.Column); ok {
				return &expr.Column{Index: len(left) + c.Index, Name: c.Name, Of: c.Of}
			}
			return e
		}))
	}
	table := *scan
	table.Filter = nil
	j := logical.NewJoin(n.Left, &table, n.Type, logical.And(all...))
	j.AsOf, j.Hints = n.AsOf, n.Hints
	p := &logical.Project{Input: j, Output: n.Output}
	for i := range n.Output {
		p.Exprs = append(p.Exprs, j.Output.Ref(exprs[i].(*expr.Column).Index))
	}
	return p, true
}

// below are the filters above a table and the columns of n, both over the columns
// of the table.
func below(n logical.Node) (conds, columns []expr.Expr) {
	switch n := n.(type) {
	case *logical.Filter:
		conds, columns = below(n.Input)
		return append(conds, logical.Substitute(n.Cond, columns)), columns
	case *logical.Project:
		conds, in := below(n.Input)
		for _, e := range n.Exprs {
			columns = append(columns, logical.Substitute(e, in))
		}
		return conds, columns
	default:
		return nil, n.Schema().Refs()
	}
}
