package datagen

import (
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/zeebo/xxh3"
)

// field makes one column, or one part of a nested one.
//
// Its value in row n is drawn from a hash of (seed, path, n). The elements of
// the array in row n are the rows n·length … (n+1)·length-1 of its element.
type field struct {
	name     string
	of       arrow.DataType
	children []*field
	outer    []*field // ROWs around it, whose NULLs are its own

	sequence bool
	start    int64
	span     int64 // of a sequence: how many values it has

	salt      uint64
	low, high int64   // of whole numbers, both included
	scale     float64 // of FLOAT and DOUBLE: low + share·scale
	floor     float64
	base      int64 // of times, in the type's unit: base - share·past
	length    int64
	varies    bool
	nulls     uint64 // a hash below it means NULL
	always    bool   // every row is NULL
}

// numbers is a run of consecutive rows.
type numbers struct{ from, count int64 }

// limits are the whole numbers that fit a type, or zeros.
func limits(t arrow.DataType) (low, high int64) {
	switch t := t.(type) {
	case *arrow.Int8Type:
		return math.MinInt8, math.MaxInt8
	case *arrow.Int16Type:
		return math.MinInt16, math.MaxInt16
	case *arrow.Int32Type, *arrow.MonthIntervalType:
		return math.MinInt32, math.MaxInt32
	case *arrow.Int64Type, *arrow.DurationType:
		return math.MinInt64, math.MaxInt64
	case *arrow.Decimal128Type:
		n := int64(1)
		for range min(t.Precision, 18) {
			n *= 10
		}
		return 1 - n, n - 1
	}
	return 0, 0
}

// field reads the options of f, whose keys begin with prefix.
func (p *parser) field(f arrow.Field, prefix string, seed uint64, base int64) *field {
	m := &field{name: f.Name, of: f.Type, salt: xxh3.HashString(prefix) ^ seed*0x9e3779b97f4a7c15}
	rate := p.float(prefix+".null-rate", 0, 0, 1)
	if rate > 0 && !f.Nullable {
		p.fail(prefix+".null-rate", "0: the column is NOT NULL")
	}
	m.nulls, m.always = uint64(rate*(1<<63))<<1, rate == 1
	if kind := p.get(prefix+".kind", "random"); kind == "sequence" {
		p.sequence(m, prefix)
		return m
	} else if kind != "random" {
		p.fail(prefix+".kind", "random or sequence")
	}
	switch t := f.Type.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.DurationType, *arrow.MonthIntervalType, *arrow.Decimal128Type:
		low, high := limits(t)
		m.low = p.int(prefix+".min", low, low, high)
		m.high = p.int(prefix+".max", high, m.low, high)
	case *arrow.Float32Type, *arrow.Float64Type:
		m.floor = p.float(prefix+".min", 0, -math.MaxFloat32, math.MaxFloat32)
		m.scale = p.float(prefix+".max", max(1, m.floor), m.floor, math.MaxFloat32) - m.floor
	case *arrow.StringViewType, *arrow.BinaryViewType:
		m.length, m.varies = p.int(prefix+".length", 100, 1, 1<<20), p.get(prefix+".var-len", "false") == "true"
	case *arrow.TimestampType, *arrow.Date32Type, *arrow.Time32Type:
		m.base, m.high = base, p.millis(prefix+".max-past")
	case *arrow.BooleanType:
	case *arrow.StructType:
		for _, c := range t.Fields() {
			m.children = append(m.children, p.field(c, prefix+"."+c.Name, seed, base))
		}
	case *arrow.ListType:
		m.length = p.int(prefix+".length", 3, 0, 1<<10)
		m.children = []*field{p.field(t.ElemField(), prefix+".element", seed, base)}
	case *arrow.MapType: // one entry, so that no key comes twice
		m.length = 1
		m.children = []*field{p.field(t.KeyField(), prefix+".key", seed, base), p.field(t.ItemField(), prefix+".value", seed, base)}
	default:
		p.fail(prefix+".kind", "a column of a type that datagen makes; "+f.Type.String()+" it does not")
	}
	return m
}

