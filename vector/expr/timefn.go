package expr

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
)

// timeFunctions are functions of dates, times and timestamps:
//
//	extract(unit, x)   timestampadd(unit, n, x)   timestampdiff(unit, a, b)
//
// and ceil(x, unit), floor(x, unit), where units are string literals. The
// fields of a TIMESTAMP_LTZ are those of the session's zone.
func timeFunctions() map[string]maker {
	return map[string]maker{
		"extract":           extract,
		"timestampadd":      timestampAdd,
		"timestampdiff":     timestampDiff,
		"date_format":       dateFormat,
		"to_date":           toDate,
		"to_timestamp":      toTimestamp,
		"to_timestamp_ltz":  toTimestampLTZ,
		"from_unixtime":     fromUnixtime,
		"unix_timestamp":    unixTimestamp,
		"convert_tz":        convertTZ,
		"current_timestamp": clock, "now": clock, "localtimestamp": clock, "current_row_timestamp": clock,
		"current_date": clock, "current_time": clock, "localtime": clock, "proctime": clock,
	}
}

// secondsOf reads a date, time or timestamp as local seconds and nanoseconds.
func secondsOf(f *frame, v value) func(i int) (sec int64, nano int) {
	k := casting{from: v.DataType(), to: v.DataType(), env: f.env, shape: noName, source: noName}
	if isLocal(k.from) {
		k.to = &arrow.TimestampType{Unit: unit(k.from)}
	}
	return k.instants(f, v)
}

func extract(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 2 {
		return nil, nil
	}
	u, err := unitOf(e.Args[0])
	if err != nil {
		return nil, err
	}
	t := e.Args[1].Type()
	var run kernel
	switch {
	case isTemporal(t):
		run = countOf(e.Of, func(f *frame, args []value) (func(i int) (int64, error), error) {
			if u == chrono.Epoch && isLocal(t) {
				in, ticks := integers(f, args[0]), perSecond(t)
				return func(i int) (int64, error) { return floorDiv(in.at(i), ticks), nil }, nil
			}
			in := secondsOf(f, args[0])
			return func(i int) (int64, error) { return u.Extract(in(i)), nil }, nil
		})
	case isInterval(t):
		run = countOf(e.Of, func(f *frame, args []value) (func(i int) (int64, error), error) {
			in := integers(f, args[0])
			months := t.ID() == arrow.INTERVAL_MONTHS
			return func(i int) (int64, error) { return extractInterval(u, in.at(i), months) }, nil
		})
	}
	if run == nil {
		return nil, nil
	}
	return c.call(e, run, e.Args[1])
}

func extractInterval(u chrono.Unit, v int64, months bool) (int64, error) {
	if months {
		switch u {
		case chrono.Month:
			return v % 12, nil
		case chrono.Quarter:
			return v%12/3 + 1, nil
		case chrono.Epoch:
			return v * 30 * 86400, nil
		default:
		}
		if n, ok := u.Months(); ok {
			return v / n, nil
		}
		return 0, fmt.Errorf("an interval of months has no %s", u)
	}
	switch u {
	case chrono.Nanosecond, chrono.Microsecond:
		return v % 1000 * map[chrono.Unit]int64{chrono.Nanosecond: 1e6, chrono.Microsecond: 1e3}[u], nil
	case chrono.Epoch:
		return v / 1000, nil
	default:
	}
	within := map[chrono.Unit]int64{chrono.Millisecond: 1000, chrono.Second: 60_000, chrono.Minute: 3_600_000, chrono.Hour: 86_400_000, chrono.Day: math.MaxInt64}
	size, ok := u.Duration()
	if !ok || within[u] == 0 {
		return 0, fmt.Errorf("an interval of days has no %s", u)
	}
	return v % within[u] / size, nil
}

// roundTime is CEIL or FLOOR of a date, time or timestamp to a unit.
func roundTime(c *compiler, e *Call, date func(u chrono.Unit, days int64) int64, up bool) (node, error) {
	t := e.Args[0].Type()
	if !isTemporal(t) || !sameLayout(t, e.Of) {
		return nil, nil
	}
	u, err := unitOf(e.Args[1])
	if err != nil {
		return nil, err
	}
	switch t.ID() {
	case arrow.DATE32:
		return c.call(e, countDates(t, func(days int64) int64 {
			if u == chrono.Day && up { // as Flink does: the next day
				return days + 1
			}
			return date(u, days)
		}), e.Args[0])
	case arrow.TIME32:
		return c.call(e, countDates(t, func(ms int64) int64 {
			size, ok := u.Duration()
			if !ok || size > 86_400_000 {
				return ms
			}
			return roundMultiple(ms, size, up)
		}), e.Args[0])
	default:
	}
	return c.call(e, roundTimestamp(t, u, date, up), e.Args[0])
}

