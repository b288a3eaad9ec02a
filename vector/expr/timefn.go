package expr

import (
	"fmt"
	"math"

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
