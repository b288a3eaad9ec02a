package expr

import (
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// choiceFunctions choose between arguments, row by row:
//
//	case(cond, result, cond, result, …[, else])
//	if(cond, then, else)
//	coalesce(a, b, …), ifnull(a, b)
//	nullif(a, b)
//	single(n, v)
func choiceFunctions() map[string]maker {
	return map[string]maker{
		"case": makeCase,
		"if": func(c *compiler, e *Call) (node, error) {
			if len(e.Args) != 3 {
				return nil, nil
			}
			return makeCase(c, e)
		},
		"single":   makeSingle,
		"coalesce": makeCoalesce,
		"ifnull":   makeCoalesce,
		"nullif": func(c *compiler, e *Call) (node, error) {
			if len(e.Args) != 2 {
				return nil, nil
			}
			eq := &Call{Func: "eq", Args: e.Args, Of: arrow.FixedWidthTypes.Boolean}
			return makeCase(c, &Call{Func: "case", Args: []Expr{eq, &Literal{Of: e.Of}, e.Args[0]}, Of: e.Of})
		},
	}
}

// choiceNode is CASE. Conditions are asked in order, each only for the rows
// that none before it took; a result is computed only for its rows. What
// cannot fail and costs little is computed for all rows instead, because
// overlaying is cheaper than gathering and scattering:
//
//	mask of WHEN 1    0 0 1 0 0 0 1 0
//	mask of WHEN 2    0 1 0 0 0 0 0 0
//	else              c c c c c c c c    copied whole
//	result            c b a c c c a c    then a and b overlaid
type choiceNode struct {
	of      arrow.DataType
	conds   []node
	results []node // one more than conds: the last is ELSE
}

func makeCase(c *compiler, e *Call) (node, error) {
	if len(e.Args) < 2 {
		return nil, nil
	}
	n := &choiceNode{of: e.Of}
	args := e.Args
	if len(args)%2 == 0 {
		args = append(args[:len(args):len(args)], &Literal{Of: e.Of})
	}
	for i, a := range args {
		cond := i%2 == 0 && i < len(args)-1
		want := e.Of
		if cond {
			want = arrow.FixedWidthTypes.Boolean
			if !isBool(a.Type()) && a.Type().ID() != arrow.NULL {
				return nil, nil
			}
		}
		arg, err := c.node(as(a, want))
		if err != nil {
			return nil, err
		}
		if cond {
			n.conds = append(n.conds, arg)
		} else {
			n.results = append(n.results, arg)
		}
	}
	return n, nil
}

func makeCoalesce(c *compiler, e *Call) (node, error) {
	if len(e.Args) == 0 {
		return nil, nil
	}
	n := &coalesceNode{of: e.Of}
	for _, a := range e.Args {
		arg, err := c.node(as(a, e.Of))
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
	}
	return n, nil
}

func (n *choiceNode) eval(f *frame) (value, error) {
	masks, err := n.masks(f)
	if err != nil {
		return value{}, err
	}
	m := newMerge(f, n.of)
	defer m.release()
	for k := len(n.results) - 1; k >= 0; k-- {
		if err := m.add(n.results[k], masks[k]); err != nil {
			return value{}, err
		}
	}
	return value{Array: m.finish()}, nil
}

// masks returns, for every result, the rows that it gives.
func (n *choiceNode) masks(f *frame) ([][]byte, error) {
	open := newTri(f, f.n).t
	for i := range open {
		open[i] = 0xff
	}
	trim(open, f.n)
	masks := make([][]byte, 0, len(n.results))
	for _, cond := range n.conds {
		var is tri
		var err error
		if total(cond) {
			is, err = evalTri(f, cond)
		} else {
			is, err = evalTriWhere(f, cond, open)
		}
		if err != nil {
			return nil, err
		}
		for i, t := range is.t {
			is.t[i] = t & open[i]
			open[i] &^= t
		}
		masks = append(masks, is.t)
	}
	return append(masks, open), nil
}

// coalesceNode returns the first argument that is not NULL, and computes each
// only for the rows in which all before it are.
type coalesceNode struct {
	of   arrow.DataType
	args []node
}

func (n *coalesceNode) eval(f *frame) (value, error) {
	open := newTri(f, f.n).t
	for i := range open {
		open[i] = 0xff
	}
	trim(open, f.n)
	m := newMerge(f, n.of)
	defer m.release()
	for _, arg := range n.args {
		mask := append([]byte(nil), open...)
		if err := m.add(arg, mask); err != nil {
			return value{}, err
		}
		left := 0
		for i := range open {
			open[i] &^= m.valid[i]
			left += bits.OnesCount8(open[i])
		}
		if left == 0 {
			break
		}
	}
	return value{Array: m.finish()}, nil
}

// merge puts one result together from parts that each give some of its rows.
type merge struct {
	f     *frame
	of    arrow.DataType
	valid []byte // bit per row of the result so far
	vbuf  *memory.Buffer
	buf   *memory.Buffer // fixed-width values, view headers or bits
	bufs  []*memory.Buffer
	begun bool

	parts []arrow.Array // of a nested type, and
	pick  vector.Sel    // for each row its row in the parts one after another
}

func newMerge(f *frame, of arrow.DataType) *merge {
	m := &merge{f: f, of: of}
	m.valid, m.vbuf = newBits(f.alloc, f.n)
	switch classOf(of) {
	case listClass, mapClass, rowClass:
		m.pick = temp[uint32](f, f.n)
		clear(m.pick)
		m.parts = append(m.parts, nulls(f.alloc, of, 1))
	case boolClass:
		_, m.buf = newBits(f.alloc, f.n)
	default:
		m.buf = memory.NewResizableBuffer(f.alloc)
		m.buf.Resize(f.n * width(of))
		if classOf(of) == viewClass {
			clear(m.buf.Bytes())
		}
	}
	return m
}

// width is the size of a fixed-width value, or of a view.
func width(t arrow.DataType) int {
	switch classOf(t) {
	case int8Class:
		return 1
	case int16Class:
		return 2
	case int32Class, float32Class:
		return 4
	case decimalClass, viewClass:
		return 16
	default:
		return 8
	}
}

// add computes n for the rows of mask, and puts them into the result.
func (m *merge) add(n node, mask []byte) error {
	f := m.f
	count := bitutil.CountSetBits(mask, 0, f.n)
	if count == 0 {
		return nil
	}
	if total(n) || count == f.n {
		v, err := n.eval(f)
		if err != nil {
			return err
		}
		defer v.Release()
		m.overlay(v, mask, count)
		return nil
	}
	sel := selectBits(temp[uint32](f, count)[:0], mask, f.n)
	sub := f.sub(sel)
	defer sub.release()
	v, err := n.eval(sub)
	if err != nil {
		return err
	}
	defer v.Release()
	if v.scalar {
		m.overlay(v, mask, count)
		return nil
	}
	m.scatter(v, sel)
	return nil
}

// overlay puts the rows of mask from v, which has all rows or is a scalar.
func (m *merge) overlay(v value, mask []byte, count int) {
	valid := validityOf(v)
	switch {
	case valid.bits == nil:
		for i, b := range mask {
			m.valid[i] |= b
		}
	case valid.mask == 0:
		if valid.null(0) {
			return
		}
		for i, b := range mask {
			m.valid[i] |= b
		}
	default:
		own := newTri(m.f, m.f.n).t
		copyBits(own, valid.bits, valid.off, m.f.n)
		for i, b := range mask {
			m.valid[i] |= b & own[i]
		}
	}
	whole := count == m.f.n || !m.begun // what comes later covers the rest
	m.begun = true
	switch classOf(m.of) {
	case int8Class:
		overlay(m.buf, vecOf[int8](v), mask, whole)
	case int16Class:
		overlay(m.buf, vecOf[int16](v), mask, whole)
	case int32Class, float32Class:
		overlay(m.buf, vecOf[int32](v), mask, whole)
	case int64Class, float64Class:
		overlay(m.buf, vecOf[int64](v), mask, whole)
	case decimalClass:
		overlay(m.buf, vecOf[decimal128.Num](v), mask, whole)
	case viewClass:
		overlay(m.buf, vec[arrow.ViewHeader]{v: m.rebase(v), mask: viewsOf(v).mask}, mask, whole)
	case boolClass:
		x := triOf(m.f, v, m.f.n)
		for i, b := range mask {
			m.buf.Bytes()[i] |= b & x.t[i]
		}
	default:
		base := m.part(v)
		_ = eachSet(mask, m.f.n, func(i int) error {
			if v.scalar {
				m.pick[i] = base
			} else {
				m.pick[i] = base + uint32(i)
			}
			return nil
		})
	}
}

// scatter puts row j of v to row sel[j].
func (m *merge) scatter(v value, sel vector.Sel) {
	m.begun = true
	valid := validityOf(v)
	for j, i := range sel {
		if !valid.null(j) {
			bitutil.SetBit(m.valid, int(i))
		}
	}
	switch classOf(m.of) {
	case int8Class:
		scatter(m.buf, slice[int8](v.Data()), sel)
	case int16Class:
		scatter(m.buf, slice[int16](v.Data()), sel)
	case int32Class, float32Class:
		scatter(m.buf, slice[int32](v.Data()), sel)
	case int64Class, float64Class:
		scatter(m.buf, slice[int64](v.Data()), sel)
	case decimalClass:
		scatter(m.buf, slice[decimal128.Num](v.Data()), sel)
	case viewClass:
		scatter(m.buf, m.rebase(v), sel)
	case boolClass:
		x := flagsOf(v)
		for j, i := range sel {
			if x.at(j) {
				bitutil.SetBit(m.buf.Bytes(), int(i))
			}
		}
	default:
		base := m.part(v)
		for j, i := range sel {
			m.pick[i] = base + uint32(j)
		}
	}
}

// part keeps a nested part and returns where its rows begin.
func (m *merge) part(v value) uint32 {
	base := 0
	for _, p := range m.parts {
		base += p.Len()
	}
	v.Retain()
	m.parts = append(m.parts, v.Array)
	return uint32(base)
}

// rebase returns v's view headers so that they point into the result's buffers.
func (m *merge) rebase(v value) []arrow.ViewHeader {
	heads := slice[arrow.ViewHeader](v.Data())
	bufs := v.Data().Buffers()[2:]
	base := int32(len(m.bufs))
	for _, b := range bufs {
		b.Retain()
	}
	m.bufs = append(m.bufs, bufs...)
	if base == 0 || len(bufs) == 0 {
		return heads
	}
	out := temp[arrow.ViewHeader](m.f, len(heads))
	copy(out, heads)
	for i := range out {
		if h := &out[i]; !h.IsInline() {
			h.SetIndexOffset(h.BufferIndex()+base, h.BufferOffset())
		}
	}
	return out
}

func (m *merge) finish() arrow.Array {
	n := m.f.n
	if m.parts != nil {
		all := vector.Concat(m.f.alloc, m.parts)
		defer all.Release()
		for i := range m.pick {
			if bitutil.BitIsNotSet(m.valid, i) {
				m.pick[i] = 0 // the null row
			}
		}
		return vector.Take(m.f.alloc, all, m.pick)
	}
	valid, nullN := m.vbuf, countNulls(m.vbuf, n)
	if nullN == 0 {
		valid = nil
	}
	d := array.NewData(m.of, n, append([]*memory.Buffer{valid, m.buf}, m.bufs...), nil, nullN, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

func (m *merge) release() {
	m.vbuf.Release()
	if m.buf != nil {
		m.buf.Release()
	}
	for _, b := range m.bufs {
		b.Release()
	}
	for _, p := range m.parts {
		p.Release()
	}
}

// overlay copies the rows of mask from src to dst.
func overlay[T any](dst *memory.Buffer, src vec[T], mask []byte, whole bool) {
	out := values[T](dst)
	if src.mask == 0 {
		s := src.v[0]
		for i, m := range mask {
			for ; m != 0; m &= m - 1 {
				out[i*8+bits.TrailingZeros8(m)] = s
			}
		}
		return
	}
	in := src.v[:len(out)]
	if whole {
		copy(out, in)
		return
	}
	for i, m := range mask {
		if m == 0xff {
			copy(out[i*8:i*8+8], in[i*8:i*8+8])
			continue
		}
		for ; m != 0; m &= m - 1 {
			j := i*8 + bits.TrailingZeros8(m)
			out[j] = in[j]
		}
	}
}

func scatter[T any](dst *memory.Buffer, src []T, sel vector.Sel) {
	out := values[T](dst)
	src = src[:len(sel)]
	for j, i := range sel {
		out[i] = src[j]
	}
}
