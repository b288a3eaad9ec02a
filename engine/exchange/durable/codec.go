package durable

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/stream"
)

// A segment is a header, frames, and a checksum. All numbers are little-endian.
//
//	segment  "WADC" version:u16 zero:u16 frame… sum:u64 (xxh3-64 of all before it)
//	frame    kind:u8 length:u32 payload
//
// The payloads:
//
//	batch      marks:u32 (row:u32 time:i64)… kinds:u32 kind:u8… Arrow IPC stream of one record
//	watermark  time:i64
//	idle       nothing
//	barrier    epoch:u64 kind:u8
//	tick       time:i64
//	end        nothing
const (
	magic      = "WADC"
	version    = 1
	headerSize = 8
	sumSize    = 8
	frameSize  = 5
)

// kind of a frame.
type kind uint8

const (
	kindBatch kind = iota + 1
	kindWatermark
	kindIdle
	kindBarrier
	kindTick
	kindEnd
)

func appendHeader(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint16(dst, version)
	return append(dst, 0, 0)
}

func appendSum(dst []byte) []byte { return binary.LittleEndian.AppendUint64(dst, xxh3.Hash(dst)) }

// appendFrame appends e. It does not take over the reference to a batch.
func appendFrame(dst []byte, e stream.Element) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0)
	var k kind
	switch e := e.(type) {
	case *stream.Batch:
		k = kindBatch
		var err error
		if dst, err = appendBatch(dst, e); err != nil {
			return nil, err
		}
	case stream.Watermark:
		k, dst = kindWatermark, appendTime(dst, e.Time)
	case stream.Idle:
		k = kindIdle
	case stream.Barrier:
		k = kindBarrier
		dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Epoch))
		dst = append(dst, byte(e.Kind))
	case stream.Tick:
		k, dst = kindTick, appendTime(dst, e.Now)
	case stream.EndOfInput:
		k = kindEnd
	}
	dst[at] = byte(k)
	binary.LittleEndian.PutUint32(dst[at+1:], uint32(len(dst)-at-frameSize))
	return dst, nil
}

func appendTime(dst []byte, t stream.Timestamp) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(t))
}

func appendBatch(dst []byte, b *stream.Batch) ([]byte, error) {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.Marks)))
	for _, m := range b.Marks {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Row))
		dst = appendTime(dst, m.Time)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.Kinds)))
	for _, k := range b.Kinds {
		dst = append(dst, byte(k))
	}
	buf := bytes.NewBuffer(dst)
	w := ipc.NewWriter(buf, ipc.WithSchema(b.Rows.Schema()))
	if err := w.Write(b.Rows); err != nil {
		return nil, fmt.Errorf("write batch: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write batch: %w", err)
	}
	return buf.Bytes(), nil
}

// errCorrupt is what any damage to a segment leads to.
type errCorrupt string

func (e errCorrupt) Error() string { return "corrupt segment: " + string(e) }

// frames checks a segment and returns its frames.
func frames(segment []byte) ([]byte, error) {
	if len(segment) < headerSize+sumSize || string(segment[:4]) != magic {
		return nil, errCorrupt("no header")
	}
	if v := binary.LittleEndian.Uint16(segment[4:]); v != version {
		return nil, errCorrupt(fmt.Sprintf("version %d, this program reads %d", v, version))
	}
	body := segment[:len(segment)-sumSize]
	if binary.LittleEndian.Uint64(segment[len(body):]) != xxh3.Hash(body) {
		return nil, errCorrupt("wrong checksum")
	}
	return body[headerSize:], nil
}

// nextFrame decodes the first frame of data and returns what follows it.
func nextFrame(data []byte, alloc memory.Allocator) (stream.Element, []byte, error) {
	if len(data) < frameSize {
		return nil, nil, errCorrupt("truncated frame")
	}
	k, n := kind(data[0]), int(binary.LittleEndian.Uint32(data[1:]))
	if n > len(data)-frameSize {
		return nil, nil, errCorrupt("truncated frame")
	}
	p, rest := data[frameSize:frameSize+n], data[frameSize+n:]
	e, err := decode(k, p, alloc)
	return e, rest, err
}

func decode(k kind, p []byte, alloc memory.Allocator) (stream.Element, error) {
	want := map[kind]int{kindWatermark: 8, kindIdle: 0, kindBarrier: 9, kindTick: 8, kindEnd: 0}
	if size, fixed := want[k]; fixed && size != len(p) {
		return nil, errCorrupt(fmt.Sprintf("frame of kind %d with %d bytes", k, len(p)))
	}
	switch k {
	case kindBatch:
		return decodeBatch(p, alloc)
	case kindWatermark:
		return stream.Watermark{Time: decodeTime(p)}, nil
	case kindIdle:
		return stream.Idle{}, nil
	case kindBarrier:
		return stream.Barrier{Epoch: stream.Epoch(binary.LittleEndian.Uint64(p)), Kind: stream.BarrierKind(p[8])}, nil
	case kindTick:
		return stream.Tick{Now: decodeTime(p)}, nil
	case kindEnd:
		return stream.EndOfInput{}, nil
	}
	return nil, errCorrupt(fmt.Sprintf("frame of unknown kind %d", k))
}

func decodeTime(p []byte) stream.Timestamp { return stream.Timestamp(binary.LittleEndian.Uint64(p)) }

func decodeBatch(p []byte, alloc memory.Allocator) (*stream.Batch, error) {
	b := &stream.Batch{}
	n, p, ok := cut(p, 12)
	if !ok {
		return nil, errCorrupt("truncated marks")
	}
	for i := range len(n) / 12 {
		b.Marks = append(b.Marks, stream.Mark{
			Row: int32(binary.LittleEndian.Uint32(n[i*12:])), Time: decodeTime(n[i*12+4:]),
		})
	}
	n, p, ok = cut(p, 1)
	if !ok {
		return nil, errCorrupt("truncated row kinds")
	}
	for _, k := range n {
		b.Kinds = append(b.Kinds, stream.RowKind(k))
	}
	r, err := ipc.NewReader(bytes.NewReader(p), ipc.WithAllocator(alloc))
	if err != nil {
		return nil, errCorrupt(err.Error())
	}
	defer r.Release()
	rec, err := r.Read()
	if err != nil {
		return nil, errCorrupt(err.Error())
	}
	if b.Kinds != nil && int64(len(b.Kinds)) != rec.NumRows() {
		return nil, errCorrupt(fmt.Sprintf("%d row kinds for %d rows", len(b.Kinds), rec.NumRows()))
	}
	rec.Retain() // the reader's reference goes with the reader
	b.Rows = rec
	return b, nil
}

// cut takes a count and so many items of the given size off p.
func cut(p []byte, size int) (items, rest []byte, ok bool) {
	if len(p) < 4 {
		return nil, nil, false
	}
	n := int(binary.LittleEndian.Uint32(p))
	if n > (len(p)-4)/size {
		return nil, nil, false
	}
	return p[4 : 4+n*size], p[4+n*size:], true
}
