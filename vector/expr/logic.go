package expr

import (
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"

	"github.com/wadi-engine/wadi/vector"
)

// logicFunctions are SQL's three-valued connectives and tests for NULL.
func logicFunctions() map[string]maker {
	is := func(want func(t, f byte) byte) maker {
		return func(c *compiler, e *Call) (node, error) {
			if len(e.Args) != 1 || !isBool(e.Args[0].Type()) {
				return nil, nil
			}
			return c.call(e, triTest(want), e.Args[0])
		}
	}
	return map[string]maker{
		"and":            connective(true),
		"or":             connective(false),
		"not":            not,
		"is_true":        is(func(t, _ byte) byte { return t }),
		"is_not_true":    is(func(t, _ byte) byte { return ^t }),
		"is_false":       is(func(_, f byte) byte { return f }),
		"is_not_false":   is(func(_, f byte) byte { return ^f }),
		"is_unknown":     is(func(t, f byte) byte { return ^(t | f) }),
		"is_not_unknown": is(func(t, f byte) byte { return t | f }),
		"is_null":        nullTest(true),
		"is_not_null":    nullTest(false),
	}
}

func isBool(t arrow.DataType) bool { return t.ID() == arrow.BOOL }

// tri is a column of three-valued truth: a bit for true and a bit for false;
// neither is NULL. The connectives are then plain bit operations:
//
//	a AND b   true  = a.t & b.t     false = a.f | b.f
//	a OR b    true  = a.t | b.t     false = a.f & b.f
type tri struct{ t, f []byte }

func newTri(f *frame, n int) tri {
	size := int(bitutil.BytesForBits(int64(n)))
	b := temp[byte](f, 2*size)
	clear(b)
	return tri{t: b[:size:size], f: b[size:]}
}

// triOf reads a boolean value as n rows.
func triOf(f *frame, v value, n int) tri {
	x := newTri(f, n)
	if v.scalar {
		if !v.IsNull(0) {
			b := x.f
			if flagsOf(v).at(0) {
				b = x.t
			}
			for i := range b {
				b[i] = 0xff
			}
			trim(b, n)
		}
		return x
	}
	in := flagsOf(v)
	copyBits(x.t, in.bits, in.off, n)
	valid := validityOf(v)
	if valid.bits == nil {
		for i, b := range x.t {
			x.f[i] = ^b
		}
		trim(x.f, n)
		return x
	}
	copyBits(x.f, valid.bits, valid.off, n)
	for i, ok := range x.f {
		b := x.t[i]
		x.t[i], x.f[i] = b&ok, ok&^b
	}
	return x
}

// value makes a boolean array.
func (x tri) value(f *frame, n int) value {
	out, buf := newBits(f.alloc, n)
	valid, vbuf := newBits(f.alloc, n)
	copy(out, x.t)
	for i := range valid {
		valid[i] = x.t[i] | x.f[i]
	}
	return value{Array: finish(arrow.FixedWidthTypes.Boolean, n, vbuf, buf, -1)}
}

