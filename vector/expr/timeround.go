package expr

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
)

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
