package expr

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
	"github.com/wadi-engine/wadi/vector/decimal"
)

// mathFunctions are functions of numbers. Those of one DOUBLE follow Java's
// Math, NaN and infinities included.
func mathFunctions() map[string]maker {
	all := map[string]maker{
		"power":        floats2(math.Pow),
		"atan2":        floats2(math.Atan2),
		"log":          logarithm,
		"pi":           constantFloat(math.Pi),
		"e":            constantFloat(math.E),
		"abs":          unaryNumber(absInteger, math.Abs, func(n decimal.Num, _ int32) decimal.Num { return n.Abs() }),
		"sign":         unaryNumber(signInteger, signFloat, signDecimal),
		"ceil":         rounder(math.Ceil, decimal.Ceil, chrono.Unit.CeilDate, true),
		"floor":        rounder(math.Floor, decimal.Floor, chrono.Unit.FloorDate, false),
		"round":        roundTo(false),
		"truncate":     roundTo(true),
		"greatest":     extreme(1),
		"least":        extreme(-1),
		"rand":         random,
		"rand_integer": randomInteger,
		"uuid":         uuid,
	}
	for name, f := range map[string]func(float64) float64{
		"sqrt": math.Sqrt, "exp": math.Exp, "ln": math.Log, "log10": math.Log10, "log2": func(x float64) float64 { return math.Log(x) / math.Ln2 },
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "asin": math.Asin, "acos": acos, "atan": math.Atan,
		"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh, "cot": func(x float64) float64 { return 1 / math.Tan(x) },
		"degrees": func(x float64) float64 { return x / math.Pi * 180 }, "radians": func(x float64) float64 { return x / 180 * math.Pi },
	} {
		all[name] = floats1(f)
	}
	return all
}

// acos keeps the last digit where π/2 - asin(x) loses it.
func acos(x float64) float64 { return 2 * math.Atan2(math.Sqrt(1-x), math.Sqrt(1+x)) }

func floats1(fn func(float64) float64) maker {
	return simple("d", func(t arrow.DataType) kernel {
		return floatRows(t, func(f *frame, args []value) func(i int) float64 {
			in, _ := floats(f, args[0])
			return func(i int) float64 { return fn(in.at(i)) }
		})
	})
}

func floats2(fn func(a, b float64) float64) maker {
	return simple("dd", func(t arrow.DataType) kernel {
		return floatRows(t, func(f *frame, args []value) func(i int) float64 {
			a, _ := floats(f, args[0])
			b, _ := floats(f, args[1])
			return func(i int) float64 { return fn(a.at(i), b.at(i)) }
		})
	})
}

func floatRows(t arrow.DataType, bind func(f *frame, args []value) func(i int) float64) kernel {
	if t.ID() != arrow.FLOAT64 {
		return nil
	}
	return rowsOf(t, func(f *frame, args []value) (func(i int) (float64, error), error) {
		row := bind(f, args)
		return func(i int) (float64, error) { return row(i), nil }, nil
	})
}

// logarithm is log(x), the natural one, or log(base, x).
func logarithm(c *compiler, e *Call) (node, error) {
	if len(e.Args) == 1 {
		return floats1(math.Log)(c, e)
	}
	return floats2(func(base, x float64) float64 { return math.Log(x) / math.Log(base) })(c, e)
}

func constantFloat(v float64) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) > 0 || e.Of.ID() != arrow.FLOAT64 {
			return nil, nil
		}
		return c.node(&Literal{Value: v, Of: e.Of})
	}
}

// unaryNumber is a function from a number type to itself.
func unaryNumber(whole func(int64) int64, float func(float64) float64, dec func(n decimal.Num, scale int32) decimal.Num) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 1 || !numericOrNull(e.Args[0].Type()) && !isInterval(e.Args[0].Type()) {
			return nil, nil
		}
		t := e.Of
		var run kernel
		switch {
		case isInteger(t) || isInterval(t):
			run = integerRows(t, whole)
		case isFloat(t):
			run = floatsTo(t, float)
		case isDecimal(t):
			_, s := digits(t)
			run = rowsOf(t, func(_ *frame, args []value) (func(i int) (decimal.Num, error), error) {
				in := vecOf[decimal.Num](args[0])
				return func(i int) (decimal.Num, error) { return dec(in.at(i), s), nil }, nil
			})
		}
		if run == nil {
			return nil, nil
		}
		return c.call(e, run, as(e.Args[0], t))
	}
}

