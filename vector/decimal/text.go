package decimal

import (
	"errors"
	"math"
	"strconv"
)

// ErrSyntax says that a text is no number, ErrRange that it has too many digits.
var (
	ErrSyntax = errors.New("not a number")
	ErrRange  = errors.New("out of range")
)

// Parse reads a number like "-12.50" or "1e3", rounding half up to the scale.
func Parse(s string, precision, scale int32) (Num, error) {
	neg, i := false, 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	var w wide
	var digits, after, kept int32
	point := false
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
			if point {
				after++
			}
			if kept == 76 { // enough to round by; the rest only moves the point
				after--
				continue
			}
			w, _ = w.mulWord(10)
			w = w.add(wide{uint64(c - '0')})
			if w != (wide{}) {
				kept++
			}
			continue
		case c == '.' && !point:
			point = true
			continue
		}
		break
	}
	if digits == 0 {
		return Num{}, ErrSyntax
	}
	exp, err := exponent(s[i:])
	if err != nil {
		return Num{}, err
	}
	if w == (wide{}) {
		return Num{}, nil
	}
	return place(w, neg, exp-int64(after), precision, scale)
}

// exponent reads the rest of a number: nothing, or e and an integer.
func exponent(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, ErrSyntax
	}
	e, err := strconv.ParseInt(s[1:], 10, 32)
	if err != nil {
		return 0, ErrSyntax
	}
	return e, nil
}

// place returns w * 10^exp in the given scale.
func place(w wide, neg bool, exp int64, precision, scale int32) (Num, error) {
	move := exp + int64(scale)
	ok := true
	switch {
	case move > 77:
		ok = false
	case move >= 0:
		w, ok = w.shift(int32(move))
	default:
		w = w.drop(int32(min(-move, 80)))
	}
	if !ok {
		return Num{}, ErrRange
	}
	n, ok := w.num(neg, precision)
	if !ok {
		return Num{}, ErrRange
	}
	return n, nil
}

// Append writes n with all digits of its scale: "-0.50".
func Append(dst []byte, n Num, scale int32) []byte {
	w, neg := magnitude(n)
	var buf [48]byte
	at := len(buf)
	for i := int32(0); i <= scale || w != (wide{}); i++ {
		var d uint64
		w, d = w.divWord(10)
		if i == scale && scale > 0 {
			at--
			buf[at] = '.'
		}
		at--
		buf[at] = byte('0' + d)
	}
	if neg {
		at--
		buf[at] = '-'
	}
	return append(dst, buf[at:]...)
}

// Float returns the nearest float64.
func Float(n Num, scale int32) float64 {
	var buf [48]byte
	if lo := int64(n.LowBits()); n.HighBits() == lo>>63 && scale <= 22 && lo < 1<<53 && lo > -1<<53 {
		return float64(lo) / float64Pow10[scale] // both exact, so rounded once
	}
	f, _ := strconv.ParseFloat(string(Append(buf[:0], n, scale)), 64)
	return f
}

var float64Pow10 = func() (p [23]float64) {
	for i := range p {
		p[i] = math.Pow10(i)
	}
	return p
}()

// FromFloat converts the shortest decimal text that stands for f (bits is 32
// or 64), as Java prints it. NaN and infinities are out of range.
func FromFloat(f float64, bits int, precision, scale int32) (Num, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Num{}, false
	}
	var buf [32]byte
	n, err := Parse(string(strconv.AppendFloat(buf[:0], f, 'e', -1, bits)), precision, scale)
	return n, err == nil
}
