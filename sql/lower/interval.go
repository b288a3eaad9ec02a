package lower

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// bounds are those of the left time minus the right one, in milliseconds, for two
// time attributes.
type bounds struct {
	left, right  int // columns of the sides
	lower, upper int64
}

// timeBounds finds in the condition of a join the bounds between two time
// attributes:
//
//	a.ts BETWEEN b.ts - INTERVAL '2' SECOND AND b.ts + INTERVAL '5' SECOND
func timeBounds(n *logical.Join) (bounds, bool) {
	found := map[[2]int]*bounds{}
	compared(n, func(left, right int, op string, by int64) {
		if !rowtime(n.Left, left) || !rowtime(n.Right, right) {
			return
		}
		x := found[[2]int{left, right}]
		if x == nil {
			x = &bounds{left: left, right: right, lower: math.MinInt64, upper: math.MaxInt64}
			found[[2]int{left, right}] = x
		}
		x.add(op, by)
	})
	for _, c := range sortedPairs(found) {
		if x := found[c]; x.lower != math.MinInt64 && x.upper != math.MaxInt64 && x.lower <= x.upper {
			return *x, true
		}
	}
	return bounds{}, false
}

// compared gives f what the condition of a join says of a column of the left side
// and one of the right side: left op right + by.
func compared(n *logical.Join, f func(left, right int, op string, by int64)) {
	if n.Cond == nil {
		return
	}
	width := len(n.Left.Schema())
	for _, part := range logical.Conjuncts(n.Cond) {
		c, ok := part.(*expr.Call)
		if !ok || len(c.Args) != 2 {
			continue
		}
		a, plusA, okA := shifted(c.Args[0])
		b, plusB, okB := shifted(c.Args[1])
		op := c.Func
		if okA && okB && a >= width && b < width {
			a, b, plusA, plusB, op = b, a, plusB, plusA, mirrored[op]
		}
		if okA && okB && a < width && b >= width {
			f(a, b-width, op, plusB-plusA)
		}
	}
}

func sortedPairs(m map[[2]int]*bounds) [][2]int {
	var out [][2]int
	for k := range m {
		out = append(out, k)
	}
	for i := range out {
		for j := i; j > 0 && (out[j][0] < out[j-1][0] || out[j][0] == out[j-1][0] && out[j][1] < out[j-1][1]); j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

var mirrored = map[string]string{"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq"}

// add narrows the bounds by left − right op by. Times of a finer unit are rounded
// to milliseconds, so each bound is a millisecond wider than it need be.
func (x *bounds) add(op string, by int64) {
	switch op {
	case "eq":
		x.lower, x.upper = max(x.lower, by-1), min(x.upper, by+1)
	case "gt", "ge":
		x.lower = max(x.lower, by-1)
	case "lt", "le":
		x.upper = min(x.upper, by+1)
	}
}

func rowtime(n logical.Node, column int) bool {
	c := n.Schema()[column]
	return c.Time == logical.Rowtime && c.Type.Arrow().ID() == arrow.TIMESTAMP
}

// shifted takes column + interval apart.
func shifted(e expr.Expr) (column int, by int64, ok bool) {
	switch e := e.(type) {
	case *expr.Column:
		return e.Index, 0, true
	case *expr.Call:
		if len(e.Args) != 2 || e.Func != "add" && e.Func != "sub" {
			return 0, 0, false
		}
		x, l := e.Args[0], e.Args[1]
		if _, first := x.(*expr.Literal); first && e.Func == "add" {
			x, l = l, x
		}
		ms, ok := interval(l)
		if !ok {
			return 0, 0, false
		}
		if column, by, ok = shifted(x); e.Func == "sub" {
			ms = -ms
		}
		return column, by + ms, ok
	case *expr.Literal:
	}
	return 0, 0, false
}

func interval(e expr.Expr) (int64, bool) {
	l, ok := e.(*expr.Literal)
	if !ok || l.Of.ID() != arrow.DURATION {
		return 0, false
	}
	ms, ok := l.Value.(int64)
	return ms, ok && ms > -maxSpan && ms < maxSpan
}

// maxSpan bounds what is added to times: a thousand years.
const maxSpan = 1000 * 366 * 86400_000

// interval joins rows whose times are close. It is for inserts, of a stream.
func (b *builder) intervalJoin(n *logical.Join, left, right built) (v built, ok bool, err error) {
	if b.atEnd() || n.Type.Half() || n.AsOf != nil || left.mode != Insert || right.mode != Insert {
		return built{}, false, nil
	}
	x, ok := timeBounds(n)
	if !ok || b.untimely(n.Left, x.left) != nil || b.untimely(n.Right, x.right) != nil {
		return built{}, false, nil
	}
	keys := n.Keys()
	if err := b.conditionCompiles(n, keys.Rest); err != nil {
		return built{}, false, err
	}
	c := join.IntervalConfig{
		Config: join.Config{
			Type: joinTypes[n.Type], LeftKeys: keys.Left, RightKeys: keys.Right, NullSafe: keys.NullSafe, Condition: expr.NewDoc(keys.Rest),
			Zone: b.zone(), NowMillis: b.o.NowMillis,
		},
		LeftTime: x.left, RightTime: x.right, LowerMillis: x.lower, UpperMillis: x.upper,
	}
	p := b.spread(keys.Left)
	in0, in1 := keyed(left, p, keys.Left), keyed(right, p, keys.Right)
	in1.Input = 1
	return b.add(job.Vertex{
		UID: uid("interval-join", b.lineage(n)), Kind: join.IntervalKind, Config: config(c), Parallelism: p, Output: schema(n.Output),
		Name: fmt.Sprintf("IntervalJoin(joinType=[%s], windowBounds=[isRowTime=true, leftLowerBound=%d, leftUpperBound=%d, leftTimeIndex=%d, rightTimeIndex=%d], where=[%s], select=[%s])",
			n.Type, x.lower, x.upper, x.left, x.right, n.WhereText(), strings.Join(n.Output.Names(), ", ")),
	}, Insert, in0, in1), true, nil
}
