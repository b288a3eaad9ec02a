package decimal_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// num draws values of every size, small ones as often as huge ones.
func num(t *rapid.T, label string) decimal.Num {
	digits := rapid.IntRange(0, 38).Draw(t, label+" digits")
	lim := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	raw := rapid.SliceOfN(rapid.Byte(), 17, 17).Draw(t, label)
	v := new(big.Int).SetBytes(raw)
	v.Mod(v, lim)
	if rapid.Bool().Draw(t, label+" negative") {
		v.Neg(v)
	}
	return decimal128.FromBigInt(v)
}

func scale(t *rapid.T, label string) int32 { return rapid.Int32Range(0, 38).Draw(t, label) }

func rat(n decimal.Num, scale int32) *big.Rat {
	return new(big.Rat).SetFrac(n.BigInt(), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
}

// rounded is the reference: an exact value to a scale, half away from zero.
func rounded(r *big.Rat, scale, precision int32) (*big.Int, bool) {
	x := new(big.Rat).Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	num, den := new(big.Int).Abs(x.Num()), x.Denom()
	q, rest := new(big.Int).QuoRem(num, den, new(big.Int))
	if rest.Lsh(rest, 1).Cmp(den) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	ok := q.Cmp(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)) < 0
	if x.Sign() < 0 {
		q.Neg(q)
	}
	return q, ok
}

func TestArithmeticMatchesRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := num(t, "a"), num(t, "b")
		sa, sb, s := scale(t, "sa"), scale(t, "sb"), scale(t, "s")
		p := rapid.Int32Range(1, 38).Draw(t, "p")
		ra, rb := rat(a, sa), rat(b, sb)
		check := func(name string, got decimal.Num, ok bool, want *big.Rat) {
			t.Helper()
			w, fits := rounded(want, s, p)
			if ok != fits || ok && got.BigInt().Cmp(w) != 0 {
				t.Fatalf("%s: got %v %v, want %v %v", name, got.BigInt(), ok, w, fits)
			}
		}
		// An operand aligned to the other's scale needs at most 76 digits.
		got, ok := decimal.Add(a, sa, b, sb, s, p)
		if w, fits := rounded(new(big.Rat).Add(ra, rb), s, p); fits && ok && got.BigInt().Cmp(w) != 0 || fits != ok && fits {
			t.Fatalf("add: got %v %v, want %v %v", got.BigInt(), ok, w, fits)
		}
		got, ok = decimal.Mul(a, sa, b, sb, s, p)
		check("mul", got, ok, new(big.Rat).Mul(ra, rb))
		if b.Sign() != 0 {
			got, ok = decimal.Div(a, sa, b, sb, s, p)
			check("div", got, ok, new(big.Rat).Quo(ra, rb))
		}
		got, ok = decimal.Rescale(a, sa, s, p)
		check("rescale", got, ok, ra)
		if got, want := decimal.Cmp(a, sa, b, sb), ra.Cmp(rb); got != want {
			t.Fatalf("cmp: got %d, want %d", got, want)
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, s := num(t, "n"), scale(t, "s")
		text := string(decimal.Append(nil, n, s))
		if want := rat(n, s).FloatString(int(s)); text != want {
			t.Fatalf("append: got %s, want %s", text, want)
		}
		back, err := decimal.Parse(text, 38, s)
		if err != nil || back != n {
			t.Fatalf("parse %s: got %v, %v", text, back.BigInt(), err)
		}
		want, _ := rat(n, s).Float64()
		if got := decimal.Float(n, s); got != want {
			t.Fatalf("float of %s: got %v, want %v", text, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1", "-0.5", "1e3", "1E-40", ".5", "5.", "e", "", "+", "99999999999999999999999999999999999999.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := decimal.Parse(s, 38, 6)
		if err != nil {
			return
		}
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			if strings.ContainsAny(s, "eE") {
				return // big.Rat refuses huge exponents
			}
			t.Fatalf("%q was read as %v", s, n.BigInt())
		}
		if want, _ := rounded(r, 6, 38); want.Cmp(n.BigInt()) != 0 {
			t.Fatalf("%q: got %v, want %v", s, n.BigInt(), want)
		}
	})
}

func TestFloorCeilRound(t *testing.T) {
	for _, c := range []struct {
		in                 string
		floor, ceil, round int64
	}{{"3.14", 3, 4, 3}, {"-3.14", -4, -3, -3}, {"3.50", 3, 4, 4}, {"-3.50", -4, -3, -4}, {"3.00", 3, 3, 3}} {
		n, err := decimal.Parse(c.in, 10, 2)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := decimal.Round(n, 2, 0, 38)
		if f, ce := decimal.Floor(n, 2), decimal.Ceil(n, 2); f != decimal128.FromI64(c.floor) || ce != decimal128.FromI64(c.ceil) || r != decimal128.FromI64(c.round) {
			t.Errorf("%s: floor %v, ceil %v, round %v", c.in, f.BigInt(), ce.BigInt(), r.BigInt())
		}
	}
}