// selectBits appends the rows whose bit is set.
func selectBits(dst vector.Sel, b []byte, n int) vector.Sel {
	for i, w := range b {
		base := uint32(i * 8)
		for ; w != 0; w &= w - 1 {
			dst = append(dst, base+uint32(bits.TrailingZeros8(w)))
		}
	}
	for len(dst) > 0 && int(dst[len(dst)-1]) >= n {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// logicNode is AND or OR. What can fail is evaluated only for the rows that
// the arguments before it have not decided.
type logicNode struct {
	expr *Call
	args []node
	and  bool
}

func connective(and bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		n := &logicNode{expr: e, and: and}
		for _, a := range e.Args {
			if !isBool(a.Type()) && a.Type().ID() != arrow.NULL {
				return nil, nil
			}
			arg, err := c.node(as(a, arrow.FixedWidthTypes.Boolean))
			if err != nil {
				return nil, err
			}
			n.args = append(n.args, arg)
		}
		if len(n.args) == 0 {
			return nil, nil
		}
		return n, nil
	}
}

func (n *logicNode) eval(f *frame) (value, error) {
	acc, err := evalTri(f, n.args[0])
	if err != nil {
		return value{}, err
	}
	for _, arg := range n.args[1:] {
		next, err := n.next(f, acc, arg)
		if err != nil {
			return value{}, err
		}
		for i := range acc.t {
			if n.and {
				acc.t[i], acc.f[i] = acc.t[i]&next.t[i], acc.f[i]|next.f[i]
			} else {
				acc.t[i], acc.f[i] = acc.t[i]|next.t[i], acc.f[i]&next.f[i]
			}
		}
	}
	return acc.value(f, f.n), nil
}

// next evaluates one more argument for the rows that acc leaves open.
func (n *logicNode) next(f *frame, acc tri, arg node) (tri, error) {
	if total(arg) {
		return evalTri(f, arg)
	}
	decided := acc.f
	if !n.and {
		decided = acc.t
	}
	open := newTri(f, f.n).t
	for i, d := range decided {
		open[i] = ^d
	}
	trim(open, f.n)
	return evalTriWhere(f, arg, open)
}

func evalTri(f *frame, n node) (tri, error) {
	v, err := n.eval(f)
	if err != nil {
		return tri{}, err
	}
	defer v.Release()
	return triOf(f, v, f.n), nil
}

// evalTriWhere evaluates n for the rows of where only; the others are NULL.
func evalTriWhere(f *frame, n node, where []byte) (tri, error) {
	count := bitutil.CountSetBits(where, 0, f.n)
	if count == f.n {
		return evalTri(f, n)
	}
	out := newTri(f, f.n)
	if count == 0 {
		return out, nil
	}
	sel := selectBits(temp[uint32](f, count)[:0], where, f.n)
	sub := f.sub(sel)
	defer sub.release()
	part, err := evalTri(sub, n)
	if err != nil {
		return tri{}, err
	}
	for j, i := range sel {
		if bitutil.BitIsSet(part.t, j) {
			bitutil.SetBit(out.t, int(i))
		}
		if bitutil.BitIsSet(part.f, j) {
			bitutil.SetBit(out.f, int(i))
		}
	}
	return out, nil
}

// total tells whether a node costs little and cannot fail, so that it may be
// computed for rows that do not need it.
func total(n node) bool {
	switch n := n.(type) {
	case *columnNode, *literalNode:
		return true
	case *callNode:
		return n.total && allTotal(n.args)
	case *logicNode:
		return allTotal(n.args)
	case *choiceNode:
		return allTotal(n.conds) && allTotal(n.results)
	}
	return false
}

func allTotal(ns []node) bool {
	for _, n := range ns {
		if !total(n) {
			return false
		}
	}
	return true
}

func not(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 1 || !isBool(e.Args[0].Type()) {
		return nil, nil
	}
	return c.totalCall(e, func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		x := triOf(f, args[0], n)
		v := tri{t: x.f, f: x.t}.value(f, n)
		v.scalar = args[0].scalar
		return v, nil
	}, e.Args[0])
}

// triTest makes a kernel that is never NULL.
func triTest(want func(t, f byte) byte) kernel {
	return func(f *frame, args []value) (value, error) {
		n := rows(f.n, args)
		x := triOf(f, args[0], n)
		out, buf := newBits(f.alloc, n)
		for i := range out {
			out[i] = want(x.t[i], x.f[i])
		}
		trim(out, n)
		return value{Array: finish(arrow.FixedWidthTypes.Boolean, n, nil, buf, 0), scalar: args[0].scalar}, nil
	}
}

func nullTest(null bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 1 {
			return nil, nil
		}
		return c.totalCall(e, func(f *frame, args []value) (value, error) {
			n := rows(f.n, args)
			out, buf := newBits(f.alloc, n)
			valid := validityOf(args[0])
			switch {
			case valid.bits == nil:
				for i := range out {
					out[i] = 0xff
				}
			case valid.mask == 0:
				if !valid.null(0) {
					out[0] = 0xff
				}
			default:
				copyBits(out, valid.bits, valid.off, n)
			}
			if null {
				for i := range out {
					out[i] = ^out[i]
				}
			}
			trim(out, n)
			return value{Array: finish(arrow.FixedWidthTypes.Boolean, n, nil, buf, 0), scalar: args[0].scalar}, nil
		}, e.Args[0])
	}
}
