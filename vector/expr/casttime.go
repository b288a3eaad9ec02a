package expr

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
)

// temporal converts between dates, times and timestamps. A time is a time on
// 1970-01-01; a TIMESTAMP_LTZ is what the clocks of the session's zone show.
func (k casting) temporal() kernel {
	if k.from.ID() == arrow.DATE32 && k.to.ID() == arrow.TIME32 || k.from.ID() == arrow.TIME32 && k.to.ID() == arrow.DATE32 {
		return nil
	}
	switch {
	case k.to.ID() == arrow.DATE32 && k.from.ID() == arrow.TIMESTAMP && !isLocal(k.from):
		return k.days()
	case k.to.ID() == arrow.DATE32:
		return rowsOf(k.to, func(f *frame, args []value) (func(i int) (int32, error), error) {
			in := k.instants(f, args[0])
			return func(i int) (int32, error) {
				sec, _ := in(i)
				return int32(floorDiv(sec, 86400)), nil
			}, nil
		})
	case k.to.ID() == arrow.TIME32:
		cut := cutDigits(1000, k.shape.n)
		return rowsOf(k.to, func(f *frame, args []value) (func(i int) (int32, error), error) {
			in := k.instants(f, args[0])
			return func(i int) (int32, error) {
				sec, nano := in(i)
				ms := floorMod(sec, 86400)*1000 + int64(nano/1e6)
				return int32(ms - ms%cut), nil
			}, nil
		})
	}
	join := k.joiner()
	return rowsOf(k.to, func(f *frame, args []value) (func(i int) (int64, error), error) {
		in := k.instants(f, args[0])
		return func(i int) (int64, error) {
			sec, nano := in(i)
			if isLocal(k.to) && !isLocal(k.from) {
				sec = chrono.ToUTC(k.env.Zone, sec)
			}
			v, err := join(sec, nano)
			if err != nil {
				return 0, k.bad(cellText(args[0], i), err)
			}
			return v, nil
		}, nil
	})
}

// days is the date of timestamps that are local already.
func (k casting) days() kernel {
	perSecond := perSecond(k.from)
	return func(f *frame, args []value) (value, error) {
		return strict(f, k.to, args, func(n int, valid *nullable) (arrow.Array, error) {
			out, buf := fixed[int32](f.alloc, n)
			in := integers(f, args[0])
			if in.mask == 0 {
				for i := range out {
					out[i] = int32(floorDiv(in.at(i), perSecond*86400))
				}
			} else {
				divideDays(out, in.v, perSecond)
			}
			return finish(k.to, n, valid.take(), buf, -1), nil
		})
	}
}

// divideDays divides by the ticks of a day, rounding down: by a constant, which
// costs a multiplication.
func divideDays(out []int32, in []int64, perSecond int64) {
	in = in[:len(out)]
	switch perSecond {
	case 1:
		for i, v := range in {
			out[i] = int32((v - v>>63&(86400-1)) / 86400)
		}
	case 1e3:
		for i, v := range in {
			out[i] = int32((v - v>>63&(86400e3-1)) / 86400e3)
		}
	case 1e6:
		for i, v := range in {
			out[i] = int32((v - v>>63&(86400e6-1)) / 86400e6)
		}
	default:
		for i, v := range in {
			out[i] = int32((v - v>>63&(86400e9-1)) / 86400e9)
		}
	}
}

// instants reads seconds and nanoseconds: as UTC when from LTZ to LTZ, else as
// a local time.
func (k casting) instants(f *frame, v value) func(i int) (sec int64, nano int) {
	in := integers(f, v)
	switch t := k.from.(type) {
	case *arrow.Date32Type:
		return func(i int) (int64, int) { return in.at(i) * 86400, 0 }
	case *arrow.Time32Type:
		return func(i int) (int64, int) { return split(in.at(i), 1000) }
	default:
		ticks := perSecond(t)
		if isLocal(k.from) && !isLocal(k.to) {
			return func(i int) (int64, int) {
				sec, nano := split(in.at(i), ticks)
				return chrono.ToLocal(k.env.Zone, sec), nano
			}
		}
		return func(i int) (int64, int) { return split(in.at(i), ticks) }
	}
}

// interval makes intervals of counts of months or milliseconds.
func (k casting) interval() kernel {
	if isNumeric(k.from) && !isFloat(k.from) && isInterval(k.to) {
		return k.number()
	}
	return nil
}
