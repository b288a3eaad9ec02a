package expr

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// makeIn compiles in(x, a, b, …). A list of literals becomes a set; any other
// list is x = a OR x = b OR ….
func makeIn(c *compiler, e *Call) (node, error) {
	if len(e.Args) < 2 {
		return nil, nil
	}
	t := e.Args[0].Type()
	for _, a := range e.Args[1:] {
		if t = common(t, a.Type()); t == nil {
			return nil, nil
		}
	}
	items := make([]node, 0, len(e.Args)-1)
	for _, a := range e.Args[1:] {
		n, err := c.node(as(a, t))
		if err != nil {
			return nil, err
		}
		items = append(items, n)
	}
	test := membership(t, items)
	if test == nil {
		return c.node(anyEqual(e))
	}
	return c.totalCall(e, func(f *frame, args []value) (value, error) {
		return test(f, args[0]), nil
	}, as(e.Args[0], t))
}

func anyEqual(e *Call) Expr {
	or := &Call{Func: "or", Of: arrow.FixedWidthTypes.Boolean}
	for _, a := range e.Args[1:] {
		or.Args = append(or.Args, &Call{Func: "eq", Args: []Expr{e.Args[0], a}, Of: or.Of})
	}
	return or
}

// membership returns the test for a set of literals, or nil when an item is
// not one or the type has no set.
func membership(t arrow.DataType, items []node) func(f *frame, v value) value {
	literals := make([]value, len(items))
	for i, n := range items {
		v, ok := constant(n)
		if !ok {
			return nil
		}
		literals[i] = v
	}
	switch classOf(t) {
	case int8Class, int16Class, int32Class, int64Class:
		return setTest(literals, func(f *frame, v value) func(i int) int64 { return integers(f, v).at })
	case viewClass:
		return setTest(literals, func(_ *frame, v value) func(i int) string {
			x := viewsOf(v)
			return x.at
		})
	case decimalClass:
		return setTest(literals, func(f *frame, v value) func(i int) decimal.Num { return decimals(f, v).at })
	default:
	}
	return nil
}

// setTest looks every row up in the set of the literals that are not NULL. If
// one is, a row that is not found is NULL.
func setTest[K comparable](literals []value, reader func(f *frame, v value) func(i int) K) func(f *frame, v value) value {
	set := make(map[K]struct{}, len(literals))
	unknown := false
	scratch := &frame{alloc: memory.DefaultAllocator}
	for _, l := range literals {
		if l.IsNull(0) {
			unknown = true
			continue
		}
		k := reader(scratch, l)(0)
		if s, ok := any(k).(string); ok { // the key must outlive the literal
			k = any(strings.Clone(s)).(K)
		}
		set[k] = struct{}{}
	}
	return func(f *frame, v value) value {
		n := rows(f.n, []value{v})
		at := reader(f, v)
		valid := validityOf(v)
		out, buf := newBits(f.alloc, n)
		ok, vbuf := newBits(f.alloc, n)
		for i := range n {
			if valid.null(i) {
				continue
			}
			_, found := set[at(i)]
			if found {
				bitutil.SetBit(out, i)
			}
			if found || !unknown {
				bitutil.SetBit(ok, i)
			}
		}
		return value{Array: finish(arrow.FixedWidthTypes.Boolean, n, vbuf, buf, -1), scalar: v.scalar}
	}
}
