package lower

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// windowPart is a property of the windows that rows of a plan are in.
type windowPart struct {
	kind                logical.WindowKind
	size, slide, offset int64
	zoned               bool // the windows are those of a TIMESTAMP_LTZ
	property            logical.WindowProperty
}

func (p windowPart) String() string {
	text := p.kind.String() + "(size=[" + logical.Span(p.size) + "]"
	if p.kind != logical.Tumble {
		text += ", slide=[" + logical.Span(p.slide) + "]"
	}
	return text + ")"
}

// windowColumn finds out whether a column is a property of windows that end by
// event time, and of whose rows none comes behind the end.
func (b *builder) windowColumn(n logical.Node, column int) (windowPart, bool) {
	for {
		switch x := n.(type) {
		case *logical.Project:
			c, ok := x.Exprs[column].(*expr.Column)
			if !ok {
				return windowPart{}, false
			}
			n, column = x.Input, c.Index
		case *logical.Filter:
			n = x.Input
		case *logical.Window:
			if width := len(x.Input.Schema()); column >= width {
				return b.windowPart(x.Input, x.Spec, logical.WindowProperty(column-width))
			}
			return windowPart{}, false
		case *logical.WindowAggregate:
			if base := len(x.Keys) + len(x.Aggs); column >= base && !x.Spec.Emits {
				return b.windowPart(x.Input, x.Spec, x.Properties[column-base])
			}
			return windowPart{}, false
		case *logical.Rank:
			if x.Window < 0 || column >= len(x.Input.Schema()) {
				return windowPart{}, false
			}
			n = x.Input
		case *logical.Join:
			if _, _, ok := b.windowKeys(x); !ok {
				return windowPart{}, false
			}
			if left := len(x.Left.Schema()); column < left {
				n = x.Left
			} else {
				n, column = x.Right, column-left
			}
		default:
			return windowPart{}, false
		}
	}
}

func (b *builder) windowPart(input logical.Node, spec logical.WindowSpec, p logical.WindowProperty) (windowPart, bool) {
	if spec.Processing || spec.Kind == logical.Session || b.untimely(input, spec.Time) != nil {
		return windowPart{}, false
	}
	zoned := false
	if t, ok := input.Schema()[spec.Time].Type.Arrow().(*arrow.TimestampType); ok {
		zoned = t.TimeZone != ""
	}
	return windowPart{kind: spec.Kind, size: spec.Size, slide: spec.Slide, offset: spec.Offset, zoned: zoned, property: p}, true
}

// windowKeys finds the ends of windows among the keys of a join: both sides are in
// windows of the same shape, and the ends have to be equal.
func (b *builder) windowKeys(n *logical.Join) (left, right int, ok bool) {
	if n.AsOf != nil {
		return 0, 0, false
	}
	keys := n.Keys()
	for i, l := range keys.Left {
		r := keys.Right[i]
		pl, okL := b.windowColumn(n.Left, l)
		pr, okR := b.windowColumn(n.Right, r)
		if okL && okR && pl == pr && pl.property == logical.WindowEnd && (!pl.zoned || b.zone() == "") {
			return l, r, true
		}
	}
	return 0, 0, false
}

// windowJoin joins rows of the same window when it has passed. It is for inserts,
// of a stream.
func (b *builder) windowJoin(n *logical.Join, left, right built) (v built, ok bool, err error) {
	if b.atEnd() || left.mode != Insert || right.mode != Insert {
		return built{}, false, nil
	}
	l, r, ok := b.windowKeys(n)
	if !ok {
		return built{}, false, nil
	}
	keys := n.Keys()
	if err := b.conditionCompiles(n, keys.Rest); err != nil {
		return built{}, false, err
	}
	c := join.WindowConfig{
		Config: join.Config{
			Type: joinTypes[n.Type], LeftKeys: keys.Left, RightKeys: keys.Right, NullSafe: keys.NullSafe, Condition: expr.NewDoc(keys.Rest),
			Zone: b.zone(), NowMillis: b.o.NowMillis,
		},
		LeftEnd: l, RightEnd: r,
	}
	shape, _ := b.windowColumn(n.Left, l)
	p := b.spread(keys.Left)
	in0, in1 := keyed(left, p, keys.Left), keyed(right, p, keys.Right)
	in1.Input = 1
	return b.add(job.Vertex{
		UID: uid("window-join", b.lineage(n)), Kind: join.WindowKind, Config: config(c), Parallelism: p, Output: schema(n.Output),
		Name: fmt.Sprintf("WindowJoin(leftWindow=[%v], rightWindow=[%v], joinType=[%s], where=[%s], select=[%s])", shape, shape, n.Type, n.WhereText(),
			strings.Join(n.Output.Names(), ", ")),
	}, Insert, in0, in1), true, nil
}
