package expr

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
)

// timestampAdd is timestampadd(unit, n, x): n units added to a date, time or
// timestamp.
func timestampAdd(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 3 || !isInteger(e.Args[1].Type()) && e.Args[1].Type().ID() != arrow.NULL {
		return nil, nil
	}
	u, err := unitOf(e.Args[0])
	if err != nil {
		return nil, err
	}
	t := e.Of
	if !isTemporal(t) {
		return nil, nil
	}
	months, isMonths := u.Months()
	millis, isMillis := u.Duration()
	if !isMonths && !isMillis {
		if !isTimestamp(t) || u > chrono.Microsecond {
			return nil, fmt.Errorf("%s cannot be added to %s", u, t)
		}
		perUnit := map[chrono.Unit]int64{chrono.Microsecond: 1e6, chrono.Nanosecond: 1e9}[u]
		return c.call(e, rowsOf(t, func(f *frame, args []value) (func(i int) (int64, error), error) {
			n, in, ticks := integers(f, args[0]), integers(f, args[1]), perSecond(t)
			return func(i int) (int64, error) { return in.at(i) + n.at(i)*ticks/perUnit, nil }, nil
		}), as(e.Args[1], arrow.PrimitiveTypes.Int64), as(e.Args[2], t))
	}
	size := months
	if isMillis {
		size = millis
	}
	return c.call(e, countOf32(t, func(f *frame, args []value) (func(i int) (int64, error), error) {
		n, in := integers(f, args[0]), integers(f, args[1])
		add := adder(t, isMonths)
		return func(i int) (int64, error) { return add(in.at(i), n.at(i)*size) }, nil
	}), as(e.Args[1], arrow.PrimitiveTypes.Int64), as(e.Args[2], t))
}

// countOf32 is countOf for temporal types, too.
func countOf32(t arrow.DataType, bind func(f *frame, args []value) (func(i int) (int64, error), error)) kernel {
	return countOf(t, bind)
}

const dayMillis = 86_400_000

// adder adds months or milliseconds to a value of a temporal type.
func adder(t arrow.DataType, months bool) func(v, n int64) (int64, error) {
	switch {
	case t.ID() == arrow.DATE32 && months:
		return func(v, n int64) (int64, error) { return chrono.AddMonths(v, n), nil }
	case t.ID() == arrow.DATE32:
		return func(v, n int64) (int64, error) { return floorDiv(v*dayMillis+n, dayMillis), nil }
	case t.ID() == arrow.TIME32 && months:
		return func(v, _ int64) (int64, error) { return v, nil }
	case t.ID() == arrow.TIME32:
		return func(v, n int64) (int64, error) { return floorMod(v+n, dayMillis), nil }
	}
	ticks := perSecond(t)
	day := 86400 * ticks
	if months {
		return func(v, n int64) (int64, error) {
			days := chrono.AddMonths(floorDiv(v, day), n)
			if days > math.MaxInt64/day-1 || days < math.MinInt64/day+1 {
				return 0, errTimeRange
			}
			return days*day + floorMod(v, day), nil
		}
	}
	return func(v, n int64) (int64, error) {
		d := n
		if ticks > 1000 {
			d = n * (ticks / 1000)
		} else if ticks < 1000 {
			d = floorDiv(n, 1000/ticks)
		}
		return v + d, nil
	}
}

// timeArithmetic is date, time or timestamp ± interval, interval ± interval and
// interval * or / number.
func timeArithmetic(c *compiler, e *Call, op arithOp) (node, error) {
	a, b, t := e.Args[0], e.Args[1], e.Of
	switch {
	case isInterval(t) && op <= opSub && a.Type().ID() == t.ID() && b.Type().ID() == t.ID():
		return c.totalCall(e, numberKernel(op, t), a, b)
	case isInterval(t) && (op == opMul || op == opDiv):
		if op == opMul && !isInterval(a.Type()) {
			a, b = b, a
		}
		if !isInterval(a.Type()) || !isInteger(b.Type()) {
			return nil, nil
		}
		b = as(b, sameWidthInteger(t))
		return c.call(e, numberKernel(op, t), a, b)
	case !isTemporal(t) || op > opSub:
		return nil, nil
	}
	if op == opAdd && isInterval(a.Type()) {
		a, b = b, a
	}
	if !isInterval(b.Type()) || !isTemporal(a.Type()) {
		return nil, nil
	}
	sign := int64(1)
	if op == opSub {
		sign = -1
	}
	months := b.Type().ID() == arrow.INTERVAL_MONTHS
	n, err := c.call(e, countOf32(t, func(f *frame, args []value) (func(i int) (int64, error), error) {
		x, d := integers(f, args[0]), integers(f, args[1])
		add := adder(t, months)
		return func(i int) (int64, error) { return add(x.at(i), sign*d.at(i)) }, nil
	}), as(a, t), b)
	if err != nil {
		return nil, err
	}
	n.total = !months
	if isTimestamp(t) && !months && perSecond(t) >= 1000 {
		n.run = shiftTimestamp(t, op, perSecond(t)/1000)
	}
	return n, nil
}

// shiftTimestamp adds milliseconds to timestamps of a unit at most as long.
func shiftTimestamp(t arrow.DataType, op arithOp, perMilli int64) kernel {
	return arrayOf(t, func(out []int64, args []value, _ []byte) error {
		x, d := vecOf[int64](args[0]), vecOf[int64](args[1])
		if d.mask == 0 && x.mask != 0 {
			arithScalar(op, out, x.v, d.v[0]*perMilli)
			return nil
		}
		for i := range out {
			if op == opAdd {
				out[i] = x.at(i) + d.at(i)*perMilli
			} else {
				out[i] = x.at(i) - d.at(i)*perMilli
			}
		}
		return nil
	})
}

func sameWidthInteger(t arrow.DataType) arrow.DataType {
	if classOf(t) == int32Class {
		return arrow.PrimitiveTypes.Int32
	}
	return arrow.PrimitiveTypes.Int64
}

// timestampDiff is timestampdiff(unit, a, b): whole units from a to b.
func timestampDiff(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 3 || !isTemporal(e.Args[1].Type()) && e.Args[1].Type().ID() != arrow.NULL || !isTemporal(e.Args[2].Type()) && e.Args[2].Type().ID() != arrow.NULL {
		return nil, nil
	}
	u, err := unitOf(e.Args[0])
	if err != nil {
		return nil, err
	}
	months, isMonths := u.Months()
	millis, isMillis := u.Duration()
	if !isMonths && !isMillis && u > chrono.Microsecond {
		return nil, fmt.Errorf("TIMESTAMPDIFF cannot count %s", u)
	}
	k := countOf(e.Of, func(f *frame, args []value) (func(i int) (int64, error), error) {
		a, b := secondsOf(f, args[0]), secondsOf(f, args[1])
		return func(i int) (int64, error) {
			as, an := a(i)
			bs, bn := b(i)
			if isMonths {
				return chrono.MonthsBetween(floorDiv(as, 86400), floorMod(as, 86400)*1e9+int64(an), floorDiv(bs, 86400), floorMod(bs, 86400)*1e9+int64(bn)) / months, nil
			}
			switch u {
			case chrono.Nanosecond:
				return (bs-as)*1e9 + int64(bn-an), nil
			case chrono.Microsecond:
				return (bs-as)*1e6 + int64(bn-an)/1e3, nil
			default:
			}
			return ((bs-as)*1000 + int64(bn/1e6-an/1e6)) / millis, nil
		}, nil
	})
	if k == nil {
		return nil, nil
	}
	return c.call(e, k, e.Args[1], e.Args[2])
}
