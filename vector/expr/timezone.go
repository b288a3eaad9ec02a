package expr

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
)

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
