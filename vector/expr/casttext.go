package expr

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/chrono"
	"github.com/wadi-engine/wadi/vector/decimal"
)

// fromText parses strings.
func (k casting) fromText() kernel {
	switch {
	case isNumeric(k.to):
		return k.textToNumber()
	case isBool(k.to):
		return k.textToBool()
	case isBytes(k.to):
		return k.bytes()
	case k.to.ID() == arrow.DATE32:
		return parseRows(k, func(s string) (int32, error) {
			days, ok := chrono.ParseDate(s)
			if !ok {
				return 0, errDateSyntax
			}
			return int32(days), nil
		})
	case k.to.ID() == arrow.TIME32:
		cut := cutDigits(1000, k.shape.n)
		return parseRows(k, func(s string) (int32, error) {
			ms, ok := chrono.ParseTime(s)
			if !ok {
				return 0, errTimeSyntax
			}
			return int32(ms - ms%cut), nil
		})
	case isTimestamp(k.to):
		join := k.joiner()
		return parseRows(k, func(s string) (int64, error) {
			c, ok := chrono.ParseTimestamp(s)
			if !ok {
				return 0, errTimestampSyntax
			}
			sec := c.Seconds()
			if isLocal(k.to) {
				sec = chrono.ToUTC(k.env.Zone, sec)
			}
			return join(sec, c.Nanosecond)
		})
	}
	return nil
}

var (
	errDateSyntax      = fmt.Errorf("write it as 2021-09-24")
	errTimeSyntax      = fmt.Errorf("write it as 12:34:56")
	errTimestampSyntax = fmt.Errorf("write it as 2021-09-24 12:34:56.789")
	errTimeRange       = fmt.Errorf("out of range of its type")
)

// cutDigits is the smallest step that precision digits behind the point allow,
// when a second has perSecond ticks.
func cutDigits(perSecond int64, precision int) int64 {
	if precision < 0 {
		return 1
	}
	step := perSecond
	for ; precision > 0 && step > 1; precision-- {
		step /= 10
	}
	return step
}

// joiner makes a timestamp of the target's unit and precision from seconds and
// nanoseconds.
func (k casting) joiner() func(sec int64, nano int) (int64, error) {
	ticks := perSecond(k.to)
	cut := cutDigits(ticks, k.shape.n)
	return func(sec int64, nano int) (int64, error) {
		v := sec*ticks + int64(nano)/(1e9/ticks)
		if v/ticks != sec && (v-ticks+1)/ticks != sec {
			return 0, errTimeRange
		}
		return v - floorMod(v, cut), nil
	}
}

func floorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}

func floorDiv(a, b int64) int64 { return (a - floorMod(a, b)) / b }

// split is the inverse of joiner.
func split(v, ticks int64) (sec int64, nano int) {
	rest := floorMod(v, ticks)
	return (v - rest) / ticks, int(rest * (1e9 / ticks))
}

// toText prints any value.
func (k casting) toText() kernel {
	if isBytes(k.from) {
		return k.bytes()
	}
	return textOf(k.to, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		p := &printer{env: k.env, name: k.source}
		c := cells(args[0])
		return func(i int, dst []byte) ([]byte, error) {
			from := len(dst)
			dst = p.append(dst, c, c.row(i))
			if k.shape.n >= 0 {
				dst = fit(dst, from, k.shape)
			}
			return dst, nil
		}, nil
	})
}

// fit makes the text behind from as long as CHAR(n) or VARCHAR(n) wants it.
func fit(dst []byte, from int, shape typeName) []byte {
	at, runes := from, 0
	for ; at < len(dst) && runes < shape.n; runes++ {
		_, size := utf8.DecodeRune(dst[at:])
		at += size
	}
	dst = dst[:at]
	if shape.root == "CHAR" {
		for ; runes < shape.n; runes++ {
			dst = append(dst, ' ')
		}
	}
	return dst
}

// printer writes values as CAST to STRING does.
type printer struct {
	env  *Env
	name typeName // of the value's type, where it is known
}

