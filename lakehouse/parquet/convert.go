package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// convert makes the buffers of the leaf's Arrow array from the values of the
// batch. The caller owns a reference to each.
func (c *column) convert() ([]*memory.Buffer, error) {
	if c.valid != nil {
		c.valid.Retain()
	}
	if c.leaf.conv == asIs {
		c.held.Retain()
		bufs := []*memory.Buffer{c.valid, c.held}
		if c.leaf.phys == physByteArray {
			for _, b := range c.sink.bufs {
				b.Retain()
				bufs = append(bufs, b)
			}
		}
		return bufs, nil
	}
	in := c.held.Bytes()
	out := memory.NewResizableBuffer(c.alloc)
	bufs := []*memory.Buffer{c.valid, out}
	switch c.leaf.conv {
	case toBits:
		out.Resize(int(bitutil.BytesForBits(int64(c.length))))
		packBits(out.Bytes(), in[:c.length])
	case toInt8:
		narrow(out, c.length, cast[int32](in), func(x int32) int8 { return int8(x) })
	case toInt16:
		narrow(out, c.length, cast[int32](in), func(x int32) int16 { return int16(x) })
	case fromUint8:
		narrow(out, c.length, cast[uint32](in), func(x uint32) int16 { return int16(uint8(x)) })
	case fromUint16:
		narrow(out, c.length, cast[uint32](in), func(x uint32) int32 { return int32(uint16(x)) })
	case fromUint32:
		narrow(out, c.length, cast[uint32](in), func(x uint32) int64 { return int64(x) })
	case fromUint64:
		narrow(out, c.length, cast[uint64](in), func(x uint64) [2]uint64 { return [2]uint64{x, 0} })
	case microsToTime:
		narrow(out, c.length, cast[int64](in), func(x int64) int32 { return int32(x / 1e3) })
	case nanosToTime:
		narrow(out, c.length, cast[int64](in), func(x int64) int32 { return int32(x / 1e6) })
	case int96ToMicros:
		narrow(out, c.length, cast[[3]uint32](in), int96Micros)
	case halfToFloat:
		narrow(out, c.length, cast[uint16](in), func(x uint16) float32 { return float16.FromBits(x).Float32() })
	case int32ToDecimal:
		toDecimals(out, cast[int32](in)[:c.length])
	case int64ToDecimal:
		toDecimals(out, cast[int64](in)[:c.length])
	case fixedToDecimal, bytesToDecimal:
		if err := c.bigDecimals(out); err != nil {
			bufs[1].Release()
			if c.valid != nil {
				c.valid.Release()
			}
			return nil, err
		}
	case fixedToView:
		c.fixedViews(out)
		c.held.Retain()
		bufs = append(bufs, c.held)
	case uuidToView:
		bufs = append(bufs, c.uuidViews(out))
	default:
		panic(fmt.Sprintf("conversion %d", c.leaf.conv))
	}
	return bufs, nil
}

// narrow converts n values. f is inlined into the loop where the compiler can.
func narrow[From, To any](out *memory.Buffer, n int, in []From, f func(From) To) {
	var t To
	out.Resize(n * int(unsafe.Sizeof(t)))
	to := cast[To](out.Bytes())
	for i, x := range in[:n] {
		to[i] = f(x)
	}
}

// toDecimals makes 128-bit numbers of smaller ones.
func toDecimals[From int32 | int64](out *memory.Buffer, in []From) {
	out.Resize(16 * len(in))
	to := cast[uint64](out.Bytes())[:2*len(in)]
	for i, x := range in {
		to[2*i], to[2*i+1] = uint64(int64(x)), uint64(int64(x)>>63)
	}
}

func packBits(dst, in []byte) {
	for len(in) >= 8 {
		w := binary.LittleEndian.Uint64(in)
		dst[0] = byte(w * 0x0102040810204080 >> 56) // gathers the lowest bits of 8 bytes
		dst, in = dst[1:], in[8:]
	}
	if len(in) > 0 {
		dst[0] = 0
		for i, b := range in {
			dst[0] |= b << i
		}
	}
}

const (
	julianUnixDay = 2440588
	dayMicros     = 86400e6
)

// int96Micros reads nanoseconds of the day (8 bytes) and a Julian day (4).
func int96Micros(x [3]uint32) int64 {
	nanos := uint64(x[0]) | uint64(x[1])<<32
	return (int64(x[2])-julianUnixDay)*dayMicros + int64(nanos/1000)
}

var errWideDecimal = errors.New("a decimal needs more than 128 bits")

// bigDecimals reads big-endian two's complement numbers of any length.
func (c *column) bigDecimals(out *memory.Buffer) error {
	out.Resize(c.length * 16)
	to := cast[[2]uint64](out.Bytes())
	w := c.leaf.width
	in := c.held.Bytes()
	views := c.leaf.conv == bytesToDecimal
	for i := range to {
		b := in[i*w : (i+1)*w]
		if views {
			b = cast[view](b)[0].bytes(c.sink.bufs)
		}
		lo, hi, ok := bigEndian(b)
		if !ok {
			return errWideDecimal
		}
		to[i] = [2]uint64{lo, hi}
	}
	return nil
}

// bigEndian reads a signed number. ok is false when it needs more than 128 bits.
func bigEndian(b []byte) (lo, hi uint64, ok bool) {
	if len(b) == 0 {
		return 0, 0, true
	}
	sign := uint64(int64(int8(b[0])) >> 63)
	for len(b) > 16 {
		if b[0] != byte(sign) {
			return 0, 0, false
		}
		b = b[1:]
	}
	lo, hi = sign, sign
	for _, x := range b {
		hi = hi<<8 | lo>>56
		lo = lo<<8 | uint64(x)
	}
	return lo, hi, uint64(int64(hi)>>63) == sign
}

// fixedViews makes views of values that stand one after another in held.
func (c *column) fixedViews(out *memory.Buffer) {
	out.Resize(c.length * viewBytes)
	b, w := c.held.Bytes(), c.leaf.width
	v := cast[view](out.Bytes())
	for i := range v {
		v[i] = makeView(b, i*w, w, 0)
	}
}

const uuidText = 36

// uuidViews writes the text of each UUID and returns the buffer that the views show.
func (c *column) uuidViews(out *memory.Buffer) *memory.Buffer {
	text := memory.NewResizableBuffer(c.alloc)
	text.Resize(c.length * uuidText)
	out.Resize(c.length * viewBytes)
	t, v := text.Bytes(), cast[view](out.Bytes())
	for i := range v {
		u, to := c.held.Bytes()[i*16:(i+1)*16], t[i*uuidText:(i+1)*uuidText]
		at := 0
		for k, part := range [...][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
			if k > 0 {
				to[at] = '-'
				at++
			}
			at += hex.Encode(to[at:], part)
		}
		v[i] = makeView(t, i*uuidText, uuidText, 0)
	}
	return text
}
