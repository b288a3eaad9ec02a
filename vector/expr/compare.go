package expr

import (
	"cmp"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// compareFunctions compare two values of one type. Strings and bytes compare
// byte by byte; NaN is equal to nothing, as in Java.
func compareFunctions() map[string]maker {
	return map[string]maker{
		"eq": comparison(opEq), "ne": comparison(opNe), "lt": comparison(opLt),
		"le": comparison(opLe), "gt": comparison(opGt), "ge": comparison(opGe),
		"is_distinct_from":     distinct(true),
		"is_not_distinct_from": distinct(false),
		"in":                   makeIn,
	}
}

type compareOp uint8

const (
	opEq compareOp = iota
	opNe
	opLt
	opLe
	opGt
	opGe
)

// swap is the operator that gives the same with its sides exchanged.
func (o compareOp) swap() compareOp {
	return [...]compareOp{opEq, opNe, opGt, opGe, opLt, opLe}[o]
}

// common returns the type in which a and b are compared, or nil.
func common(a, b arrow.DataType) arrow.DataType {
	switch {
	case a.ID() == arrow.NULL:
		return b
	case b.ID() == arrow.NULL || sameLayout(a, b):
		return a
	case isNumeric(a) && isNumeric(b):
		return commonNumber(a, b)
	case isText(a) && (isNumeric(b) || isBool(b) || isTemporal(b)):
		return b
	case isText(b) && (isNumeric(a) || isBool(a) || isTemporal(a)):
		return a
	case isTimestamp(a) && isTimestamp(b):
		if isLocal(a) != isLocal(b) {
			return &arrow.TimestampType{Unit: max(unit(a), unit(b)), TimeZone: "UTC"}
		}
		if unit(a) >= unit(b) {
			return a
		}
		return b
	case isTimestamp(a) && b.ID() == arrow.DATE32:
		return a
	case isTimestamp(b) && a.ID() == arrow.DATE32:
		return b
	case a.ID() == arrow.STRUCT && b.ID() == arrow.STRUCT:
		x, y := a.(*arrow.StructType), b.(*arrow.StructType)
		if x.NumFields() != y.NumFields() {
			return nil
		}
		fields := make([]arrow.Field, x.NumFields())
		for i := range fields {
			t := common(x.Field(i).Type, y.Field(i).Type)
			if t == nil {
				return nil
			}
			fields[i] = arrow.Field{Name: x.Field(i).Name, Type: t, Nullable: true}
		}
		return arrow.StructOf(fields...)
	}
	return nil
}

func unit(t arrow.DataType) arrow.TimeUnit { return t.(*arrow.TimestampType).Unit }

func isTemporal(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.DATE32, arrow.TIME32, arrow.TIMESTAMP:
		return true
	default:
	}
	return false
}

func commonNumber(a, b arrow.DataType) arrow.DataType {
	if isFloat(a) || isFloat(b) {
		return arrow.PrimitiveTypes.Float64
	}
	if isInteger(a) && isInteger(b) {
		if classOf(a) >= classOf(b) {
			return a
		}
		return b
	}
	pa, sa := digits(a)
	pb, sb := digits(b)
	scale := max(sa, sb)
	return &arrow.Decimal128Type{Precision: min(38, max(pa-sa, pb-sb)+scale), Scale: scale}
}

// sides returns the two arguments of a comparison in one type.
func sides(e *Call) (a, b Expr, t arrow.DataType) {
	if len(e.Args) != 2 {
		return nil, nil, nil
	}
	t = common(e.Args[0].Type(), e.Args[1].Type())
	if t == nil {
		return nil, nil, nil
	}
	if isDecimal(t) {
		x, y := decimalSide(e.Args[0]), decimalSide(e.Args[1])
		return likeScale(x, y.Type()), likeScale(y, x.Type()), t
	}
	return as(e.Args[0], t), as(e.Args[1], t), t
}

// decimalSide makes an integer a decimal; decimals are compared as they are.
func decimalSide(e Expr) Expr {
	if isDecimal(e.Type()) {
		return e
	}
	p, _ := digits(e.Type())
	return as(e, &arrow.Decimal128Type{Precision: p})
}