// countDates maps values of a 32-bit type.
func countDates(t arrow.DataType, fn func(int64) int64) kernel { return integerRows(t, fn) }

func roundMultiple(v, size int64, up bool) int64 {
	down := v - floorMod(v, size)
	if up && down != v {
		return down + size
	}
	return down
}

func roundTimestamp(t arrow.DataType, u chrono.Unit, date func(u chrono.Unit, days int64) int64, up bool) kernel {
	ticks := perSecond(t)
	day := 86400 * ticks
	return rowsOf(t, func(f *frame, args []value) (func(i int) (int64, error), error) {
		in := integers(f, args[0])
		round := func(local int64) int64 {
			if size, ok := u.Duration(); ok && u <= chrono.Day {
				return roundMultiple(local, max(size*ticks/1000, 1), up)
			}
			if u < chrono.Millisecond {
				return local
			}
			days := floorDiv(local, day)
			if up && floorMod(local, day) != 0 {
				days++
			}
			return date(u, days) * day
		}
		if !isLocal(t) {
			return func(i int) (int64, error) { return round(in.at(i)), nil }, nil
		}
		return func(i int) (int64, error) {
			sec, nano := split(in.at(i), ticks)
			local := chrono.ToLocal(f.env.Zone, sec)*ticks + int64(nano)/(1e9/ticks)
			local = round(local)
			rest := floorMod(local, ticks)
			return chrono.ToUTC(f.env.Zone, floorDiv(local, ticks))*ticks + rest, nil
		}, nil
	})
}

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

// formats compiles the date patterns of an argument, mostly a literal.
type formats struct {
	in   views
	last string
	p    *chrono.Pattern
}

func newFormats(v value) *formats { return &formats{in: viewsOf(v)} }

func (x *formats) at(i int) (*chrono.Pattern, error) {
	if x.p != nil && x.in.constant() {
		return x.p, nil
	}
	s := x.in.at(i)
	if x.p != nil && s == x.last {
		return x.p, nil
	}
	p, err := chrono.ParsePattern(s)
	if err != nil {
		return nil, err
	}
	x.p, x.last = p, strings.Clone(s)
	return p, nil
}

// zones loads the time zones of an argument, mostly a literal.
type zones struct {
	in   views
	last string
	zone *time.Location
}

func newZones(v value) *zones { return &zones{in: viewsOf(v)} }

func (x *zones) at(i int) (*time.Location, error) {
	s := x.in.at(i)
	if x.zone != nil && s == x.last {
		return x.zone, nil
	}
	z, err := chrono.LoadZone(s)
	if err != nil {
		return nil, err
	}
	x.zone, x.last = z, strings.Clone(s)
	return z, nil
}

// dateFormat is date_format(timestamp or string, pattern).
func dateFormat(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 2 || !isText(e.Args[1].Type()) {
		return nil, nil
	}
	x := e.Args[0]
	if isText(x.Type()) || x.Type().ID() == arrow.NULL {
		x = as(x, &arrow.TimestampType{Unit: arrow.Nanosecond})
	}
	if !isTemporal(x.Type()) {
		return nil, nil
	}
	return c.call(e, textOf(e.Of, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		in, pattern := secondsOf(f, args[0]), newFormats(args[1])
		zone := time.UTC
		if isLocal(args[0].DataType()) {
			zone = f.env.Zone
		}
		// Times mostly ascend: a row often prints what the row before did.
		var last *chrono.Pattern
		var step, lastStep int64
		var text []byte
		return func(i int, dst []byte) ([]byte, error) {
			p, err := pattern.at(i)
			if err != nil {
				return dst, err
			}
			sec, nano := in(i)
			if p != last {
				last, step, text = p, p.Step(), nil
			}
			if step == 0 {
				return p.Append(dst, chrono.Of(sec, nano), chrono.Offset(zone, sec-chrono.Offset(zone, sec))), nil
			}
			if now := floorDiv(sec, step); text == nil || now != lastStep {
				lastStep, text = now, p.Append(text[:0], chrono.Of(sec, nano), 0)
			}
			return append(dst, text...), nil
		}, nil
	}), x, e.Args[1])
}

// parseTime reads a text by a pattern, or as CAST does when there is none.
func parseTime(args []value) func(i int) (c chrono.Civil, offset int64, zoned bool, err error) {
	in := viewsOf(args[0])
	if len(args) == 1 {
		return func(i int) (chrono.Civil, int64, bool, error) {
			c, ok := chrono.ParseTimestamp(in.at(i))
			if !ok {
				return c, 0, false, errNull
			}
			return c, 0, false, nil
		}
	}
	pattern := newFormats(args[1])
	return func(i int) (chrono.Civil, int64, bool, error) {
		p, err := pattern.at(i)
		if err != nil {
			return chrono.Civil{}, 0, false, err
		}
		c, offset, zoned, ok := p.Parse(in.at(i))
		if !ok {
			err = errNull
		}
		return c, offset, zoned, err
	}
}

