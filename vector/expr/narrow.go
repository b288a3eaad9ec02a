package expr

import (
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// narrow computes sums and products of a batch whose values fit words, when no
// result can need rounding or overflow: that is seen from the widest value on
// either side. It reports done false when it cannot.
//
//	1 - 0.05    DECIMAL(1, 0) - DECIMAL(15, 2)    1·10² - 5
func (k decimalKernel) narrow(f *frame, args []value) (v value, done bool, err error) {
	s := k.of.Scale
	up, other := s-k.sa, s-k.sb // digits that each side gains
	switch k.op {
	case opMul:
		if s != k.sa+k.sb {
			return v, false, nil
		}
		up, other = 0, 0
	case opAdd, opSub:
	default:
		return v, false, nil
	}
	if up < 0 || other < 0 || up > maxUp || other > maxUp {
		return v, false, nil
	}
	a, ok := lows(f, args[0])
	if !ok {
		return v, false, nil
	}
	b, ok := lows(f, args[1])
	if !ok {
		return v, false, nil
	}
	fa, fb := pow10(up), pow10(other)
	wa, wb := widest(a.v)+bits.Len64(uint64(fa))-1, widest(b.v)+bits.Len64(uint64(fb))-1
	limit := 3 * int(k.of.Precision) // 10³ⁿ is at least 2⁹ⁿ
	if k.op == opMul && wa+wb > limit || k.op != opMul && max(wa, wb)+2 > min(limit, 63) {
		return v, false, nil
	}
	v, err = arrayOf(k.of, func(out []decimal.Num, _ []value, _ []byte) error {
		k.words(out, a, b, fa, fb)
		return nil
	})(f, args)
	return v, true, err
}

// maxUp is how many digits a word can gain.
const maxUp = 18

// widest is how many bits the widest value has, without its sign.
func widest(v []int64) int {
	var all uint64
	for _, x := range v {
		all |= uint64(x ^ x>>63)
	}
	return bits.Len64(all)
}

func (k decimalKernel) words(out []decimal.Num, a, b vec[int64], fa, fb int64) {
	switch k.op {
	case opMul:
		for i := range out {
			out[i] = product(a.at(i), b.at(i))
		}
	case opAdd:
		for i := range out {
			out[i] = ofWord(a.at(i)*fa + b.at(i)*fb)
		}
	default:
		for i := range out {
			out[i] = ofWord(a.at(i)*fa - b.at(i)*fb)
		}
	}
}

// ofWord is a decimal of 64 bits.
func ofWord(v int64) decimal.Num { return decimal128.New(v>>63, uint64(v)) }
