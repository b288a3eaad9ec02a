package lower

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
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
	if v, ok, err := b.lookupByKey(n); ok || err != nil {
		return v, true, err
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
	c := join.LookupConfig{Table: s, Right: schema(scan.Output), AgainMillis: scan.Again}
	if c.Config, err = b.looked(n); err != nil {
		return v, true, err
	}
	return b.lookupVertex(n, scan, join.LookupKind, config(c), left), true, nil
}

// looked is the join of rows with those that are looked up.
func (b *builder) looked(n *logical.Join) (join.Config, error) {
	keys := n.Keys()
	return join.Config{
		Type: joinTypes[n.Type], LeftKeys: keys.Left, RightKeys: keys.Right, NullSafe: keys.NullSafe, Condition: expr.NewDoc(keys.Rest),
		Zone: b.zone(), NowMillis: b.o.NowMillis,
	}, b.conditionCompiles(n, keys.Rest)
}

// lookupVertex runs in the tasks of the left side.
func (b *builder) lookupVertex(n *logical.Join, scan *logical.Scan, kind string, config json.RawMessage, left built) built {
	name := strings.Replace(logical.Operator(n), "LookupJoin(", "LookupJoin(table=["+plain(scan.Table.Ident)+"], ", 1)
	return b.add(job.Vertex{
		UID: uid(kind, b.lineage(n)), Name: name, Kind: kind, Config: config, Parallelism: left.parallelism, Output: schema(n.Output),
	}, Insert, edge(left, left.parallelism))
}

// lookupByKey is a join whose right side is a table that is asked for the rows of keys. It
// is not ok where the table cannot be asked so, and is read.
func (b *builder) lookupByKey(n *logical.Join) (v built, ok bool, err error) {
	scan := scanned(n.Right)
	if scan == nil || scan.Lookup == nil {
		return v, false, nil
	}
	con, err := b.o.Registry.Connector(scan.Table.Connector)
	if err != nil || con.Lookup == nil {
		return v, false, err
	}
	left, err := b.node(n.Left)
	if err != nil || left.mode != Insert { // what is taken back must be what was given
		return v, false, err
	}
	over, j := logical.Node(nil), n
	if n.Right != logical.Node(scan) {
		p, ok := overTable(n, scan)
		if !ok {
			return v, false, nil
		}
		over, j = p, p.Input.(*logical.Join)
		scan = j.Right.(*logical.Scan)
	}
	keys := j.Keys()
	s, src, err := b.open(scan)
	if err != nil || slices.Contains(keys.NullSafe, true) || len(keys.Right) == 0 {
		return v, false, err
	}
	if err := b.matches(scan, src.Schema()); err != nil {
		return v, false, err
	}
	c := join.ByKeyConfig{Ask: ops.Asking{Scan: s, By: keys.Right, Retries: scan.Lookup.Retries}, Right: schema(scan.Output), Cache: scan.Lookup.Cache}
	table, err := con.Lookup(b.ctx, c.Ask)
	if err != nil || table == nil {
		return v, false, err
	}
	if err := table.Close(); err != nil {
		return v, false, err
	}
	if over != nil {
		v, err = b.node(over)
		return v, true, err
	}
	if c.Config, err = b.looked(n); err != nil {
		return v, false, err
	}
	return b.lookupVertex(n, scan, join.ByKeyKind, config(c), left), true, nil
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
func overTable(n *logical.Join, scan *logical.Scan) (*logical.Project, bool) {
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