// integerRows maps integers of any width.
func integerRows(t arrow.DataType, fn func(int64) int64) kernel {
	bind := func(f *frame, args []value) (func(i int) (int64, error), error) {
		in := integers(f, args[0])
		return func(i int) (int64, error) { return fn(in.at(i)), nil }, nil
	}
	return countOf(t, bind)
}

// floatsTo maps floats of either width.
func floatsTo(t arrow.DataType, fn func(float64) float64) kernel {
	if t.ID() == arrow.FLOAT64 {
		return floatRows(t, func(f *frame, args []value) func(i int) float64 {
			in, _ := floats(f, args[0])
			return func(i int) float64 { return fn(in.at(i)) }
		})
	}
	return rowsOf(t, func(f *frame, args []value) (func(i int) (float32, error), error) {
		in, _ := floats(f, args[0])
		return func(i int) (float32, error) { return float32(fn(in.at(i))), nil }, nil
	})
}

func absInteger(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

func signInteger(v int64) int64 { return int64(bit(v > 0)) - int64(bit(v < 0)) }

func signFloat(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v
}

func signDecimal(n decimal.Num, scale int32) decimal.Num {
	one, _ := decimal.Rescale(decimal.FromInt(int64(n.Sign())), 0, scale, decimal.MaxPrecision)
	return one
}

// rounder is CEIL or FLOOR of a number, or of a time to a unit.
func rounder(float func(float64) float64, dec func(n decimal.Num, scale int32) decimal.Num, date func(u chrono.Unit, days int64) int64, up bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) == 2 {
			return roundTime(c, e, date, up)
		}
		if len(e.Args) != 1 || !numericOrNull(e.Args[0].Type()) {
			return nil, nil
		}
		t := e.Args[0].Type()
		if isDecimal(t) && isDecimal(e.Of) {
			_, from := digits(t)
			p, to := digits(e.Of)
			return c.call(e, rowsOf(e.Of, func(_ *frame, args []value) (func(i int) (decimal.Num, error), error) {
				in := vecOf[decimal.Num](args[0])
				return func(i int) (decimal.Num, error) {
					n, ok := decimal.Rescale(dec(in.at(i), from), 0, to, p)
					if !ok {
						return n, errNull
					}
					return n, nil
				}, nil
			}), e.Args[0])
		}
		return unaryNumber(func(v int64) int64 { return v }, float, dec)(c, e)
	}
}

// roundTo is ROUND or TRUNCATE of a number to digits behind the point.
func roundTo(cut bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) < 1 || len(e.Args) > 2 || !numericOrNull(e.Args[0].Type()) {
			return nil, nil
		}
		x, places := e.Args[0], Expr(&Literal{Value: int64(0), Of: arrow.PrimitiveTypes.Int32})
		if len(e.Args) == 2 {
			if !isInteger(e.Args[1].Type()) && e.Args[1].Type().ID() != arrow.NULL {
				return nil, nil
			}
			places = as(e.Args[1], arrow.PrimitiveTypes.Int32)
		}
		var run kernel
		switch {
		case isDecimal(e.Of) && isDecimal(x.Type()):
			run = roundDecimal(x.Type(), e.Of, cut)
		case isInteger(e.Of):
			x = as(x, e.Of)
			run = countOf(e.Of, roundInteger(cut))
		case e.Of.ID() == arrow.FLOAT32:
			x = as(x, e.Of)
			run = rowsOf(e.Of, roundFloat[float32](cut))
		case e.Of.ID() == arrow.FLOAT64:
			x = as(x, e.Of)
			run = rowsOf(e.Of, roundFloat[float64](cut))
		}
		if run == nil {
			return nil, nil
		}
		return c.call(e, run, x, places)
	}
}

func roundDecimal(from, to arrow.DataType, cut bool) kernel {
	_, scale := digits(from)
	p, s := digits(to)
	return rowsOf(to, func(f *frame, args []value) (func(i int) (decimal.Num, error), error) {
		in, places := vecOf[decimal.Num](args[0]), integers(f, args[1])
		return func(i int) (decimal.Num, error) {
			keep := int32(min(max(places.at(i), -40), 40))
			round := decimal.Round
			if cut {
				round = decimal.Truncate
			}
			n, ok := round(in.at(i), scale, keep, decimal.MaxPrecision)
			if ok {
				n, ok = decimal.Rescale(n, min(scale, max(keep, 0)), s, p)
			}
			if !ok {
				return n, errNull
			}
			return n, nil
		}, nil
	})
}