// likeScale gives a literal the scale of the other side when that is exact, so
// that the loop compares without rescaling.
func likeScale(e Expr, other arrow.DataType) Expr {
	v, t := any(nil), e.Type()
	switch e := e.(type) {
	case *Literal:
		v = e.Value
	case *Call: // an integer literal that decimalSide has wrapped
		if l, ok := nth(e.Args, 0).(*Literal); ok && e.Func == "cast" && isInteger(l.Of) {
			if n, ok := l.Value.(int64); ok {
				v = decimal.FromInt(n)
			}
		}
	default:
	}
	n, ok := v.(decimal.Num)
	if !ok || !isDecimal(t) {
		return e
	}
	_, from := digits(t)
	_, to := digits(other)
	m, ok := decimal.Rescale(n, from, to, decimal.MaxPrecision)
	if !ok || decimal.Cmp(n, from, m, to) != 0 {
		return e
	}
	return &Literal{Value: m, Of: &arrow.Decimal128Type{Precision: decimal.MaxPrecision, Scale: to}}
}

func comparison(op compareOp) maker {
	return func(c *compiler, e *Call) (node, error) {
		a, b, t := sides(e)
		if t == nil {
			return nil, nil
		}
		compare := comparer(a.Type(), b.Type())
		if compare == nil {
			return nil, nil
		}
		return c.totalCall(e, func(f *frame, args []value) (value, error) {
			n := rows(f.n, args)
			valid, none := mergeValid(f, n, args)
			if none {
				return nullScalar(f, arrow.FixedWidthTypes.Boolean), nil
			}
			out, buf := newBits(f.alloc, n)
			compare(op, args[0], args[1], out, n)
			trim(out, n)
			arr := finish(arrow.FixedWidthTypes.Boolean, n, valid, buf, -1)
			return value{Array: arr, scalar: allScalar(args)}, nil
		}, a, b)
	}
}

// distinct makes IS [NOT] DISTINCT FROM: equality in which NULL is a value.
func distinct(want bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		a, b, t := sides(e)
		if t == nil {
			return nil, nil
		}
		compare := comparer(a.Type(), b.Type())
		if compare == nil {
			return nil, nil
		}
		return c.totalCall(e, func(f *frame, args []value) (value, error) {
			n := rows(f.n, args)
			out, buf := newBits(f.alloc, n)
			va, vb := validityOf(args[0]), validityOf(args[1])
			if t.ID() != arrow.NULL {
				compare(opEq, args[0], args[1], out, n)
			}
			for i := range n {
				na, nb := va.null(i), vb.null(i)
				same := na && nb || !na && !nb && bitutil.BitIsSet(out, i)
				bitutil.SetBitTo(out, i, same != want)
			}
			trim(out, n)
			return value{Array: finish(arrow.FixedWidthTypes.Boolean, n, nil, buf, 0), scalar: allScalar(args)}, nil
		}, a, b)
	}
}

// compareFunc sets the bits of the rows in which the comparison holds, nulls
// disregarded. Bits behind row n may be set, too.
type compareFunc func(op compareOp, a, b value, out []byte, n int)

// comparer returns how values of the types a and b are compared, or nil.
func comparer(a, b arrow.DataType) compareFunc {
	switch classOf(a) {
	case int8Class:
		return compareNumbers[int8]
	case int16Class:
		return compareNumbers[int16]
	case int32Class:
		return compareNumbers[int32]
	case int64Class:
		return compareNumbers[int64]
	case float32Class:
		return compareNumbers[float32]
	case float64Class:
		return compareNumbers[float64]
	case boolClass:
		return compareBools
	case decimalClass:
		return compareDecimals(a, b)
	case viewClass:
		return compareViews
	case nullClass:
		return func(compareOp, value, value, []byte, int) {}
	case listClass, mapClass, rowClass:
		return compareNested(a, b)
	default:
	}
	return nil
}

type number interface {
	int8 | int16 | int32 | int64 | float32 | float64
}

func compareNumbers[T number](op compareOp, a, b value, out []byte, n int) {
	x, y := vecOf[T](a), vecOf[T](b)
	switch {
	case x.mask == 0 && y.mask == 0:
		if compareOne(op, x.v[0], y.v[0]) {
			out[0] = 1
		}
	case y.mask == 0:
		compareScalar(op, x.v[:n], y.v[0], out)
	case x.mask == 0:
		compareScalar(op.swap(), y.v[:n], x.v[0], out)
	default:
		compareSlices(op, x.v[:n], y.v[:n], out)
	}
}

func compareOne[T cmp.Ordered](op compareOp, a, b T) bool {
	switch op {
	case opEq:
		return a == b
	case opNe:
		return a != b
	case opLt:
		return a < b
	case opLe:
		return a <= b
	case opGt:
		return a > b
	default:
		return a >= b
	}
}

