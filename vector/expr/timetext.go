package expr

import (
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
)

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