// toDate is to_date(string [, pattern]); what cannot be read is NULL.
func toDate(c *compiler, e *Call) (node, error) {
	return simple("s?s", func(t arrow.DataType) kernel {
		if t.ID() != arrow.DATE32 {
			return nil
		}
		return rowsOf(t, func(_ *frame, args []value) (func(i int) (int32, error), error) {
			if len(args) == 1 {
				in := viewsOf(args[0])
				return func(i int) (int32, error) {
					days, ok := chrono.ParseDate(in.at(i))
					if !ok {
						return 0, errNull
					}
					return int32(days), nil
				}, nil
			}
			read := parseTime(args)
			return func(i int) (int32, error) {
				c, _, _, err := read(i)
				return int32(chrono.Days(c.Year, max(c.Month, 1), c.Day)), err
			}, nil
		})
	})(c, e)
}

// joinOrNull makes a timestamp, or NULL when its type cannot hold it.
func joinOrNull(t arrow.DataType) func(sec int64, nano int) (int64, error) {
	k := casting{to: t}
	k.shape = noName
	join := k.joiner()
	return func(sec int64, nano int) (int64, error) {
		if sec < minSecond || sec > maxSecond {
			return 0, errNull
		}
		v, err := join(sec, nano)
		if err != nil {
			err = errNull
		}
		return v, err
	}
}

// Timestamps made of numbers and texts lie in the years 0 to 9999.
const (
	minSecond = -62167219200
	maxSecond = 253402300799
)

// toTimestamp is to_timestamp(string [, pattern]); what cannot be read is NULL.
func toTimestamp(c *compiler, e *Call) (node, error) {
	return simple("s?s", func(t arrow.DataType) kernel {
		if !isTimestamp(t) || isLocal(t) {
			return nil
		}
		join := joinOrNull(t)
		return rowsOf(t, func(_ *frame, args []value) (func(i int) (int64, error), error) {
			read := parseTime(args)
			return func(i int) (int64, error) {
				c, _, _, err := read(i)
				if err != nil {
					return 0, err
				}
				return join(c.Seconds(), c.Nanosecond)
			}, nil
		})
	})(c, e)
}

// toTimestampLTZ is to_timestamp_ltz(number [, precision 0 or 3]) or
// to_timestamp_ltz(string [, pattern [, zone]]), whose zone is UTC unless given.
func toTimestampLTZ(c *compiler, e *Call) (node, error) {
	if len(e.Args) == 0 || !isLocal(e.Of) {
		return nil, nil
	}
	join := joinOrNull(e.Of)
	if l, ok := nth(e.Args, 2).(*Literal); ok {
		if name, ok := l.Value.(string); ok { // a wrong zone is an error before any row
			if _, err := chrono.LoadZone(name); err != nil {
				return nil, err
			}
		}
	}
	if isNumeric(e.Args[0].Type()) {
		return ltzOfNumber(c, e, join)
	}
	return simple("s?ss", func(t arrow.DataType) kernel {
		return rowsOf(t, func(_ *frame, args []value) (func(i int) (int64, error), error) {
			read := parseTime(args[:min(len(args), 2)])
			var zone *zones
			if len(args) == 3 {
				zone = newZones(args[2])
			}
			return func(i int) (int64, error) {
				c, offset, zoned, err := read(i)
				if err != nil {
					return 0, err
				}
				sec := c.Seconds()
				switch {
				case zoned:
					sec -= offset
				case zone != nil:
					z, err := zone.at(i)
					if err != nil {
						return 0, err
					}
					sec = chrono.ToUTC(z, sec)
				}
				return join(sec, c.Nanosecond)
			}, nil
		})
	})(c, e)
}

