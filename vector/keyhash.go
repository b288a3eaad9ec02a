package vector

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/zeebo/xxh3"
)

// IsKey reports whether values of type t have a key encoding.
func IsKey(t arrow.DataType) bool {
	if physicalOf(t) != other || t.ID() == arrow.NULL {
		return true
	}
	switch t.ID() {
	case arrow.STRING, arrow.BINARY, arrow.LARGE_STRING, arrow.LARGE_BINARY, arrow.FIXED_SIZE_BINARY:
		return true
	default:
		return false
	}
}

// AppendKey appends the key encoding of one row of the columns: docs/formats.md,
// "Key encoding". It decides the key group of a row, on disk and on the wire.
func AppendKey(dst []byte, cols []arrow.Array, row int) []byte {
	for _, c := range cols {
		e := encoderOf(c.Data())
		dst = e.append(dst, row)
	}
	return dst
}

// AppendKeys appends the key encodings of all rows of the columns, of which there
// are n, to dst, and where each of them ends to ends.
func AppendKeys(dst []byte, ends []uint32, cols []arrow.Array, n int) ([]byte, []uint32) {
	encoders := make([]keyEncoder, len(cols))
	for i, c := range cols {
		encoders[i] = encoderOf(c.Data())
	}
	for row := range n {
		for i := range encoders {
			dst = encoders[i].append(dst, row)
		}
		ends = append(ends, uint32(len(dst)))
	}
	return dst, ends
}

// KeyHash writes xxh3-64 of the key encoding of each row of the columns. It
// returns dst with one hash per row, in dst's memory where it fits.
func KeyHash(dst []uint64, cols []arrow.Array) []uint64 {
	dst = resize(dst, rows(cols))
	if p := physicalOf(cols[0].DataType()); len(cols) == 1 && p != other && p != view && p != d128 && p != boolean {
		keyHashWords(dst, cols[0].Data())
		return dst
	}
	if len(cols) == 1 && physicalOf(cols[0].DataType()) == view {
		keyHashViews(dst, cols[0].Data())
		return dst
	}
	var space [8]keyEncoder
	enc := space[:0]
	for _, c := range cols {
		enc = append(enc, encoderOf(c.Data()))
	}
	var scratch [256]byte
	key := scratch[:0]
	for i := range dst {
		key = key[:0]
		for j := range enc {
			key = enc[j].append(key, i)
		}
		dst[i] = xxh3.Hash(key)
	}
	return dst
}

// KeyGroups writes hashes[i] mod groups: the key group of each row. It returns
// dst in its own memory where that fits. groups is between 1 and 65536.
func KeyGroups(dst []uint16, hashes []uint64, groups int) []uint16 {
	dst = resize(dst, len(hashes))
	if groups&(groups-1) == 0 {
		mask := uint64(groups - 1)
		for i, h := range hashes {
			dst[i] = uint16(h & mask)
		}
		return dst
	}
	for i, h := range hashes {
		dst[i] = uint16(h % uint64(groups))
	}
	return dst
}

// keyEncoder appends the encoding of one column's values.
type keyEncoder struct {
	kind  physical // other: NULL type or bytes
	valid []byte
	off   int
	data  arrow.ArrayData
	dec   []decimal128.Num
	words []uint64
	bytes bytesReader
	null  bool
}

func encoderOf(d arrow.ArrayData) keyEncoder {
	e := keyEncoder{kind: physicalOf(d.DataType()), data: d}
	e.valid, e.off = validBits(d)
	switch e.kind {
	case d128:
		e.dec = values[decimal128.Num](d)
	case other, view:
		e.kind = view
		if d.DataType().ID() == arrow.NULL {
			e.null = true
			return e
		}
		var ok bool
		if e.bytes, ok = readerOf(d); !ok {
			panic(noKernel("encode as a key", d.DataType()))
		}
	case i64, u64:
		e.words = values[uint64](d)
	default: // read cell by cell
	}
	return e
}

func (e *keyEncoder) append(dst []byte, row int) []byte {
	if e.null || (e.valid != nil && bitAt(e.valid, e.off+row) == 0) {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	switch e.kind {
	case i64, u64:
		return binary.LittleEndian.AppendUint64(dst, e.words[row])
	case boolean:
		return append(dst, bitAt(e.data.Buffers()[1].Bytes(), e.data.Offset()+row))
	case d128:
		v := e.dec[row]
		dst = binary.LittleEndian.AppendUint64(dst, v.LowBits())
		return binary.LittleEndian.AppendUint64(dst, uint64(v.HighBits()))
	case view:
		b := e.bytes.at(row)
		dst = binary.AppendUvarint(dst, uint64(len(b)))
		return append(dst, b...)
	default:
	}
	var w [1]uint64
	words(w[:], e.data, row)
	return binary.LittleEndian.AppendUint64(dst, w[0])
}

// nullKeyHash is the hash of a key of one column that is NULL.
var nullKeyHash = xxh3.Hash([]byte{0})

func keyHashWords(dst []uint64, d arrow.ArrayData) {
	valid, off := validBits(d)
	if w, ok := aliasWords(d); ok && valid == nil {
		for i, v := range w[:len(dst)] {
			dst[i] = keyHashWord(v)
		}
		return
	}
	for lo := 0; lo < len(dst); lo += chunk {
		part := dst[lo:min(lo+chunk, len(dst))]
		words(part, d, lo)
		for i, v := range part {
			part[i] = keyHashWord(v)
		}
		if valid == nil {
			continue
		}
		for i := range part {
			if bitAt(valid, off+lo+i) == 0 {
				part[i] = nullKeyHash
			}
		}
	}
}

// keyHashViews encodes short strings on the stack, two words at a time.
func keyHashViews(dst []uint64, d arrow.ArrayData) {
	v := viewsOf(d)
	valid, off := validBits(d)
	var scratch [256]byte
	key := scratch[:0]
	for i, h := range v.Headers {
		if valid != nil && bitAt(valid, off+i) == 0 {
			dst[i] = nullKeyHash
			continue
		}
		n := h.Len()
		if n <= Inline {
			// 01, the length, and the bytes from the fifth of the header on.
			scratch[0], scratch[1] = 1, byte(n)
			binary.LittleEndian.PutUint32(scratch[2:], uint32(h.Lo>>32))
			binary.LittleEndian.PutUint64(scratch[6:], h.Hi)
			dst[i] = xxh3.Hash(scratch[:2+n])
			continue
		}
		key = append(key[:0], 1)
		key = binary.AppendUvarint(key, uint64(n))
		key = append(key, v.long(h)...)
		dst[i] = xxh3.Hash(key)
	}
}

// keyHashWord is xxh3-64 of the nine bytes {1, v little-endian}: the branch of
// XXH3 for 9 to 16 bytes, with the words of its secret folded.
func keyHashWord(v uint64) uint64 {
	const (
		flipLo = 0x1f67b3b7a4a44072 ^ 0x78e5c0cc4ee679cb
		flipHi = 0x2172ffcc7dd05a82 ^ 0x8e2443f7744608b8
	)
	lo := (v<<8 | 1) ^ flipLo
	hi := v ^ flipHi
	p1, p0 := bits.Mul64(lo, hi)
	h := 9 + bits.ReverseBytes64(lo) + hi + (p1 ^ p0)
	h ^= h >> 37
	h *= 0x165667919E3779F9
	return h ^ h>>32
}
