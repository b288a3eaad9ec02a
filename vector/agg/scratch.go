package agg

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// scratch is space that the loops of one layout reuse.
type scratch struct {
	gids                   [2][]uint32
	rows                   [2][]uint32
	which                  int
	ints                   []int64
	flts                   []float64
	ids, spread, into, all []uint32
}

// targets is space for the groups that n others are merged into.
func (s *scratch) targets(n int) []uint32 {
	if cap(s.into) < n {
		s.into = make([]uint32, n)
	}
	return s.into[:n]
}

// lists gives two empty lists with room for n. Two calls in a row give
// different ones, so that a filter's output can be narrowed again.
func (s *scratch) lists(n int) (gids, rows []uint32, which int) {
	s.which ^= 1
	w := s.which
	if cap(s.gids[w]) < n {
		s.gids[w] = make([]uint32, 0, n)
		s.rows[w] = make([]uint32, 0, n)
	}
	return s.gids[w][:0], s.rows[w][:0], w
}

// narrowValid keeps the rows whose value in col is not NULL.
func (s *scratch) narrowValid(in input, col arrow.Array) input {
	if col.NullN() == 0 {
		return in
	}
	return s.narrow(in, col.NullBitmapBytes(), col.Data().Offset())
}

// narrowTrue keeps the rows whose value in col is TRUE.
func (s *scratch) narrowTrue(in input, col arrow.Array) input {
	in = s.narrowValid(in, col)
	d := col.Data()
	if d.Len() == 0 {
		return in
	}
	return s.narrow(in, d.Buffers()[1].Bytes(), d.Offset())
}

func (s *scratch) narrow(in input, bits []byte, off int) input {
	gids, rows, _ := s.lists(len(in.gids))
	gids, rows = gids[:len(in.gids)], rows[:len(in.gids)]
	n := 0
	if in.rows == nil {
		for i, g := range in.gids {
			gids[n], rows[n] = g, uint32(i)
			n += int(bits[(off+i)>>3] >> ((off + i) & 7) & 1)
		}
	} else {
		for i, g := range in.gids {
			r := in.rows[i]
			at := off + int(r)
			gids[n], rows[n] = g, r
			n += int(bits[at>>3] >> (at & 7) & 1)
		}
	}
	in.gids, in.rows = gids[:n], rows[:n]
	return in
}

// int64s are the values of a column of integers, dates, times, timestamps,
// intervals or booleans. NULLs have any value.
func (s *scratch) int64s(col arrow.Array) []int64 {
	n, off := col.Len(), col.Data().Offset()
	if n == 0 {
		return nil
	}
	if t, ok := col.DataType().(arrow.FixedWidthDataType); ok && t.BitWidth() == 64 {
		return vector.Values[int64](col)
	}
	if cap(s.ints) < n {
		s.ints = make([]int64, n)
	}
	out := s.ints[:n]
	switch t := col.DataType().(type) {
	case *arrow.BooleanType:
		bits := col.Data().Buffers()[1].Bytes()
		for i := range out {
			out[i] = int64(bits[(off+i)>>3] >> ((off + i) & 7) & 1)
		}
	case *arrow.Int8Type:
		widen(out, vector.Values[int8](col))
	case *arrow.Int16Type:
		widen(out, vector.Values[int16](col))
	default:
		if t.(arrow.FixedWidthDataType).BitWidth() != 32 {
			panic(fmt.Sprintf("agg: no integers in %v", t))
		}
		widen(out, vector.Values[int32](col))
	}
	return out
}

// float64s are the values of a FLOAT or DOUBLE column, or of integers.
func (s *scratch) float64s(col arrow.Array) []float64 {
	if col.Len() == 0 {
		return nil
	}
	if col.DataType().ID() == arrow.FLOAT64 {
		return vector.Values[float64](col)
	}
	if cap(s.flts) < col.Len() {
		s.flts = make([]float64, col.Len())
	}
	out := s.flts[:col.Len()]
	switch t := col.DataType().(type) {
	case *arrow.Float32Type:
		widen(out, vector.Values[float32](col))
	case *arrow.Decimal128Type:
		for i, v := range vector.Values[decimal128.Num](col) {
			out[i] = v.ToFloat64(t.Scale)
		}
	default:
		widen(out, s.int64s(col))
	}
	return out
}

// widen converts numbers; to a narrower integer it wraps around.
func widen[D, S int8 | int16 | int32 | int64 | float32 | float64](dst []D, src []S) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = D(src[i])
	}
}

// isInts reports whether int64s reads t.
func isInts(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.BOOL, arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.DATE32, arrow.TIME32, arrow.TIME64,
		arrow.TIMESTAMP, arrow.DURATION, arrow.INTERVAL_MONTHS:
		return true
	default:
		return false
	}
}

// column builds a fixed-width column of n values, row by row.
type column[T any] struct {
	values   []T
	valid    []byte
	nulls    int
	buf, nul *memory.Buffer
}

func newColumn[T any](alloc memory.Allocator, n int) *column[T] {
	c := &column[T]{buf: memory.NewResizableBuffer(alloc), nul: memory.NewResizableBuffer(alloc)}
	c.values = resized[T](c.buf, n)
	c.nul.Resize((n + 7) / 8)
	c.valid = c.nul.Bytes()
	for i := range c.valid {
		c.valid[i] = 0xff
	}
	return c
}

func resized[T any](buf *memory.Buffer, n int) []T {
	var zero T
	buf.Resize(n * int(unsafe.Sizeof(zero)))
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(buf.Bytes()))), n)
}

// null makes row i NULL.
func (c *column[T]) null(i int) {
	var zero T
	c.values[i] = zero
	bitutil.ClearBit(c.valid, i)
	c.nulls++
}

// array finishes the column; t has the width of T.
func (c *column[T]) array(t arrow.DataType) arrow.Array {
	buffers := []*memory.Buffer{c.nul, c.buf}
	if c.nulls == 0 {
		buffers[0] = nil
	}
	d := array.NewData(t, len(c.values), buffers, nil, c.nulls, 0)
	c.buf.Release()
	c.nul.Release()
	defer d.Release()
	return array.MakeFromData(d)
}

// narrowed finishes a column of 64-bit words as the type t, of integers of at
// most that width; what does not fit wraps around, as Flink's sums do.
func narrowed(alloc memory.Allocator, c *column[int64], t arrow.DataType) arrow.Array {
	w := t.(arrow.FixedWidthDataType).BitWidth()
	if w == 64 {
		return c.array(t)
	}
	buf := memory.NewResizableBuffer(alloc)
	switch w {
	case 32:
		widen(resized[int32](buf, len(c.values)), c.values)
	case 16:
		widen(resized[int16](buf, len(c.values)), c.values)
	case 8:
		widen(resized[int8](buf, len(c.values)), c.values)
	default: // BOOLEAN
		bits := resized[byte](buf, (len(c.values)+7)/8)
		clear(bits)
		for i, v := range c.values {
			bits[i>>3] |= byte(v&1) << (i & 7)
		}
	}
	c.buf.Release()
	c.buf = buf
	return c.array(t)
}