// holds tells whether an ordering satisfies op.
func (o compareOp) holds(order int) bool { return compareOne(o, order, 0) }

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func compareScalar[T number](op compareOp, a []T, s T, out []byte) {
	whole := len(a) / 8
	body, tail := a[:whole*8], a[whole*8:]
	switch op {
	case opEq, opNe:
		for i := range out[:whole] {
			x := body[i*8 : i*8+8 : i*8+8]
			out[i] = bit(x[0] == s) | bit(x[1] == s)<<1 | bit(x[2] == s)<<2 | bit(x[3] == s)<<3 |
				bit(x[4] == s)<<4 | bit(x[5] == s)<<5 | bit(x[6] == s)<<6 | bit(x[7] == s)<<7
		}
		if op == opNe {
			for i := range out[:whole] {
				out[i] = ^out[i]
			}
		}
	case opLt:
		for i := range out[:whole] {
			x := body[i*8 : i*8+8 : i*8+8]
			out[i] = bit(x[0] < s) | bit(x[1] < s)<<1 | bit(x[2] < s)<<2 | bit(x[3] < s)<<3 |
				bit(x[4] < s)<<4 | bit(x[5] < s)<<5 | bit(x[6] < s)<<6 | bit(x[7] < s)<<7
		}
	case opLe:
		for i := range out[:whole] {
			x := body[i*8 : i*8+8 : i*8+8]
			out[i] = bit(x[0] <= s) | bit(x[1] <= s)<<1 | bit(x[2] <= s)<<2 | bit(x[3] <= s)<<3 |
				bit(x[4] <= s)<<4 | bit(x[5] <= s)<<5 | bit(x[6] <= s)<<6 | bit(x[7] <= s)<<7
		}
	case opGt:
		for i := range out[:whole] {
			x := body[i*8 : i*8+8 : i*8+8]
			out[i] = bit(x[0] > s) | bit(x[1] > s)<<1 | bit(x[2] > s)<<2 | bit(x[3] > s)<<3 |
				bit(x[4] > s)<<4 | bit(x[5] > s)<<5 | bit(x[6] > s)<<6 | bit(x[7] > s)<<7
		}
	case opGe:
		for i := range out[:whole] {
			x := body[i*8 : i*8+8 : i*8+8]
			out[i] = bit(x[0] >= s) | bit(x[1] >= s)<<1 | bit(x[2] >= s)<<2 | bit(x[3] >= s)<<3 |
				bit(x[4] >= s)<<4 | bit(x[5] >= s)<<5 | bit(x[6] >= s)<<6 | bit(x[7] >= s)<<7
		}
	}
	for k, x := range tail {
		out[whole] |= bit(compareOne(op, x, s)) << k
	}
}

func compareSlices[T number](op compareOp, a, b []T, out []byte) {
	if op == opGt || op == opGe {
		op, a, b = op.swap(), b, a
	}
	b = b[:len(a)]
	whole := len(a) / 8
	for i := range out[:whole] {
		x, y := a[i*8:i*8+8:i*8+8], b[i*8:i*8+8:i*8+8]
		switch op {
		case opLt:
			out[i] = bit(x[0] < y[0]) | bit(x[1] < y[1])<<1 | bit(x[2] < y[2])<<2 | bit(x[3] < y[3])<<3 |
				bit(x[4] < y[4])<<4 | bit(x[5] < y[5])<<5 | bit(x[6] < y[6])<<6 | bit(x[7] < y[7])<<7
		case opLe:
			out[i] = bit(x[0] <= y[0]) | bit(x[1] <= y[1])<<1 | bit(x[2] <= y[2])<<2 | bit(x[3] <= y[3])<<3 |
				bit(x[4] <= y[4])<<4 | bit(x[5] <= y[5])<<5 | bit(x[6] <= y[6])<<6 | bit(x[7] <= y[7])<<7
		default:
			out[i] = bit(x[0] == y[0]) | bit(x[1] == y[1])<<1 | bit(x[2] == y[2])<<2 | bit(x[3] == y[3])<<3 |
				bit(x[4] == y[4])<<4 | bit(x[5] == y[5])<<5 | bit(x[6] == y[6])<<6 | bit(x[7] == y[7])<<7
		}
	}
	if op == opNe {
		for i := range out[:whole] {
			out[i] = ^out[i]
		}
	}
	for k := whole * 8; k < len(a); k++ {
		out[whole] |= bit(compareOne(op, a[k], b[k])) << (k - whole*8)
	}
}

// compareRows is the loop for types whose order takes more than one instruction.
func compareRows(op compareOp, out []byte, n int, order func(i int) int) {
	for i := range n {
		if op.holds(order(i)) {
			bitutil.SetBit(out, i)
		}
	}
}

