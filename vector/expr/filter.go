package expr

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// Filter selects the rows for which a condition is true. The conditions of an
// AND are asked one after another, each only for the rows that are left:
//
//	a > 5 AND mod(b, 3) = 0 AND c LIKE '%x'
//	rows  0 1 2 3 4 5 6 7  →  0 2 3 7  →  2 7  →  7
//
// A comparison of a number column with a literal runs on the column itself and
// makes no booleans. A Filter keeps scratch: one goroutine may use it at a time.
type Filter struct {
	env   *Env
	terms []term
}

// term is one condition of the conjunction.
type term interface {
	// narrow appends to dst the rows of f, or those among sel when it is not
	// nil, in which the condition holds. dst may be sel[:0].
	narrow(f *frame, dst, sel vector.Sel) (vector.Sel, error)
}

// CompileFilter compiles a condition over records of the schema in.
func CompileFilter(e Expr, in *arrow.Schema, env Env) (*Filter, error) {
	if !isBool(e.Type()) && e.Type().ID() != arrow.NULL {
		return nil, fmt.Errorf("condition %s is %s and not BOOLEAN", e, TypeName(e.Type()))
	}
	flt := &Filter{env: env.withDefaults()}
	c := &compiler{makers: functions(), in: in, env: flt.env}
	for _, part := range conjuncts(nil, e) {
		t, err := c.term(part)
		if err != nil {
			return nil, fmt.Errorf("compile %s: %w", part, err)
		}
		flt.terms = append(flt.terms, t)
	}
	return flt, nil
}

func conjuncts(dst []Expr, e Expr) []Expr {
	if c, ok := e.(*Call); ok && c.Func == "and" {
		for _, a := range c.Args {
			dst = conjuncts(dst, a)
		}
		return dst
	}
	return append(dst, e)
}

// Select returns the rows of rec, or those among sel when it is not nil, for
// which the condition is true, ascending. The result lies in dst's memory when
// that is large enough; dst may be the memory of sel.
func (flt *Filter) Select(alloc memory.Allocator, rec arrow.RecordBatch, dst, sel vector.Sel) (vector.Sel, error) {
	f := newFrame(alloc, flt.env, rec, nil)
	defer f.release()
	dst = dst[:0]
	if cap(dst) < f.n {
		dst = make(vector.Sel, 0, f.n)
	}
	for _, t := range flt.terms {
		if sel != nil && len(sel) == 0 {
			return dst[:0], nil
		}
		var err error
		if dst, err = t.narrow(f, dst[:0], sel); err != nil {
			return nil, err
		}
		sel = dst
	}
	return sel, nil
}

// term compiles one condition, to a loop over a column where there is one.
func (c *compiler) term(e Expr) (term, error) {
	n, err := c.node(as(e, arrow.FixedWidthTypes.Boolean))
	if err != nil {
		return nil, err
	}
	call, ok := n.(*callNode)
	if !ok || len(call.args) != 2 {
		return &anyTerm{n}, nil
	}
	op, ok := compareOps[call.expr.Func]
	if !ok {
		return &anyTerm{n}, nil
	}
	left, right := call.args[0], call.args[1]
	if _, flip := constant(left); flip {
		left, right, op = right, left, op.swap()
	}
	lit, ok := constant(right)
	if !ok || lit.IsNull(0) {
		return &anyTerm{n}, nil
	}
	if t := divisible(op, left, lit); t != nil {
		return t, nil
	}
	if col, ok := left.(*columnNode); ok {
		if t := literalTerm(col.index, op, lit); t != nil {
			return t, nil
		}
	}
	return &anyTerm{n}, nil
}

var compareOps = map[string]compareOp{"eq": opEq, "ne": opNe, "lt": opLt, "le": opLe, "gt": opGt, "ge": opGe}

// anyTerm evaluates a condition and takes the rows where it is true.
type anyTerm struct{ node node }

func (t *anyTerm) narrow(f *frame, dst, sel vector.Sel) (vector.Sel, error) {
	if sel == nil {
		is, err := evalTri(f, t.node)
		if err != nil {
			return nil, err
		}
		return selectBits(dst, is.t, f.n), nil
	}
	sub := f.sub(sel)
	defer sub.release()
	is, err := evalTri(sub, t.node)
	if err != nil {
		return nil, err
	}
	for j, i := range sel {
		if bitutil.BitIsSet(is.t, j) {
			dst = append(dst, i)
		}
	}
	return dst, nil
}

// columnTerm compares a column of numbers with a literal.
type columnTerm[T number] struct {
	index int
	op    compareOp
	lit   T
}

func literalTerm(index int, op compareOp, lit value) term {
	switch classOf(lit.DataType()) {
	case int8Class:
		return newColumnTerm[int8](index, op, lit)
	case int16Class:
		return newColumnTerm[int16](index, op, lit)
	case int32Class:
		return newColumnTerm[int32](index, op, lit)
	case int64Class:
		return newColumnTerm[int64](index, op, lit)
	case float32Class:
		return newColumnTerm[float32](index, op, lit)
	case float64Class:
		return newColumnTerm[float64](index, op, lit)
	default:
	}
	return nil
}

