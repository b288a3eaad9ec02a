// Package vector is the data plane's arithmetic: stateless kernels over Arrow
// arrays. Nothing here knows what a stream, a window or a job is.
//
// A loop is a function of slices: it does not log, does not start goroutines,
// takes no context and cannot fail; callers check types and lengths before the
// loop, never in it. Around the loops stand functions over arrow.Array, which
// choose a loop by type and nulls and take the allocator of their result. They
// panic when types do not fit: which kernel takes which types is decided when a
// plan is compiled, not per batch.
//
// Arrays may have offsets, and may lack a validity bitmap; results start at
// offset 0, own one reference, and have no bitmap when no row is NULL. What
// stands in a row that is NULL is arbitrary.
//
// Strings are string views (arrow.BinaryTypes.StringView) and bytes are binary
// views everywhere inside the engine: taking or filtering rows moves 16 bytes
// each and shares the buffers behind them. Utf8 and LargeUtf8 appear only at
// the edges: files, clients, user code.
package vector

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

// Sel is a selection vector: ascending row indices into a batch. A nil Sel
// where one is optional means every row. Where rows are picked in another order
// (Take, Sort), it says so.
type Sel []uint32

// Integer is the constraint of kernels over whole numbers.
type Integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Float is the constraint of kernels over floating-point numbers.
type Float interface{ ~float32 | ~float64 }

// All returns the selection of rows [0, n), in dst's memory where it fits.
func All(dst Sel, n int) Sel {
	dst = resize(dst, n)
	for i := range dst {
		dst[i] = uint32(i)
	}
	return dst
}

// Values returns the values of a fixed-width array as they lie in memory,
// without its offset's rows. T must have the width of the type: int64 for a
// timestamp, decimal128.Num for a decimal, [16]byte for a view.
func Values[T any](a arrow.Array) []T { return values[T](a.Data()) }

func values[T any](d arrow.ArrayData) []T {
	n := d.Len()
	b := d.Buffers()[1]
	if n == 0 || b == nil {
		return nil
	}
	var t T
	if need := (d.Offset() + n) * int(unsafe.Sizeof(t)); b.Len() < need {
		panic(fmt.Sprintf("vector: %v array of %d rows has %d of %d bytes", d.DataType(), n, b.Len(), need))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes()))), d.Offset()+n)[d.Offset():]
}

// physical is how a type's values lie in memory, for choosing a loop.
type physical uint8

const (
	other physical = iota
	boolean
	i8
	i16
	i32
	i64
	u8
	u16
	u32
	u64
	f32
	f64
	d128
	view
)

// physicalOf maps a type to its loop. Dates, times, timestamps and intervals
// are integers.
func physicalOf(t arrow.DataType) physical {
	switch t.ID() {
	case arrow.BOOL:
		return boolean
	case arrow.INT8:
		return i8
	case arrow.INT16:
		return i16
	case arrow.INT32, arrow.DATE32, arrow.TIME32, arrow.INTERVAL_MONTHS:
		return i32
	case arrow.INT64, arrow.DATE64, arrow.TIME64, arrow.TIMESTAMP, arrow.DURATION:
		return i64
	case arrow.UINT8:
		return u8
	case arrow.UINT16:
		return u16
	case arrow.UINT32:
		return u32
	case arrow.UINT64:
		return u64
	case arrow.FLOAT32:
		return f32
	case arrow.FLOAT64:
		return f64
	case arrow.DECIMAL128:
		return d128
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return view
	default:
		return other
	}
}

func noKernel(what string, t arrow.DataType) string {
	return fmt.Sprintf("vector: no kernel to %s %v", what, t)
}

// resize returns s with length n, with its content where the memory is its own.
func resize[S ~[]E, E any](s S, n int) S {
	if cap(s) >= n {
		return s[:n]
	}
	return append(s[:cap(s)], make(S, n-cap(s))...)
}