func (p *parser) sequence(m *field, prefix string) {
	low, high := limits(m.of)
	switch m.of.(type) {
	case *arrow.StringViewType, *arrow.Float32Type, *arrow.Float64Type:
		low, high = -1<<53, 1<<53
	}
	if low == high {
		p.fail(prefix+".kind", "random: a sequence has numbers or text")
		return
	}
	m.sequence = true
	m.start = p.int(prefix+".start", math.MaxInt64, low, high)
	end := p.int(prefix+".end", math.MinInt64, max(m.start, low), high)
	if _, ok := p.table.Options[prefix+".start"]; !ok {
		p.fail(prefix+".start", "the first value of the sequence")
	}
	m.span = end - m.start + 1
	if m.span <= 0 { // more values than can be counted
		m.span = math.MaxInt64 - 1
	}
}

// random is 64 random bits for row n; salted tells several draws apart.
func (f *field) random(n int64, draw uint64) uint64 {
	hi, lo := bits.Mul64(uint64(n)^f.salt^draw*0xd6e8feb86659fd93, 0x9e3779b97f4a7c15)
	hi, lo = bits.Mul64(hi^lo^f.salt, 0xa0761d6478bd642f)
	return hi ^ lo
}

func (f *field) null(n int64) bool { return f.always || f.nulls > 0 && f.random(n, 1) < f.nulls }

// whole is the value of row n for types that are whole numbers inside.
func (f *field) whole(n int64) int64 {
	if f.sequence {
		return f.start + n
	}
	width := uint64(f.high) - uint64(f.low) + 1
	if width == 0 {
		return int64(f.random(n, 0))
	}
	hi, _ := bits.Mul64(f.random(n, 0), width)
	return f.low + int64(hi)
}

func (f *field) float(n int64) float64 {
	if f.sequence {
		return float64(f.start + n)
	}
	return f.floor + float64(f.random(n, 0)>>11)/(1<<53)*f.scale
}

// at is the time of row n, in milliseconds since 1970.
func (f *field) at(n int64) int64 { return f.base - f.whole(n) }

// text appends the text of row n: hex digits.
func (f *field) text(dst []byte, n int64) []byte {
	if f.sequence {
		return strconv.AppendInt(dst, f.start+n, 10)
	}
	length := f.length
	if f.varies {
		hi, _ := bits.Mul64(f.random(n, 2), uint64(length))
		length = 1 + int64(hi)
	}
	for i := range length {
		dst = append(dst, "0123456789abcdef"[f.random(n, 3+uint64(i)/16)>>(4*(uint64(i)%16))&15])
	}
	return dst
}

// build makes the column of the rows r.
func (f *field) build(alloc memory.Allocator, r numbers) arrow.Array {
	valid, nulls := f.validity(alloc, r)
	if valid != nil {
		defer valid.Release()
	}
	if f.children != nil {
		return f.nested(alloc, r, valid, nulls)
	}
	switch f.of.(type) {
	case *arrow.StringViewType, *arrow.BinaryViewType:
		return f.views(alloc, r)
	}
	buf := memory.NewResizableBuffer(alloc)
	defer buf.Release()
	if f.of.ID() == arrow.BOOL {
		buf.Resize(int(bitutil.BytesForBits(r.count)))
		clear(buf.Bytes())
		for i := range int(r.count) {
			bitutil.SetBitTo(buf.Bytes(), i, f.random(r.from+int64(i), 0)>>63 == 1)
		}
	} else {
		buf.Resize(int(r.count) * f.of.(arrow.FixedWidthDataType).Bytes())
		f.fill(buf.Bytes(), r)
	}
	return finish(f.of, r.count, []*memory.Buffer{valid, buf}, nil, nulls)
}

