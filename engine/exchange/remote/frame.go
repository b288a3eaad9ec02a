package remote

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/stream"
)

// kind of a frame.
type kind uint8

const (
	kindOpen kind = iota + 1
	kindSchema
	kindBatch
	kindWatermark
	kindIdle
	kindBarrier
	kindTick
	kindEnd
	kindClose
	kindCredit
	kindReset
)

const (
	headerSize = 16
	// maxHead and maxBody are how long the parts of a frame may be.
	maxHead = 64 << 20
	maxBody = 1 << 30
)

// header begins a frame.
type header struct {
	kind       kind
	channel    uint32
	head, body int
}

func (h header) append(dst []byte) []byte {
	dst = append(dst, byte(h.kind), 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, h.channel)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.head))
	return binary.LittleEndian.AppendUint32(dst, uint32(h.body))
}

// readHeader reads and checks the first bytes of a frame.
func readHeader(r io.Reader, scratch []byte) (header, error) {
	if _, err := io.ReadFull(r, scratch[:headerSize]); err != nil {
		return header{}, err
	}
	h := header{
		kind: kind(scratch[0]), channel: binary.LittleEndian.Uint32(scratch[4:]),
		head: int(binary.LittleEndian.Uint32(scratch[8:])), body: int(binary.LittleEndian.Uint32(scratch[12:])),
	}
	if h.head > maxHead || h.body > maxBody || h.body > 0 && h.kind != kindBatch {
		return h, broken("a frame of kind %d with %d + %d bytes", h.kind, h.head, h.body)
	}
	return h, nil
}

// broken is the error of a frame that no honest peer sends.
func broken(format string, a ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{peer.ErrRefused}, a...)...)
}

// appendElement appends the frame of e, which is not a batch.
func appendElement(dst []byte, channel uint32, e stream.Element) []byte {
	h := header{channel: channel}
	at := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	switch e := e.(type) {
	case stream.Watermark:
		h.kind, dst = kindWatermark, appendTime(dst, e.Time)
	case stream.Idle:
		h.kind = kindIdle
	case stream.Barrier:
		h.kind, dst = kindBarrier, append(binary.LittleEndian.AppendUint64(dst, uint64(e.Epoch)), byte(e.Kind))
	case stream.Tick:
		h.kind, dst = kindTick, appendTime(dst, e.Now)
	case stream.EndOfInput:
		h.kind = kindEnd
	case *stream.Batch:
		panic("a batch is sent by its buffers")
	}
	h.head = len(dst) - at - headerSize
	h.append(dst[at:at])
	return dst
}

// decodeElement is the reverse of appendElement.
func decodeElement(k kind, p []byte) (stream.Element, error) {
	var want int
	switch k {
	case kindWatermark, kindTick:
		want = 8
	case kindBarrier:
		want = 9
	case kindIdle, kindEnd:
	case kindOpen, kindSchema, kindBatch, kindClose, kindCredit, kindReset:
		return nil, broken("a frame of kind %d where an element is", k)
	default:
		return nil, broken("a frame of unknown kind %d", k)
	}
	if len(p) != want {
		return nil, broken("a frame of kind %d with %d bytes, not %d", k, len(p), want)
	}
	switch k {
	case kindWatermark:
		return stream.Watermark{Time: timeOf(p)}, nil
	case kindTick:
		return stream.Tick{Now: timeOf(p)}, nil
	case kindBarrier:
		return stream.Barrier{Epoch: stream.Epoch(binary.LittleEndian.Uint64(p)), Kind: stream.BarrierKind(p[8])}, nil
	case kindIdle:
		return stream.Idle{}, nil
	default:
		return stream.EndOfInput{}, nil
	}
}

func appendTime(dst []byte, t stream.Timestamp) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(t))
}

func timeOf(p []byte) stream.Timestamp { return stream.Timestamp(binary.LittleEndian.Uint64(p)) }

// appendMarks appends what a batch has besides its rows.
func appendMarks(dst []byte, b *stream.Batch) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.Marks)))
	for _, m := range b.Marks {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(m.Row))
		dst = appendTime(dst, m.Time)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.Kinds)))
	for _, k := range b.Kinds {
		dst = append(dst, byte(k))
	}
	return dst
}

// cutMarks takes marks and kinds off p; what is left is the batch's metadata.
func cutMarks(b *stream.Batch, p []byte) (meta []byte, err error) {
	marks, p, ok := cut(p, 12)
	if !ok {
		return nil, broken("a batch with truncated marks")
	}
	for ; len(marks) > 0; marks = marks[12:] {
		b.Marks = append(b.Marks, stream.Mark{Row: int32(binary.LittleEndian.Uint32(marks)), Time: timeOf(marks[4:])})
	}
	kinds, p, ok := cut(p, 1)
	if !ok {
		return nil, broken("a batch with truncated row kinds")
	}
	if len(kinds) > 0 {
		b.Kinds = make([]stream.RowKind, len(kinds))
		for i, k := range kinds {
			b.Kinds[i] = stream.RowKind(k)
		}
	}
	return p, nil
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
