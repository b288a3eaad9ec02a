package logical

import (
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// JoinType is what a join gives besides, or instead of, its pairs.
type JoinType uint8

// The types of joins. Semi and Anti give rows of the left side: those with a
// partner, or those without.
const (
	InnerJoin JoinType = iota + 1
	LeftJoin
	RightJoin
	FullJoin
	SemiJoin
	AntiJoin
)

func (t JoinType) String() string {
	return [...]string{"", "InnerJoin", "LeftOuterJoin", "RightOuterJoin", "FullOuterJoin", "LeftSemiJoin", "LeftAntiJoin"}[t]
}

// relational is the type in the words of relational algebra.
func (t JoinType) relational() string {
	return [...]string{"", "inner", "left", "right", "full", "semi", "anti"}[t]
}

// Half reports whether only columns of the left side are given.
func (t JoinType) Half() bool { return t == SemiJoin || t == AntiJoin }

// Pads reports whether rows of the left or right side without a partner are
// given, with NULLs for the other side.
func (t JoinType) Pads() (left, right bool) {
	return t == LeftJoin || t == FullJoin, t == RightJoin || t == FullJoin
}

// Join is the pairs of rows of two sides for which Cond is true, over the
// columns of the left and then of the right side; a nil Cond is always true.
type Join struct {
	Left, Right Node
	Type        JoinType
	Cond        expr.Expr
	AsOf        *AsOf // nil for a join of whole tables
	Hints       JoinHints
	Output      Schema
}

// AsOf says that a row of the left side is joined with the right side as it is, or
// was, at a time: FOR SYSTEM_TIME AS OF.
type AsOf struct {
	// Lookup says that the time is that of processing.
	Lookup bool
	// Time is the column of the left side that gives the time.
	Time int
	// Version is the column of the right side from which on a row holds. It is
	// nothing to a lookup.
	Version int
	// Latest says that the right side was a query for the latest row of each key,
	// and is now what that reads: all versions.
	Latest bool
}

// NewJoin joins two nodes. Names that occur twice get a number, as in Flink: id,
// id0.
func NewJoin(left, right Node, t JoinType, cond expr.Expr) *Join {
	j := &Join{Left: left, Right: right, Type: t, Cond: cond}
	padsLeft, padsRight := t.Pads()
	j.Output = slices.Clone(left.Schema())
	for i := range j.Output {
		if padsRight {
			j.Output[i].Type = j.Output[i].Type.WithNull(true)
		}
	}
	if t.Half() {
		return j
	}
	taken := map[string]bool{}
	for _, c := range j.Output {
		taken[c.Name] = true
	}
	for _, c := range right.Schema() {
		if padsLeft {
			c.Type = c.Type.WithNull(true)
		}
		name := c.Name
		for n := 0; taken[c.Name]; n++ {
			c.Name = name + strconv.Itoa(n)
		}
		taken[c.Name] = true
		j.Output = append(j.Output, c)
	}
	return j
}

// Both is the columns of both sides, over which Cond is.
func (n *Join) Both() Schema {
	if !n.Type.Half() {
		return n.Output
	}
	return NewJoin(n.Left, n.Right, InnerJoin, nil).Output
}

// Schema implements Node.
func (n *Join) Schema() Schema { return n.Output }

// Inputs implements Node.
func (n *Join) Inputs() []Node { return []Node{n.Left, n.Right} }

// With implements Node.
func (n *Join) With(in []Node) Node { c := *n; c.Left, c.Right = in[0], in[1]; return &c }

func (*Join) node() {}

// JoinKeys are the columns that a condition wants to be equal, pair by pair,
// and what it wants besides.
type JoinKeys struct {
	Left, Right []int
	NullSafe    []bool // NULLs are equal: IS NOT DISTINCT FROM
	Rest        expr.Expr
}

// Keys takes the equal columns out of the condition. Right counts from the first
// column of the right side.
func (n *Join) Keys() JoinKeys {
	var k JoinKeys
	if n.Cond == nil {
		return k
	}
	left := len(n.Left.Schema())
	var rest []expr.Expr
	for _, c := range Conjuncts(n.Cond) {
		l, r, safe, ok := equal(c, left)
		if !ok {
			rest = append(rest, c)
			continue
		}
		k.Left, k.Right, k.NullSafe = append(k.Left, l), append(k.Right, r-left), append(k.NullSafe, safe)
	}
	k.Rest = And(rest...)
	return k
}

// equal recognizes l = r and l IS NOT DISTINCT FROM r, for a column of each side.
func equal(e expr.Expr, left int) (l, r int, safe, ok bool) {
	c, is := e.(*expr.Call)
	if !is || c.Func != "eq" && c.Func != "is_not_distinct_from" || len(c.Args) != 2 {
		return 0, 0, false, false
	}
	a, isA := c.Args[0].(*expr.Column)
	b, isB := c.Args[1].(*expr.Column)
	if !isA || !isB {
		return 0, 0, false, false
	}
	l, r = min(a.Index, b.Index), max(a.Index, b.Index)
	return l, r, c.Func != "eq", l < left && r >= left && Keyable(a) && Keyable(b) && arrow.TypeEqual(a.Of, b.Of)
}

// Keyable reports whether values of e can be joined by hash: whether their type
// is that of a key.
func Keyable(e expr.Expr) bool { return vector.IsKey(e.Type()) }

func joinTree(n *Join) string {
	cond := "true"
	if n.Cond != nil {
		cond = Text(n.Cond, numbers(n.Both()))
	}
	return "LogicalJoin(condition=[" + cond + "], joinType=[" + n.Type.relational() + "])"
}

// WhereText is the condition of a join as its operator prints it.
func (n *Join) WhereText() string {
	if n.Cond == nil {
		return "true"
	}
	return Text(n.Cond, n.Both().Names())
}

func joinText(n *Join) string {
	switch {
	case n.AsOf == nil:
	case n.AsOf.Lookup:
		return "LookupJoin(joinType=[" + n.Type.String() + "], where=[" + n.WhereText() + "], select=[" + strings.Join(n.Output.Names(), ", ") + "]" + n.Hints.Lookup + ")"
	default:
		return "TemporalJoin(joinType=[" + n.Type.String() + "], where=[(" + n.WhereText() + " AND __TEMPORAL_JOIN_CONDITION(" +
			n.Left.Schema()[n.AsOf.Time].Name + ", " + n.Right.Schema()[n.AsOf.Version].Name + "))], select=[" + strings.Join(n.Output.Names(), ", ") + "])"
	}
	return "Join(joinType=[" + n.Type.String() + "], where=[" + n.WhereText() + "], select=[" + strings.Join(n.Output.Names(), ", ") + "]" + n.Hints.text() + ")"
}
