package agg

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// By is one key of the order in which a function takes the values of a group.
type By struct {
	// Arg is the place of the key among the arguments of the function.
	Arg        int  `json:"arg"`
	Desc       bool `json:"desc,omitempty"`
	NullsFirst bool `json:"nullsFirst,omitempty"`
}

func (b By) order() vector.Order {
	o := vector.Order{Desc: b.Desc, Nulls: vector.NullsLast}
	if b.NullsFirst {
		o.Nulls = vector.NullsFirst
	}
	return o
}

// byText is the order as part of a name: " order by a desc, b".
func (s Spec) byText(in *arrow.Schema) string {
	var sb strings.Builder
	for i, b := range s.Order {
		sb.WriteString([]string{" order by ", ", "}[min(i, 1)] + in.Field(s.Args[b.Arg]).Name)
		if b.Desc {
			sb.WriteString(" desc")
		}
		if b.NullsFirst == b.Desc {
			sb.WriteString(map[bool]string{true: " nulls first", false: " nulls last"}[b.NullsFirst])
		}
	}
	return sb.String()
}

// sorted puts the rows of each group in the order of the function; among equals
// they stay as they came. ids are the rows of all groups, counts how many each has.
func (a *listed) sorted(t *Table, ids []uint32, counts []int) []uint32 {
	if len(a.spec.Order) == 0 || len(ids) < 2 {
		return ids
	}
	group := newColumn[int32](t.layout.alloc, len(ids))
	at := 0
	for g, n := range counts {
		for range n {
			group.values[at] = int32(g)
			at++
		}
	}
	cols, orders := []arrow.Array{group.array(arrow.PrimitiveTypes.Int32)}, []vector.Order{{}}
	for _, b := range a.spec.Order {
		cols, orders = append(cols, a.values(t, b.Arg, ids)), append(orders, b.order())
	}
	defer release(cols)
	out := make([]uint32, len(ids))
	for i, row := range vector.Sort(t.layout.alloc, cols, orders) {
		out[i] = ids[row]
	}
	return out
}

// edge reports that only the first or the last row of a group is of use.
func (a *listed) edge() bool {
	return !a.bag.retract && (a.spec.Func == "first_value" || a.spec.Func == "last_value")
}

// keepEdge forgets the rows of groups but the one that FIRST_VALUE or
// LAST_VALUE takes in its order.
func (a *listed) keepEdge(t *Table, groups []uint32) {
	if len(a.spec.Order) == 0 || !a.edge() {
		return
	}
	groups = slices.Clone(groups)
	slices.Sort(groups)
	groups = slices.Compact(groups)
	b := t.bag(a.bag)
	ids, counts := b.rows(groups)
	ids = a.sorted(t, ids, counts)
	at := 0
	for _, n := range counts {
		kept := rowstore.None
		if n > 0 {
			if kept = ids[at]; a.spec.Func == "last_value" {
				kept = ids[at+n-1]
			}
		}
		for _, id := range ids[at : at+n] {
			if id != kept {
				b.remove(id)
			}
		}
		at += n
	}
}
