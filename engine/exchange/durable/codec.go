package durable

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/engine/exchange/frame"
	"github.com/wadi-engine/wadi/stream"
)

// A segment is a header, frames, and a checksum. All numbers are little-endian.
//
//	segment  "WADC" version:u16 zero:u16 frame… sum:u64 (xxh3-64 of all before it)
//	frame    kind:u8 length:u32 payload
//
// The payloads are those of engine/exchange/frame; the rows of a batch are an
// Arrow IPC stream of one record.
const (
	magic      = "WADC"
	version    = 1
	headerSize = 8
	sumSize    = 8
	frameSize  = 5
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
	dst = frame.Append(append(dst, byte(frame.KindOf(e)), 0, 0, 0, 0), e)
	if b, ok := e.(*stream.Batch); ok {
		var err error
		if dst, err = appendRows(dst, b); err != nil {
			return nil, fmt.Errorf("write batch: %w", err)
		}
	}
	binary.LittleEndian.PutUint32(dst[at+1:], uint32(len(dst)-at-frameSize))
	return dst, nil
}

func appendRows(dst []byte, b *stream.Batch) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	w := ipc.NewWriter(buf, ipc.WithSchema(b.Rows.Schema()))
	if err := w.Write(b.Rows); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Encode is a segment of elements, whose references stay with the caller.
func Encode(elements []stream.Element) ([]byte, error) {
	data := appendHeader(nil)
	var err error
	for _, e := range elements {
		if data, err = appendFrame(data, e); err != nil {
			return nil, err
		}
	}
	return appendSum(data), nil
}

// Decode is the reverse of Encode; the caller owns the batches.
func Decode(segment []byte, alloc memory.Allocator) ([]stream.Element, error) {
	rest, err := frames(segment)
	if err != nil {
		return nil, err
	}
	var elements []stream.Element
	for len(rest) > 0 {
		var e stream.Element
		if e, rest, err = nextFrame(rest, alloc); err != nil {
			for _, e := range elements {
				if b, ok := e.(*stream.Batch); ok {
					b.Release()
				}
			}
			return nil, err
		}
		elements = append(elements, e)
	}
	return elements, nil
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
	k, n := frame.Kind(data[0]), int(binary.LittleEndian.Uint32(data[1:]))
	if n > len(data)-frameSize {
		return nil, nil, errCorrupt("truncated frame")
	}
	p, rest := data[frameSize:frameSize+n], data[frameSize+n:]
	if k == frame.Batch {
		b, err := decodeBatch(p, alloc)
		return b, rest, err
	}
	e, err := frame.Control(k, p)
	if err != nil {
		return nil, nil, errCorrupt(err.Error())
	}
	return e, rest, nil
}

func decodeBatch(p []byte, alloc memory.Allocator) (*stream.Batch, error) {
	b := &stream.Batch{}
	p, err := frame.CutBatch(b, p)
	if err != nil {
		return nil, errCorrupt(err.Error())
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
