package parquet

import (
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"
)

// bloom is a split-block Bloom filter of the values of a column chunk: what it
// does not have is in no row.
type bloom []byte

const (
	bloomBlock = 32
	// bloomHeader is more than the header before the bits takes.
	bloomHeader = 64
	maxBloom    = 128 << 20
)

// bloomSalts choose a bit of each of the 8 words of a block.
var bloomSalts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// has reports whether a value with this hash may be there.
func (b bloom) has(hash uint64) bool {
	block := b[(hash>>32)*uint64(len(b)/bloomBlock)>>32*bloomBlock:]
	for i, salt := range bloomSalts {
		if binary.LittleEndian.Uint32(block[4*i:])>>(uint32(hash)*salt>>27)&1 == 0 {
			return false
		}
	}
	return true
}

// bloom reads the filter of a chunk, or returns nil when the file has none, or
// one that is of another kind or makes no sense.
func (f *File) bloom(m *columnChunk) bloom {
	if m.bloomOffset <= 0 || m.bloomOffset >= f.limit {
		return nil
	}
	b, ok := f.section(m.bloomOffset, min(bloomHeader, f.limit-m.bloomOffset))
	if !ok {
		return nil
	}
	n, header, err := readBloomHeader(b)
	if err != nil || n <= 0 || n > maxBloom || n%bloomBlock != 0 || m.bloomOffset+header+n > f.limit {
		return nil
	}
	bits := make([]byte, n)
	if readAt(f.src, bits, m.bloomOffset+header) != nil {
		return nil
	}
	return bits
}

// readBloomHeader gives how many bytes of bits there are, and of the header
// before them. The algorithm, the hash and the compression are unions, of which
// only the first member of each is known.
func readBloomHeader(b []byte) (bits, header int64, err error) {
	r := &thriftReader{b: b}
	for id, typ := range r.fields() {
		switch id {
		case 1:
			bits = int64(r.i32(typ))
		case 2, 3, 4:
			if !r.first(typ) {
				return 0, 0, errors.Join(r.err, errBloomKind)
			}
		default:
			r.skip(typ, 0)
		}
	}
	return bits, int64(r.at), r.err
}

var errBloomKind = errors.New("a Bloom filter of an unknown kind")

// first reads a union and reports whether it is its first member.
func (r *thriftReader) first(typ byte) bool {
	if !r.begin(typ) {
		return false
	}
	is := false
	for id, typ := range r.fields() {
		is = id == 1
		r.skip(typ, 0)
	}
	return is
}

// bloomHash is the hash of a value as the file would write it. ok is false
// when that is not known.
func bloomHash(l *leaf, v *value) (hash uint64, ok bool) {
	var b [8]byte
	switch {
	case v.kind == bytesValue && l.conv == asIs && l.phys == physByteArray, v.kind == bytesValue && l.conv == fixedToView:
		return xxhash.Sum64(v.b), true
	case v.kind != intValue || l.conv != asIs && l.conv != toInt8 && l.conv != toInt16:
		return 0, false
	case l.phys == physInt32 && int64(int32(v.i)) == v.i:
		binary.LittleEndian.PutUint32(b[:], uint32(v.i))
		return xxhash.Sum64(b[:4]), true
	case l.phys == physInt64:
		binary.LittleEndian.PutUint64(b[:], uint64(v.i))
		return xxhash.Sum64(b[:]), true
	}
	return 0, false
}

// lookup makes the function that asks the Bloom filter of a chunk, which it
// reads when it is first asked.
func (p *pruner) lookup(l *leaf, m *columnChunk) func(*value) bool {
	if m.bloomOffset <= 0 {
		return nil
	}
	return func(v *value) bool {
		hash, ok := bloomHash(l, v)
		if !ok {
			return true
		}
		if p.blooms == nil {
			p.blooms = map[*leaf]bloom{}
		}
		b, read := p.blooms[l]
		if !read {
			b = p.r.f.bloom(m)
			p.blooms[l] = b
		}
		return b == nil || b.has(hash)
	}
}