func (p *printer) append(dst []byte, c *column, i int) []byte {
	if c.null(i) {
		return append(dst, "NULL"...)
	}
	switch t := c.of.(type) {
	case *arrow.BooleanType:
		if c.bits.at(i) {
			return append(dst, "TRUE"...)
		}
		return append(dst, "FALSE"...)
	case *arrow.Float32Type:
		return appendFloat(dst, c.floats[i], 32)
	case *arrow.Float64Type:
		return appendFloat(dst, c.floats[i], 64)
	case *arrow.Decimal128Type:
		return decimal.Append(dst, c.decimals[i], t.Scale)
	case *arrow.StringViewType, *arrow.BinaryViewType:
		return append(dst, c.views.at(i)...)
	case *arrow.Date32Type:
		return chrono.AppendDate(dst, c.integers[i])
	case *arrow.Time32Type:
		return chrono.AppendTime(dst, c.integers[i], p.timePrecision())
	case *arrow.TimestampType:
		return p.timestamp(dst, c.integers[i], t)
	case *arrow.MonthIntervalType:
		return chrono.AppendMonths(dst, c.integers[i])
	case *arrow.DurationType:
		return chrono.AppendDuration(dst, c.integers[i])
	case *arrow.ListType, *arrow.MapType, *arrow.StructType:
		return p.nested(dst, c, i)
	}
	return strconv.AppendInt(dst, c.integers[i], 10)
}

// timePrecision shows milliseconds only where there are some, unless told.
func (p *printer) timePrecision() int {
	if p.name.n >= 0 {
		return p.name.n
	}
	return 3
}

func (p *printer) timestamp(dst []byte, v int64, t *arrow.TimestampType) []byte {
	sec, nano := split(v, perSecond(t))
	if t.TimeZone != "" {
		sec = chrono.ToLocal(p.env.Zone, sec)
	}
	precision := p.name.n
	if precision < 0 {
		precision = 3 * int(t.Unit)
	}
	return chrono.AppendTimestamp(dst, chrono.Of(sec, nano), precision)
}

func (p *printer) member(k int) *printer { return &printer{env: p.env, name: p.name.member(k)} }

func (p *printer) nested(dst []byte, c *column, i int) []byte {
	switch c.class {
	case rowClass:
		dst = append(dst, '(')
		for k, m := range c.members {
			if k > 0 {
				dst = append(dst, ", "...)
			}
			dst = p.member(k).append(dst, m, i)
		}
		return append(dst, ')')
	case listClass:
		dst = append(dst, '[')
		from, to := c.items(i)
		for at := from; at < to; at++ {
			if at > from {
				dst = append(dst, ", "...)
			}
			dst = p.member(0).append(dst, c.members[0], at)
		}
		return append(dst, ']')
	default:
		dst = append(dst, '{')
		from, to := c.items(i)
		for at := from; at < to; at++ {
			if at > from {
				dst = append(dst, ", "...)
			}
			dst = append(p.member(0).append(dst, c.members[0], at), '=')
			dst = p.member(1).append(dst, c.members[1], at)
		}
		return append(dst, '}')
	}
}

// bytes converts between strings and bytes, and to their lengths.
func (k casting) bytes() kernel {
	if k.shape.n < 0 {
		return retype(k.to)
	}
	return textOf(k.to, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		in := viewsOf(args[0])
		return func(i int, dst []byte) ([]byte, error) {
			s := in.at(i)
			if isText(k.to) {
				return fit(append(dst, s...), len(dst), k.shape), nil
			}
			dst = append(dst, s[:min(len(s), k.shape.n)]...)
			for n := len(s); n < k.shape.n && k.shape.root == "BINARY"; n++ {
				dst = append(dst, 0)
			}
			return dst, nil
		}, nil
	})
}

