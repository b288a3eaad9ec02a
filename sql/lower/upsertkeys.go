package lower

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// The upsert keys of a stream are the sets of columns that tell its rows apart and
// by which the changes of one row come in order: a reader that keeps a row per key
// has the table. A key does not outlive an exchange that may bring two rows of the
// key into different tasks, which do not wait for each other: then the new row may
// come before the old one is taken back.
//
//	GROUP BY name            {name}
//	  … JOIN ON sum = x      none: by sum, rows of one name come from several tasks

// columnSet is a set of columns, ascending.
type columnSet []int

func setOf(columns []int) columnSet {
	s := slices.Clone(columns)
	slices.Sort(s)
	return slices.Compact(s)
}

// within reports whether all columns of s are in t.
func (s columnSet) within(t columnSet) bool {
	for _, c := range s {
		if _, ok := slices.BinarySearch(t, c); !ok {
			return false
		}
	}
	return true
}

// through are the keys that outlive an exchange by columns.
func through(keys []columnSet, by []int) []columnSet {
	var out []columnSet
	for _, k := range keys {
		if setOf(by).within(k) {
			out = append(out, k)
		}
	}
	return out
}

// maxKeys bounds how many keys of a node are looked at.
const maxKeys = 16

// upsertKeys are the upsert keys of a node, as columns of its schema.
func upsertKeys(n logical.Node) []columnSet {
	keys := upsertKeysOf(n)
	return keys[:min(len(keys), maxKeys)]
}

func upsertKeysOf(n logical.Node) []columnSet {
	switch n := n.(type) {
	case *logical.Scan:
		return primaryKey(n)
	case *logical.Project:
		return projected(n)
	case *logical.Filter, *logical.Sort, *logical.Watermark:
		return upsertKeys(n.Inputs()[0])
	case *logical.Aggregate:
		return []columnSet{setOf(first(len(n.Keys)))}
	case *logical.WindowAggregate:
		if len(n.Properties) > 0 {
			at := len(n.Keys) + len(n.Aggs)
			return []columnSet{setOf(append(first(len(n.Keys)), at))}
		}
	case *logical.Rank:
		keys := through(upsertKeys(n.Input), n.Partition)
		if n.From == n.To {
			keys = append(keys, setOf(n.Partition))
		} else if n.Number && n.Kind == logical.RowNumber {
			keys = append(keys, setOf(append(slices.Clone(n.Partition), len(n.Output)-1)))
		}
		return keys
	case *logical.Over:
		return through(upsertKeys(n.Input), n.Partition)
	case *logical.Join:
		return joinedKeys(n)
	case *logical.Changelog:
		if n.Keys != nil {
			return []columnSet{setOf(n.Keys)}
		}
	case *logical.Sink, *logical.Union, *logical.Unnest, *logical.Expand, *logical.Match, *logical.Window, *logical.Values:
	}
	return nil
}

func first(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// primaryKey is that of a table, when it is read.
func primaryKey(n *logical.Scan) []columnSet {
	if len(n.Table.PrimaryKey) == 0 {
		return nil
	}
	var key []int
	for _, name := range n.Table.PrimaryKey {
		at := n.Output.Index(name)
		if at < 0 {
			return nil
		}
		key = append(key, at)
	}
	return []columnSet{setOf(key)}
}

// projected are the keys of which a projection passes all columns on.
func projected(n *logical.Project) []columnSet {
	at := map[int]int{}
	for i, e := range n.Exprs {
		if c, ok := passes(e); ok {
			if _, has := at[c]; !has {
				at[c] = i
			}
		}
	}
	var out []columnSet
	for _, k := range upsertKeys(n.Input) {
		var moved []int
		for _, c := range k {
			if to, ok := at[c]; ok {
				moved = append(moved, to)
			}
		}
		if len(moved) == len(k) {
			out = append(out, setOf(moved))
		}
	}
	return out
}

// passes is the column whose values e tells apart: the column itself, or a cast of
// it that loses nothing.
func passes(e expr.Expr) (column int, ok bool) {
	switch e := e.(type) {
	case *expr.Column:
		return e.Index, true
	case *expr.Call:
		if e.Func == "checked" || e.Func == "cast" && widens(e.Args[0].Type(), e.Of) {
			return passes(e.Args[0])
		}
	case *expr.Literal:
	}
	return 0, false
}

func widens(from, to arrow.DataType) bool {
	if arrow.TypeEqual(from, to) {
		return true
	}
	f, isF := from.(arrow.FixedWidthDataType)
	t, isT := to.(arrow.FixedWidthDataType)
	return isF && isT && arrow.IsInteger(from.ID()) && arrow.IsInteger(to.ID()) && t.BitWidth() >= f.BitWidth()
}

// unique reports whether one row at the most has given values of columns.
func unique(keys []columnSet, of []int) bool {
	return slices.ContainsFunc(keys, func(k columnSet) bool { return k.within(setOf(of)) })
}

// joinedKeys are the keys of a join. A row of a side keeps its key when it has one
// partner at the most; else both keys together tell the pairs apart.
func joinedKeys(n *logical.Join) []columnSet {
	by := n.Keys()
	oneLeft, oneRight := unique(upsertKeys(n.Left), by.Left), unique(upsertKeys(n.Right), by.Right)
	left, right := through(upsertKeys(n.Left), by.Left), through(upsertKeys(n.Right), by.Right)
	if n.Type.Half() || n.AsOf != nil && !n.AsOf.Lookup {
		return left
	}
	width := len(n.Left.Schema())
	for i, k := range right {
		right[i] = slices.Clone(k)
		for j := range k {
			right[i][j] += width
		}
	}
	padsLeft, padsRight := n.Type.Pads()
	var out []columnSet
	if oneRight && !padsRight {
		out = append(out, left...)
	}
	if oneLeft && !padsLeft {
		out = append(out, right...)
	}
	for _, l := range left {
		for _, r := range right {
			out = append(out, setOf(append(slices.Clone(l), r...)))
		}
	}
	return out
}