func roundInteger(cut bool) func(f *frame, args []value) (func(i int) (int64, error), error) {
	return func(f *frame, args []value) (func(i int) (int64, error), error) {
		in, places := integers(f, args[0]), integers(f, args[1])
		return func(i int) (int64, error) {
			v, d := in.at(i), -places.at(i)
			if d <= 0 {
				return v, nil
			}
			if d > 18 {
				return 0, nil
			}
			unit := int64(math.Pow10(int(d)))
			rest := v % unit
			v -= rest
			switch {
			case cut:
			case rest >= unit-rest && rest > 0:
				v += unit
			case -rest >= unit+rest && rest < 0:
				v -= unit
			}
			return v, nil
		}, nil
	}
}

// roundFloat rounds the decimal text of a float, as Java's BigDecimal does.
func roundFloat[T float32 | float64](cut bool) func(f *frame, args []value) (func(i int) (T, error), error) {
	return func(f *frame, args []value) (func(i int) (T, error), error) {
		in, size := floats(f, args[0])
		places := integers(f, args[1])
		return func(i int) (T, error) {
			v := in.at(i)
			keep := int32(min(max(places.at(i), -30), 18))
			n, ok := decimal.FromFloat(v, size, decimal.MaxPrecision, 19)
			if !ok {
				return T(v), nil // too large to have a fraction, or not a number
			}
			if cut {
				n, ok = decimal.Truncate(n, 19, keep, decimal.MaxPrecision)
			} else {
				n, ok = decimal.Round(n, 19, keep, decimal.MaxPrecision)
			}
			if !ok {
				return T(v), nil
			}
			return T(decimal.Float(n, min(19, max(keep, 0)))), nil
		}, nil
	}
}

// extreme is GREATEST or LEAST: NULL when an argument is.
func extreme(sign int) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) == 0 {
			return nil, nil
		}
		args := make([]node, len(e.Args))
		for i, a := range e.Args {
			n, err := c.node(as(a, e.Of))
			if err != nil {
				return nil, err
			}
			args[i] = n
		}
		return &callNode{expr: e, args: args, run: func(f *frame, vs []value) (value, error) {
			return pickExtreme(f, e.Of, vs, sign), nil
		}}, nil
	}
}

// pickExtreme marks for each argument the rows that it gives, and merges them.
func pickExtreme(f *frame, t arrow.DataType, vs []value, sign int) value {
	n := rows(f.n, vs)
	sub := f.sub(nil)
	sub.n = n
	defer sub.release()
	in := make([]*column, len(vs))
	for i, v := range vs {
		in[i] = cells(v)
	}
	masks := make([][]byte, len(vs))
	for i := range masks {
		masks[i] = newTri(sub, n).t
	}
	for i := range n {
		best := 0
		for k, c := range in {
			if c.null(c.row(i)) {
				best = -1
				break
			}
			if o := in[best]; c.compare(c.row(i), o, o.row(i))*sign > 0 {
				best = k
			}
		}
		if best >= 0 {
			masks[best][i/8] |= 1 << (i % 8)
		}
	}
	m := newMerge(sub, t)
	defer m.release()
	for k, v := range vs {
		m.begun = true
		m.overlay(v, masks[k], -1)
	}
	return value{Array: m.finish(), scalar: allScalar(vs)}
}

// volatileCall compiles a call that differs from row to row.
func (c *compiler) volatileCall(e *Call, run kernel, args ...Expr) (node, error) {
	n, err := c.call(e, run, args...)
	if err != nil {
		return nil, err
	}
	n.volatile = true
	return n, nil
}

// everyRow runs k with a value per row even if all arguments are scalars.
func everyRow(k kernel) kernel {
	return func(f *frame, args []value) (value, error) {
		wide := make([]value, 0, len(args)+1)
		defer func() { release(wide) }()
		for _, a := range args {
			a.Retain()
			wide = append(wide, value{Array: a.expand(f.alloc, f.n)})
		}
		if len(args) == 0 { // any array tells how many rows there are
			_, buf := newBits(f.alloc, f.n)
			wide = append(wide, value{Array: finish(arrow.FixedWidthTypes.Boolean, f.n, nil, buf, 0)})
		}
		return k(f, wide)
	}
}