// nested converts arrays, maps and rows member by member.
func (k casting) nested() kernel {
	from, ok := k.from.(arrow.NestedType)
	to, also := k.to.(arrow.NestedType)
	if !ok || !also || len(from.Fields()) != len(to.Fields()) {
		return nil
	}
	members := make([]kernel, len(from.Fields()))
	for i := range members {
		m := casting{from: from.Fields()[i].Type, to: to.Fields()[i].Type, try: k.try, env: k.env}
		m.shape, m.source = k.shape.member(i), k.source.member(i)
		if members[i] = m.kernel(); members[i] == nil {
			return nil
		}
	}
	return func(f *frame, args []value) (value, error) {
		old := args[0].Data()
		children := make([]arrow.ArrayData, len(members))
		for i, convert := range members {
			arr := array.MakeFromData(old.Children()[i])
			sub := f.sub(nil)
			sub.n = arr.Len()
			v, err := convert(sub, []value{{Array: arr}})
			arr.Release()
			if err != nil {
				sub.release()
				return value{}, err
			}
			all := v.expand(f.alloc, sub.n)
			sub.release()
			defer all.Release()
			children[i] = all.Data()
		}
		if k.to.ID() == arrow.MAP && nullEntry(children[0]) {
			return k.spoiledMaps(f, args[0], children[0])
		}
		d := array.NewData(k.to, old.Len(), old.Buffers(), children, args[0].NullN(), old.Offset())
		defer d.Release()
		out := value{Array: array.MakeFromData(d), scalar: args[0].scalar}
		if k.try {
			out = unspoil(f, args[0], out)
		}
		return out, nil
	}
}

// nullEntry reports whether an entry of maps or its key is NULL, which Arrow
// does not allow.
func nullEntry(entries arrow.ArrayData) bool {
	return entries.NullN() > 0 || entries.Children()[0].NullN() > 0
}

// spoiledMaps are the maps of a TRY_CAST after which some entry is NULL: those
// rows are NULL, and their entries are left out.
func (k casting) spoiledMaps(f *frame, before value, entries arrow.ArrayData) (value, error) {
	if !k.try {
		return value{}, fmt.Errorf("%w a key of a map to a value: it becomes NULL", errCast)
	}
	from, all := cells(before), array.NewStructData(entries)
	defer all.Release()
	after := newColumn(entries, entries.Offset(), entries.Len())
	n := before.Len()
	offsets, buf := fixed[int32](f.alloc, n+1)
	offsets[0] = 0
	valid := nullable{alloc: f.alloc}
	sel := vector.Sel{} // nil would be all entries
	for i := range n {
		begin, end := from.items(i)
		spoiled := from.null(i)
		for at := begin; at < end && !spoiled; at++ {
			spoiled = after.null(at)
			for m, member := range from.members {
				spoiled = spoiled || !member.null(at) && after.members[m].null(at)
			}
		}
		if spoiled {
			valid.setNull(i, n)
		} else {
			for at := begin; at < end; at++ {
				sel = append(sel, uint32(at))
			}
		}
		offsets[i+1] = int32(len(sel))
	}
	keys, items := vector.Take(f.alloc, all.Field(0), sel), vector.Take(f.alloc, all.Field(1), sel)
	defer keys.Release()
	defer items.Release()
	d := array.NewData(entries.DataType(), len(sel), []*memory.Buffer{nil}, []arrow.ArrayData{keys.Data(), items.Data()}, 0, 0)
	defer d.Release()
	kept := array.MakeFromData(d)
	defer kept.Release()
	return value{Array: listArray(k.to, n, valid.take(), buf, kept), scalar: before.scalar}, nil
}

// unspoil makes the rows NULL in which a member became NULL in a TRY_CAST. It
// consumes after.
func unspoil(f *frame, before, after value) value {
	a, b := cells(before), cells(after)
	valid := nullable{alloc: f.alloc}
	n := after.Len()
	for i := range n {
		if a.null(i) || a.spoiled(i, b) {
			valid.setNull(i, n)
		}
	}
	if valid.buf == nil || after.Data().Offset() != 0 {
		if valid.buf != nil {
			valid.take().Release()
		}
		return after
	}
	defer after.Release()
	bufs := append([]*memory.Buffer{valid.buf}, after.Data().Buffers()[1:]...)
	d := array.NewData(after.DataType(), n, bufs, after.Data().Children(), countNulls(valid.buf, n), 0)
	defer d.Release()
	valid.take().Release()
	return value{Array: array.MakeFromData(d), scalar: after.scalar}
}

// spoiled tells whether a member of row i is NULL in b but not in c.
func (c *column) spoiled(i int, b *column) bool {
	from, to := i, i+1
	if c.class != rowClass {
		from, to = c.items(i)
	}
	for k, m := range c.members {
		for at := from; at < to; at++ {
			if !m.null(at) && b.members[k].null(at) {
				return true
			}
		}
	}
	return false
}