// fill writes the values of a column of fixed width.
func (f *field) fill(b []byte, r numbers) {
	switch t := f.of.(type) {
	case *arrow.Int8Type:
		fill(arrow.Int8Traits.CastFromBytes(b), r, func(n int64) int8 { return int8(f.whole(n)) })
	case *arrow.Int16Type:
		fill(arrow.Int16Traits.CastFromBytes(b), r, func(n int64) int16 { return int16(f.whole(n)) })
	case *arrow.Int32Type, *arrow.MonthIntervalType:
		fill(arrow.Int32Traits.CastFromBytes(b), r, func(n int64) int32 { return int32(f.whole(n)) })
	case *arrow.Int64Type, *arrow.DurationType:
		fill(arrow.Int64Traits.CastFromBytes(b), r, f.whole)
	case *arrow.Float32Type:
		fill(arrow.Float32Traits.CastFromBytes(b), r, func(n int64) float32 { return float32(f.float(n)) })
	case *arrow.Float64Type:
		fill(arrow.Float64Traits.CastFromBytes(b), r, f.float)
	case *arrow.Decimal128Type:
		fill(arrow.Decimal128Traits.CastFromBytes(b), r, func(n int64) decimal128.Num { return decimal128.FromI64(f.whole(n)) })
	case *arrow.Date32Type:
		day := 24 * time.Hour.Milliseconds()
		fill(arrow.Int32Traits.CastFromBytes(b), r, func(n int64) int32 { return int32((f.at(n) - (f.at(n)%day+day)%day) / day) })
	case *arrow.Time32Type:
		day := 24 * time.Hour.Milliseconds()
		fill(arrow.Int32Traits.CastFromBytes(b), r, func(n int64) int32 { return int32((f.at(n)%day + day) % day) })
	case *arrow.TimestampType:
		per := int64(time.Millisecond / t.Unit.Multiplier())
		fill(arrow.Int64Traits.CastFromBytes(b), r, func(n int64) int64 { return f.at(n) * per })
	}
}

func fill[T any](dst []T, r numbers, value func(int64) T) {
	for i := range dst {
		dst[i] = value(r.from + int64(i))
	}
}

func (f *field) views(alloc memory.Allocator, r numbers) arrow.Array {
	var b interface {
		array.Builder
		Append([]byte)
	}
	strings := array.NewStringViewBuilder(alloc)
	if b = strings.BinaryViewBuilder; f.of.ID() == arrow.BINARY_VIEW {
		strings.Release()
		b = array.NewBinaryViewBuilder(alloc)
	}
	defer b.Release()
	b.Reserve(int(r.count))
	var scratch []byte
	for n := r.from; n < r.from+r.count; n++ {
		if f.missing(n) {
			b.AppendNull()
			continue
		}
		scratch = f.text(scratch[:0], n)
		b.Append(scratch)
	}
	if f.of.ID() == arrow.STRING_VIEW {
		return strings.NewArray()
	}
	return b.NewArray()
}

func (f *field) nested(alloc memory.Allocator, r numbers, valid *memory.Buffer, nulls int) arrow.Array {
	inner := r
	if f.of.ID() != arrow.STRUCT {
		inner = numbers{r.from * f.length, r.count * f.length}
	}
	children := make([]arrow.ArrayData, len(f.children))
	for i, c := range f.children {
		child := c.build(alloc, inner)
		defer child.Release()
		children[i] = child.Data()
	}
	if f.of.ID() == arrow.STRUCT {
		return finish(f.of, r.count, []*memory.Buffer{valid}, children, nulls)
	}
	offsets := memory.NewResizableBuffer(alloc)
	defer offsets.Release()
	offsets.Resize(int(r.count+1) * 4)
	fill(arrow.Int32Traits.CastFromBytes(offsets.Bytes()), numbers{0, r.count + 1}, func(n int64) int32 { return int32(n * f.length) })
	if m, ok := f.of.(*arrow.MapType); ok {
		entries := finish(m.Elem(), inner.count, []*memory.Buffer{nil}, children, 0)
		defer entries.Release()
		children = []arrow.ArrayData{entries.Data()}
	}
	return finish(f.of, r.count, []*memory.Buffer{valid, offsets}, children, nulls)
}

// missing says that row n is NULL, by itself or within a ROW that is.
func (f *field) missing(n int64) bool {
	for _, o := range f.outer {
		if o.null(n) {
			return true
		}
	}
	return f.null(n)
}

// validity is the bitmap of the rows, or nil when all have a value.
func (f *field) validity(alloc memory.Allocator, r numbers) (*memory.Buffer, int) {
	if f.nulls == 0 && !f.always && len(f.outer) == 0 {
		return nil, 0
	}
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(int(bitutil.BytesForBits(r.count)))
	clear(buf.Bytes())
	nulls := 0
	for i := range r.count {
		if f.missing(r.from + i) {
			nulls++
		} else {
			bitutil.SetBit(buf.Bytes(), int(i))
		}
	}
	return buf, nulls
}

func finish(of arrow.DataType, count int64, buffers []*memory.Buffer, children []arrow.ArrayData, nulls int) arrow.Array {
	d := array.NewData(of, int(count), buffers, children, nulls, 0)
	defer d.Release()
	return array.MakeFromData(d)
}