// random is rand([seed]). A seed makes the sequence repeatable.
func random(c *compiler, e *Call) (node, error) {
	args, ok := match("?i", e.Args)
	if !ok || e.Of.ID() != arrow.FLOAT64 {
		return nil, nil
	}
	seeded := sequences{}
	return c.volatileCall(e, everyRow(floatRows(e.Of, func(f *frame, args []value) func(i int) float64 {
		if isInteger(args[0].DataType()) {
			seed := integers(f, args[0])
			return func(i int) float64 { return seeded.of(seed.at(i)).float64() }
		}
		return func(int) float64 { return f.env.Rand.Float64() }
	})), args...)
}

// randomInteger is rand_integer([seed,] bound).
func randomInteger(c *compiler, e *Call) (node, error) {
	args, ok := match("i?i", e.Args)
	if !ok {
		return nil, nil
	}
	seeded := sequences{}
	k := countOf(e.Of, func(f *frame, args []value) (func(i int) (int64, error), error) {
		bound := integers(f, args[len(args)-1])
		var seed vec[int64]
		if len(args) == 2 {
			seed = integers(f, args[0])
		}
		return func(i int) (int64, error) {
			b := bound.at(i)
			if b <= 0 || b > math.MaxInt32 {
				return 0, fmt.Errorf("bound %d of RAND_INTEGER must be above zero", b)
			}
			if seed.v != nil {
				return seeded.of(seed.at(i)).intn(int32(b)), nil
			}
			return f.env.Rand.Int64N(b), nil
		}, nil
	})
	if k == nil {
		return nil, nil
	}
	return c.volatileCall(e, everyRow(k), args...)
}

// javaRandom is java.util.Random, so that seeds give what they give in Flink.
type javaRandom struct{ seed int64 }

// sequences are the generators of a call, by seed.
type sequences map[int64]*javaRandom

func (s sequences) of(seed int64) *javaRandom {
	r := s[seed]
	if r == nil {
		r = newJavaRandom(seed)
		s[seed] = r
	}
	return r
}

const javaRandomMask = 1<<48 - 1

func newJavaRandom(seed int64) *javaRandom {
	return &javaRandom{seed: (seed ^ 0x5DEECE66D) & javaRandomMask}
}

func (r *javaRandom) next(bits int) int32 {
	r.seed = (r.seed*0x5DEECE66D + 0xB) & javaRandomMask
	return int32(r.seed >> (48 - bits))
}

func (r *javaRandom) float64() float64 {
	hi := int64(r.next(26)) << 27
	return float64(hi+int64(r.next(27))) / (1 << 53)
}

func (r *javaRandom) intn(bound int32) int64 {
	v := r.next(31)
	if bound&(bound-1) == 0 {
		return int64(bound) * int64(v) >> 31
	}
	for u := v; ; u = r.next(31) {
		v = u % bound
		if u-v+(bound-1) >= 0 {
			return int64(v)
		}
	}
}

func uuid(c *compiler, e *Call) (node, error) {
	if len(e.Args) > 0 || !isText(e.Of) {
		return nil, nil
	}
	return c.volatileCall(e, everyRow(textOf(e.Of, func(f *frame, _ []value) (func(i int, dst []byte) ([]byte, error), error) {
		return func(_ int, dst []byte) ([]byte, error) {
			hi, lo := f.env.Rand.Uint64(), f.env.Rand.Uint64()
			hi = hi&^0xf000 | 0x4000
			lo = lo&^(3<<62) | 1<<63
			return fmt.Appendf(dst, "%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1)), nil
		}, nil
	})))
}

// unitOf reads a literal unit's name.
func unitOf(e Expr) (chrono.Unit, error) {
	l, ok := e.(*Literal)
	if !ok {
		return 0, fmt.Errorf("unit %s must be a literal", e)
	}
	name, _ := l.Value.(string)
	u, ok := chrono.ParseUnit(name)
	if !ok {
		return 0, fmt.Errorf("there is no unit of time %q", strings.ToUpper(name))
	}
	return u, nil
}
