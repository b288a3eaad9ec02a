package expr

import (
	"cmp"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// column reads single values of an array of any type, for what works through
// arrays, maps and rows value by value.
type column struct {
	of    arrow.DataType
	class class
	mask  int
	valid []byte
	off   int // of row 0 in valid

	integers []int64 // of every integer class
	floats   []float64
	decimals []decimal.Num
	views    views
	bits     flags

	offsets []int32   // of lists and maps
	members []*column // items, or keys and values, or fields
}

func cells(v value) *column {
	c := newColumn(v.Data(), v.Data().Offset(), v.Len())
	if v.scalar {
		c.mask = 0
	}
	return c
}

// newColumn reads n rows from the row off of the buffers of d.
func newColumn(d arrow.ArrayData, off, n int) *column {
	c := &column{of: d.DataType(), class: classOf(d.DataType()), mask: -1, off: off}
	if len(d.Buffers()) > 0 && d.Buffers()[0] != nil && d.NullN() != 0 {
		c.valid = d.Buffers()[0].Bytes()
	}
	switch c.class {
	case int8Class:
		c.integers = widenCopy(sliceAt[int8](d, off, n))
	case int16Class:
		c.integers = widenCopy(sliceAt[int16](d, off, n))
	case int32Class:
		c.integers = widenCopy(sliceAt[int32](d, off, n))
	case int64Class:
		c.integers = sliceAt[int64](d, off, n)
	case float32Class:
		for _, x := range sliceAt[float32](d, off, n) {
			c.floats = append(c.floats, float64(x))
		}
	case float64Class:
		c.floats = sliceAt[float64](d, off, n)
	case decimalClass:
		c.decimals = sliceAt[decimal128.Num](d, off, n)
	case viewClass:
		c.views = newViews(sliceAt[arrow.ViewHeader](d, off, n), d)
	case boolClass:
		c.bits = flags{off: off, mask: -1}
		if b := d.Buffers()[1]; b != nil {
			c.bits.bits = b.Bytes()
		}
	case listClass:
		c.offsets = listOffsets(d, off, n)
		items := d.Children()[0]
		c.members = []*column{newColumn(items, items.Offset(), items.Len())}
	case mapClass:
		c.offsets = listOffsets(d, off, n)
		entries := d.Children()[0]
		for _, m := range entries.Children() {
			c.members = append(c.members, newColumn(m, m.Offset()+entries.Offset(), entries.Len()))
		}
	case rowClass:
		for _, m := range d.Children() {
			c.members = append(c.members, newColumn(m, m.Offset()+off, n))
		}
	default:
	}
	return c
}

func widenCopy[T int8 | int16 | int32](s []T) []int64 {
	out := make([]int64, len(s))
	for i, v := range s {
		out[i] = int64(v)
	}
	return out
}

// listOffsets returns the n+1 offsets of a list or map.
func listOffsets(d arrow.ArrayData, off, n int) []int32 {
	if d.Buffers()[1] == nil || d.Buffers()[1].Len() == 0 {
		return make([]int32, n+1)
	}
	return values[int32](d.Buffers()[1])[off : off+n+1]
}

// row maps a row of the frame to a row of the column.
func (c *column) row(i int) int { return i & c.mask }

func (c *column) null(i int) bool {
	return c.class == nullClass || c.valid != nil && bitutil.BitIsNotSet(c.valid, c.off+i)
}

// items returns where the items of row i of a list or map begin and end.
func (c *column) items(i int) (from, to int) { return int(c.offsets[i]), int(c.offsets[i+1]) }

// equal tells whether two values are the same; NULL is the same as NULL.
func (c *column) equal(i int, o *column, j int) bool {
	if c.null(i) || o.null(j) {
		return c.null(i) == o.null(j)
	}
	switch c.class {
	case listClass:
		a, aEnd := c.items(i)
		b, bEnd := o.items(j)
		if aEnd-a != bEnd-b {
			return false
		}
		for ; a < aEnd; a, b = a+1, b+1 {
			if !c.members[0].equal(a, o.members[0], b) {
				return false
			}
		}
		return true
	case mapClass:
		a, aEnd := c.items(i)
		b, bEnd := o.items(j)
		if aEnd-a != bEnd-b {
			return false
		}
		for ; a < aEnd; a++ {
			at := o.find(j, c.members[0], a)
			if at < 0 || !c.members[1].equal(a, o.members[1], at) {
				return false
			}
		}
		return true
	case rowClass:
		for k, m := range c.members {
			if !m.equal(i, o.members[k], j) {
				return false
			}
		}
		return true
	default:
	}
	return c.compare(i, o, j) == 0
}

// find returns where the map of row i has a key, or -1.
func (c *column) find(i int, keys *column, k int) int {
	for at, end := c.items(i); at < end; at++ {
		if c.members[0].equal(at, keys, k) {
			return at
		}
	}
	return -1
}

// compare orders two values; NULL is the lowest, NaN the highest.
func (c *column) compare(i int, o *column, j int) int {
	if c.null(i) || o.null(j) {
		return int(bit(o.null(j))) - int(bit(c.null(i)))
	}
	switch c.class {
	case boolClass:
		return int(bit(c.bits.at(i))) - int(bit(o.bits.at(j)))
	case float32Class, float64Class:
		return orderFloat(c.floats[i], o.floats[j])
	case decimalClass:
		_, a := digits(c.of)
		_, b := digits(o.of)
		return decimal.Cmp(c.decimals[i], a, o.decimals[j], b)
	case viewClass:
		return cmp.Compare(c.views.at(i), o.views.at(j))
	case listClass, mapClass:
		a, aEnd := c.items(i)
		b, bEnd := o.items(j)
		for ; a < aEnd && b < bEnd; a, b = a+1, b+1 {
			for k, m := range c.members {
				if d := m.compare(a, o.members[k], b); d != 0 {
					return d
				}
			}
		}
		return cmp.Compare(aEnd-a, bEnd-b)
	case rowClass:
		for k, m := range c.members {
			if d := m.compare(i, o.members[k], j); d != 0 {
				return d
			}
		}
		return 0
	default:
		return cmp.Compare(c.integers[i], o.integers[j])
	}
}
