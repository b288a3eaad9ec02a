package optimize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// share makes one scan of all scans of a table in one job: it reads what any of
// them reads, and each takes its columns from it. A source is read once, and
// all queries of a statement set see the same rows. A single query reads a table
// anew for each of its scans where each may skip other rows.
func share(roots []logical.Node, o Options) []logical.Node {
	groups := map[string][]*logical.Scan{}
	for _, r := range roots {
		collect(r, groups)
	}
	common := map[string]*logical.Scan{}
	for key, scans := range groups {
		skips := scans[0].Watermark == nil && o.Filters != nil && o.Filters(scans[0])
		if len(scans) > 1 && (len(roots) > 1 || !skips) {
			common[key] = together(scans)
		}
	}
	out := make([]logical.Node, len(roots))
	for i, r := range roots {
		n := rewrite(r, func(n logical.Node) logical.Node {
			s, ok := n.(*logical.Scan)
			if !ok || common[tableKey(s)] == nil {
				return n
			}
			return from(common[tableKey(s)], s)
		})
		out[i] = mergeAll(n)
	}
	return out
}

func collect(n logical.Node, groups map[string][]*logical.Scan) {
	if s, ok := n.(*logical.Scan); ok {
		groups[tableKey(s)] = append(groups[tableKey(s)], s)
	}
	for _, in := range n.Inputs() {
		collect(in, groups)
	}
}

// tableKey is equal for scans of one table with the same options.
func tableKey(s *logical.Scan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v", s.Table.Ident, s.Columns == nil)
	for _, k := range slices.Sorted(maps.Keys(s.Table.Options)) {
		fmt.Fprintf(&b, " %q=%q", k, s.Table.Options[k])
	}
	return b.String()
}

// together is a scan that serves all of scans, or nil when they are equal
// already.
func together(scans []*logical.Scan) *logical.Scan {
	c := *scans[0]
	if c.Columns == nil {
		for _, s := range scans {
			if s.Watermark != nil {
				c.Watermark, c.Output = s.Watermark, s.Output
			}
		}
		return &c
	}
	c.Columns, c.Output, c.Watermark = nil, nil, nil
	at := map[string]bool{}
	for _, s := range scans {
		for i, p := range s.Columns {
			if key := strings.Join(p, "\x00"); !at[key] {
				at[key] = true
				c.Columns = append(c.Columns, p)
				c.Output = append(c.Output, s.Output[i])
			}
		}
	}
	for _, s := range scans {
		if s.Watermark != nil && c.Watermark == nil {
			c.Watermark = logical.Substitute(s.Watermark, picks(&c, s))
		}
	}
	return &c
}

// picks are the columns of s among those of the common scan.
func picks(common, s *logical.Scan) []expr.Expr {
	if s.Columns == nil {
		return common.Output.Refs()
	}
	out := make([]expr.Expr, len(s.Columns))
	for i, p := range s.Columns {
		j := slices.IndexFunc(common.Columns, func(q []string) bool { return slices.Equal(p, q) })
		out[i] = common.Output.Ref(j)
	}
	return out
}

// from takes the columns of s from the common scan.
func from(common, s *logical.Scan) logical.Node {
	return &logical.Project{Input: common, Exprs: picks(common, s), Output: s.Output}
}