// outcomes has a bit for each of less, equal and greater that satisfies an
// operator.
func (o compareOp) outcomes() uint {
	return [...]uint{opEq: 0b010, opNe: 0b101, opLt: 0b001, opLe: 0b011, opGt: 0b100, opGe: 0b110}[o]
}

// compareNums compares decimals of one scale.
func compareNums(op compareOp, x, y vec[decimal128.Num], out []byte, n int) {
	want := op.outcomes()
	for i := range n {
		a, b := x.at(i), y.at(i)
		var order uint // 0 less, 1 equal, 2 greater
		if ah, bh := a.HighBits(), b.HighBits(); ah != bh {
			order = 2 * uint(bit(ah > bh))
		} else {
			order = 1 + uint(bit(a.LowBits() > b.LowBits())) - uint(bit(a.LowBits() < b.LowBits()))
		}
		out[i/8] |= byte(want>>order&1) << (i % 8)
	}
}

func compareBools(op compareOp, a, b value, out []byte, n int) {
	x, y := flagsOf(a), flagsOf(b)
	compareRows(op, out, n, func(i int) int { return int(bit(x.at(i))) - int(bit(y.at(i))) })
}

func compareDecimals(a, b arrow.DataType) compareFunc {
	if !isDecimal(b) {
		return nil
	}
	_, sa := digits(a)
	_, sb := digits(b)
	return func(op compareOp, a, b value, out []byte, n int) {
		x, y := vecOf[decimal128.Num](a), vecOf[decimal128.Num](b)
		if sa == sb {
			compareNums(op, x, y, out, n)
			return
		}
		compareRows(op, out, n, func(i int) int { return decimal.Cmp(x.at(i), sa, y.at(i), sb) })
	}
}

// compareViews compares bytes. Equality with a short scalar is two words.
func compareViews(op compareOp, a, b value, out []byte, n int) {
	x, y := viewsOf(a), viewsOf(b)
	if op == opEq || op == opNe {
		if x.constant() {
			x, y = y, x
		}
		want := op == opEq
		if y.constant() && !x.constant() && uint32(words(&y.heads[0])[0]) <= 12 {
			equalShort(out, x.heads[:n], *words(&y.heads[0]))
			if !want {
				for i := range out {
					out[i] = ^out[i]
				}
			}
			return
		}
		va, vb := validityOf(a), validityOf(b)
		if va.bits == nil && vb.bits == nil {
			for i := range n {
				out[i/8] |= bit(x.equal(i, &y, i) == want) << (i % 8)
			}
			return
		}
		for i := range n {
			if !va.null(i) && !vb.null(i) && x.equal(i, &y, i) == want {
				bitutil.SetBit(out, i)
			}
		}
		return
	}
	va, vb := validityOf(a), validityOf(b)
	for i := range n { // a null row's header may be anything: it is not followed
		if !va.null(i) && !vb.null(i) && op.holds(cmp.Compare(x.at(i), y.at(i))) {
			bitutil.SetBit(out, i)
		}
	}
}

// equalShort sets the bits of the rows equal to a value of at most twelve bytes.
func equalShort(out []byte, heads []arrow.ViewHeader, want [2]uint64) {
	for i := range heads {
		h := words(&heads[i])
		out[i/8] |= bit(h[0] == want[0] && h[1] == want[1]) << (i % 8)
	}
}

// equal compares row i of x with row j of y, the first word first: it holds
// the length and four bytes.
func (x *views) equal(i int, y *views, j int) bool {
	a, b := words(&x.heads[i&x.mask]), words(&y.heads[j&y.mask])
	if a[0] != b[0] {
		return false
	}
	if a[1] == b[1] && uint32(a[0]) <= 12 {
		return true
	}
	return uint32(a[0]) > 12 && x.at(i) == y.at(j)
}

// compareNested compares arrays, maps and rows, member by member.
func compareNested(a, b arrow.DataType) compareFunc {
	if a.ID() != b.ID() {
		return nil
	}
	return func(op compareOp, a, b value, out []byte, n int) {
		x, y := cells(a), cells(b)
		compareRows(op, out, n, func(i int) int {
			if op == opEq || op == opNe {
				return 1 - int(bit(x.equal(x.row(i), y, y.row(i))))
			}
			return x.compare(x.row(i), y, y.row(i))
		})
	}
}

// lessFloat orders floats with NaN above all, for functions that must choose.
func orderFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	}
	return -1
}

// literalValue of a compiled argument that is a constant, or false.
func constant(n node) (value, bool) {
	l, ok := n.(*literalNode)
	if !ok {
		return value{}, false
	}
	return l.v, true
}