func newColumnTerm[T number](index int, op compareOp, lit value) term {
	return &columnTerm[T]{index: index, op: op, lit: slice[T](lit.Data())[0]}
}

func (t *columnTerm[T]) narrow(f *frame, dst, sel vector.Sel) (vector.Sel, error) {
	col := f.column(t.index)
	in := slice[T](col.Data())
	if sel == nil {
		dst = selectAll(dst[:f.n], in, t.op, t.lit)
	} else {
		dst = selectSome(dst[:len(sel)], in, sel, t.op, t.lit)
	}
	return dropNulls(dst, col), nil
}

// dropNulls removes the rows in which col is NULL.
func dropNulls(sel vector.Sel, col arrow.Array) vector.Sel {
	if col.NullN() == 0 {
		return sel
	}
	valid := validityOf(value{Array: col})
	n := 0
	for _, i := range sel {
		sel[n] = i
		n += int(bit(!valid.null(int(i))))
	}
	return sel[:n]
}

// selectAll writes the rows that satisfy op without branches: it writes every
// row and moves on only for those that count. dst is as long as in.
func selectAll[T number](dst vector.Sel, in []T, op compareOp, s T) vector.Sel {
	n := 0
	in = in[:len(dst)]
	switch op {
	case opEq:
		for i, x := range in {
			dst[n] = uint32(i)
			n += int(bit(x == s))
		}
	case opNe:
		for i, x := range in {
			dst[n] = uint32(i)
			n += int(bit(x != s))
		}
	case opLt:
		for i, x := range in {
			dst[n] = uint32(i)
			n += int(bit(x < s))
		}
	case opLe:
		for i, x := range in {
			dst[n] = uint32(i)
			n += int(bit(x <= s))
		}
	case opGt:
		for i, x := range in {
			dst[n] = uint32(i)
			n += int(bit(x > s))
		}
	default:
		for i, x := range in {
			dst[n] = uint32(i)
			n += int(bit(x >= s))
		}
	}
	return dst[:n]
}

// selectSome is selectAll for the rows sel. dst is as long as sel, and may be it.
func selectSome[T number](dst vector.Sel, in []T, sel vector.Sel, op compareOp, s T) vector.Sel {
	n := 0
	switch op {
	case opEq:
		for _, i := range sel {
			dst[n] = i
			n += int(bit(in[i] == s))
		}
	case opNe:
		for _, i := range sel {
			dst[n] = i
			n += int(bit(in[i] != s))
		}
	case opLt:
		for _, i := range sel {
			dst[n] = i
			n += int(bit(in[i] < s))
		}
	case opLe:
		for _, i := range sel {
			dst[n] = i
			n += int(bit(in[i] <= s))
		}
	case opGt:
		for _, i := range sel {
			dst[n] = i
			n += int(bit(in[i] > s))
		}
	default:
		for _, i := range sel {
			dst[n] = i
			n += int(bit(in[i] >= s))
		}
	}
	return dst[:n]
}

// divisibleTerm is mod(column, d) = 0 for a BIGINT column. A number is a
// multiple of an odd d when its product with the inverse of d modulo 2^64 is
// at most (2^64-1)/d; factors of two are rotated away (Warren, Hacker's
// Delight, 10-17). That is one multiplication per row and no division.
type divisibleTerm struct {
	index   int
	inverse uint64
	twos    int
	limit   uint64
}

// divisible recognises mod(column, literal) = 0.
func divisible(op compareOp, left node, lit value) term {
	mod, ok := left.(*callNode)
	if !ok || op != opEq || mod.expr.Func != "mod" || !isInteger(lit.DataType()) || classOf(mod.expr.Of) != int64Class {
		return nil
	}
	col, ok := mod.args[0].(*columnNode)
	if !ok {
		return nil
	}
	d, ok := constant(mod.args[1])
	if !ok || d.IsNull(0) || slice[int64](lit.Data())[0] != 0 {
		return nil
	}
	abs := uint64(slice[int64](d.Data())[0])
	if int64(abs) < 0 {
		abs = -abs
	}
	if abs == 0 {
		return nil
	}
	t := &divisibleTerm{index: col.index, twos: bits.TrailingZeros64(abs), limit: ^uint64(0) / abs}
	odd := abs >> t.twos
	t.inverse = odd // right in the lowest three bits; each step doubles them
	for range 5 {
		t.inverse *= 2 - odd*t.inverse
	}
	return t
}

func (t *divisibleTerm) narrow(f *frame, dst, sel vector.Sel) (vector.Sel, error) {
	col := f.column(t.index)
	in := slice[int64](col.Data())
	n, inverse, twos, limit := 0, t.inverse, -t.twos, t.limit
	if sel == nil {
		dst = dst[:f.n]
		in = in[:len(dst)]
		for i, x := range in {
			abs := uint64((x ^ x>>63) - x>>63)
			dst[n] = uint32(i)
			n += int(bit(bits.RotateLeft64(abs*inverse, twos) <= limit))
		}
	} else {
		dst = dst[:len(sel)]
		for _, i := range sel {
			x := in[i]
			abs := uint64((x ^ x>>63) - x>>63)
			dst[n] = i
			n += int(bit(bits.RotateLeft64(abs*inverse, twos) <= limit))
		}
	}
	return dropNulls(dst[:n], col), nil
}