func ltzOfNumber(c *compiler, e *Call, join func(sec int64, nano int) (int64, error)) (node, error) {
	args, ok := match("a?i", e.Args)
	if !ok {
		return nil, nil
	}
	if len(args) == 1 {
		args = append(args, &Literal{Value: int64(3), Of: arrow.PrimitiveTypes.Int32})
	}
	return c.call(e, rowsOf(e.Of, func(f *frame, args []value) (func(i int) (int64, error), error) {
		precision := integers(f, args[1])
		scale := func(i int) (int64, error) {
			switch p := precision.at(i); p { // of what the number counts
			case 0:
				return 1000, nil
			case 3:
				return 1, nil
			default:
				return 0, fmt.Errorf("precision %d of TO_TIMESTAMP_LTZ must be 0 for seconds or 3 for milliseconds", p)
			}
		}
		if isInteger(args[0].DataType()) {
			in := integers(f, args[0])
			return func(i int) (int64, error) {
				s, err := scale(i)
				if v := in.at(i); err != nil || v < minSecond*1000/s || v > (maxSecond*1000+999)/s {
					return 0, orNull(err)
				}
				ms := in.at(i) * s
				return join(floorDiv(ms, 1000), int(floorMod(ms, 1000))*1e6)
			}, nil
		}
		in, _ := floats(f, args[0])
		return func(i int) (int64, error) {
			s, err := scale(i)
			ms := in.at(i) * float64(s)
			if err != nil || !(ms >= minSecond*1000 && ms <= maxSecond*1000+999) {
				return 0, orNull(err)
			}
			return join(floorDiv(int64(ms), 1000), int(floorMod(int64(ms), 1000))*1e6)
		}, nil
	}), args...)
}

func orNull(err error) error {
	if err == nil {
		return errNull
	}
	return err
}

var defaultFormat, _ = chrono.ParsePattern("yyyy-MM-dd HH:mm:ss")

// fromUnixtime is from_unixtime(seconds [, pattern]), in the session's zone.
func fromUnixtime(c *compiler, e *Call) (node, error) {
	return simple("i?s", func(t arrow.DataType) kernel {
		return textOf(t, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := integers(f, args[0])
			var pattern *formats
			if len(args) == 2 {
				pattern = newFormats(args[1])
			}
			return func(i int, dst []byte) ([]byte, error) {
				p := defaultFormat
				if pattern != nil {
					var err error
					if p, err = pattern.at(i); err != nil {
						return dst, err
					}
				}
				off := chrono.Offset(f.env.Zone, in.at(i))
				return p.Append(dst, chrono.Of(in.at(i)+off, 0), off), nil
			}, nil
		})
	})(c, e)
}

// unixTimestamp is unix_timestamp() or unix_timestamp(string [, pattern]), which
// gives the least BIGINT for what cannot be read.
func unixTimestamp(c *compiler, e *Call) (node, error) {
	if len(e.Args) == 0 {
		return clock(c, e)
	}
	return simple("s?s", func(t arrow.DataType) kernel {
		return countOf(t, func(f *frame, args []value) (func(i int) (int64, error), error) {
			read := parseTime(args)
			return func(i int) (int64, error) {
				c, offset, zoned, err := read(i)
				switch {
				case err == errNull: //nolint:errorlint // never wrapped
					return math.MinInt64, nil
				case err != nil:
					return 0, err
				case zoned:
					return c.Seconds() - offset, nil
				}
				return chrono.ToUTC(f.env.Zone, c.Seconds()), nil
			}, nil
		})
	})(c, e)
}

// convertTZ is convert_tz(string, from zone, to zone).
func convertTZ(c *compiler, e *Call) (node, error) {
	return simple("sss", func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			read, from, to := parseTime(args[:1]), newZones(args[1]), newZones(args[2])
			return func(i int, dst []byte) ([]byte, error) {
				c, _, _, err := read(i)
				if err != nil {
					return dst, err
				}
				a, err := from.at(i)
				if err != nil {
					return dst, err
				}
				b, err := to.at(i)
				if err != nil {
					return dst, err
				}
				sec := chrono.ToLocal(b, chrono.ToUTC(a, c.Seconds()))
				return defaultFormat.Append(dst, chrono.Of(sec, 0), 0), nil
			}, nil
		})
	})(c, e)
}

// clock is the present, in the form that the result type asks for: an instant,
// or the session's local time.
func clock(c *compiler, e *Call) (node, error) {
	t := e.Of
	if len(e.Args) > 1 || !isTemporal(t) && !isInteger(t) {
		return nil, nil
	}
	return c.volatileCall(e, func(f *frame, _ []value) (value, error) {
		sec, milli := floorDiv(f.now, 1000), floorMod(f.now, 1000)
		local := chrono.ToLocal(f.env.Zone, sec)
		v := sec
		switch {
		case t.ID() == arrow.DATE32:
			v = floorDiv(local, 86400)
		case t.ID() == arrow.TIME32:
			v = floorMod(local, 86400) * 1000 // TIME(0)
		case isTimestamp(t):
			if !isLocal(t) {
				sec = local
			}
			v = sec*perSecond(t) + milli*perSecond(t)/1000
		}
		arr, err := integerLiteral(v, t, errTimeRange)
		return value{Array: arr, scalar: true}, err
	})
}
