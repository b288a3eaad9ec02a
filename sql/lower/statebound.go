package lower

import (
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/sql/logical"
)

// stateBounds finds out until when the rows of a regular join can find partners
// that are still to come. Results of windows come before the watermark passes the
// end of their window, so that a condition which wants that end to be near the time
// of a row of the other side says when that row has seen all its partners:
//
//	bid.ts BETWEEN most.window_end - INTERVAL '10' SECOND AND most.window_end
//
// bounds rows of bid: at watermark ts + 10 s there come only windows that end later.
// It bounds no rows of most, since a bid may be late. Both inputs are inserts: a row
// that is taken back would have to be found. A source that is idle does not hold the
// watermark back and may come behind it, so there is no bound then.
func (b *builder) stateBounds(n *logical.Join, left, right built, c *join.Config) {
	if b.atEnd() || n.AsOf != nil || left.mode != Insert || right.mode != Insert || b.o.IdleMillis > 0 || b.idles {
		return
	}
	compared(n, func(l, r int, op string, by int64) {
		if !alike(n.Left.Schema()[l], n.Right.Schema()[r]) {
			return
		}
		if op == "ge" || op == "gt" || op == "eq" {
			if behind, ok := b.ahead(n.Right, r); ok && c.LeftTTLMillis == 0 {
				c.LeftBound = sooner(c.LeftBound, join.Bound{Column: l, KeepMillis: behind - by})
			}
		}
		if op == "le" || op == "lt" || op == "eq" {
			if behind, ok := b.ahead(n.Left, l); ok && c.RightTTLMillis == 0 {
				c.RightBound = sooner(c.RightBound, join.Bound{Column: r, KeepMillis: behind + by})
			}
		}
	})
}

func sooner(a *join.Bound, b join.Bound) *join.Bound {
	if a != nil && (a.Column != b.Column || a.KeepMillis <= b.KeepMillis) {
		return a
	}
	return &b
}

// alike reports whether two columns are points in time of the same kind, to the
// millisecond.
func alike(a, b logical.Column) bool {
	x, okX := a.Type.Arrow().(*arrow.TimestampType)
	y, okY := b.Type.Arrow().(*arrow.TimestampType)
	return okX && okY && (x.TimeZone == "") == (y.TimeZone == "") && max(x.Unit, y.Unit) <= arrow.Millisecond
}

// ahead reports whether values of a column in rows that come behind a watermark are
// greater than it minus behind milliseconds, whatever the rows before were.
func (b *builder) ahead(n logical.Node, column int) (behind int64, ok bool) {
	switch x := n.(type) {
	case *logical.Project:
		c, plus, ok := shifted(x.Exprs[column])
		if !ok {
			return 0, false
		}
		behind, ok = b.ahead(x.Input, c)
		return behind - plus, ok
	case *logical.Filter:
		return b.ahead(x.Input, column)
	case *logical.Union:
		for i, in := range x.In {
			of, ok := b.ahead(in, column)
			if !ok {
				return 0, false
			}
			if i == 0 || of > behind {
				behind = of
			}
		}
		return behind, len(x.In) > 0
	case *logical.WindowAggregate:
		if base := len(x.Keys) + len(x.Aggs); column >= base {
			return b.windowAhead(x, x.Properties[column-base])
		}
	default: // rows may be late
	}
	return 0, false
}

// windowAhead is ahead for a property of windows. Their results are given once, and
// rows that come behind the end of their window are dropped.
func (b *builder) windowAhead(n *logical.WindowAggregate, p logical.WindowProperty) (behind int64, ok bool) {
	t, is := n.Input.Schema()[n.Spec.Time].Type.Arrow().(*arrow.TimestampType)
	if !is || n.Spec.Processing || n.Spec.Emits || b.untimely(n.Input, n.Spec.Time) != nil {
		return 0, false
	}
	local := t.TimeZone != "" && b.zone() != ""
	switch p {
	case logical.WindowStart:
		return n.Spec.Size, n.Spec.Kind != logical.Session && !local
	case logical.WindowEnd:
		return 0, !local
	case logical.WindowTime:
		return 0, true
	}
	return 0, false
}

// boundedName is the name of a regular join's operator, with the watermark up to
// which it keeps rows.
func boundedName(n *logical.Join, c join.Config) string {
	name := strings.TrimSuffix(logical.Operator(n), ")")
	for i, bound := range []*join.Bound{c.LeftBound, c.RightBound} {
		if bound == nil {
			continue
		}
		in := []logical.Node{n.Left, n.Right}[i]
		name += ", " + []string{"left", "right"}[i] + "StateBound=[" + in.Schema()[bound.Column].Name +
			" + " + strconv.FormatInt(bound.KeepMillis, 10) + ":INTERVAL DAY TO SECOND]"
	}
	return name + ")"
}
