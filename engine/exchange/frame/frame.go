// Package frame writes stream elements as bytes, the same for storage
// (exchange/durable) and for the wire (exchange/remote). What stands around
// them, how long they are and whether they are whole, is up to those two.
//
// All numbers are little-endian. The payloads by kind:
//
//	batch      marks:u32 (row:u32 time:i64)… kinds:u32 kind:u8…, and then the rows
//	watermark  time:i64
//	idle       nothing
//	barrier    epoch:u64 kind:u8 (since:i64 overtake:i64)?, both 0 when they are left out
//	tick       time:i64
//	end        nothing
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/wadi-engine/wadi/stream"
)

// Kind says which element a payload is. Zero is none.
type Kind uint8

// The kinds. Their numbers are part of both formats.
const (
	Batch Kind = iota + 1
	Watermark
	Idle
	Barrier
	Tick
	End
)

var errTruncated = errors.New("a batch with truncated marks or row kinds")

// KindOf is the kind of e.
func KindOf(e stream.Element) Kind {
	switch e.(type) {
	case *stream.Batch:
		return Batch
	case stream.Watermark:
		return Watermark
	case stream.Idle:
		return Idle
	case stream.Barrier:
		return Barrier
	case stream.Tick:
		return Tick
	case stream.EndOfInput:
		return End
	}
	return 0
}

// Append appends the payload of e: of a batch, what it has besides its rows.
func Append(dst []byte, e stream.Element) []byte {
	switch e := e.(type) {
	case *stream.Batch:
		return appendMarks(dst, e)
	case stream.Watermark:
		return appendTime(dst, e.Time)
	case stream.Barrier:
		dst = append(binary.LittleEndian.AppendUint64(dst, uint64(e.Epoch)), byte(e.Kind))
		if e.Since != 0 || e.Overtake != 0 {
			dst = appendTime(appendTime(dst, e.Since), e.Overtake)
		}
		return dst
	case stream.Tick:
		return appendTime(dst, e.Now)
	case stream.Idle, stream.EndOfInput:
	}
	return dst
}

// Control is the element of kind k, any but Batch, with payload p. The error is
// about the payload of a peer or file that is damaged.
func Control(k Kind, p []byte) (stream.Element, error) {
	want := 0
	switch k {
	case Watermark, Tick:
		want = 8
	case Barrier:
		if want = 9; len(p) > want {
			want += 16
		}
	case Idle, End:
	case Batch:
		return nil, errors.New("a batch where a control element is")
	default:
		return nil, fmt.Errorf("an element of unknown kind %d", k)
	}
	if len(p) != want {
		return nil, fmt.Errorf("an element of kind %d with %d bytes, not %d", k, len(p), want)
	}
	switch k {
	case Watermark:
		return stream.Watermark{Time: timeOf(p)}, nil
	case Tick:
		return stream.Tick{Now: timeOf(p)}, nil
	case Barrier:
		b := stream.Barrier{Epoch: stream.Epoch(binary.LittleEndian.Uint64(p)), Kind: stream.BarrierKind(p[8])}
		if len(p) > 9 {
			b.Since, b.Overtake = timeOf(p[9:]), timeOf(p[17:])
		}
		return b, nil
	case Idle:
		return stream.Idle{}, nil
	default:
		return stream.EndOfInput{}, nil
	}
}

func appendTime(dst []byte, t stream.Timestamp) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(t))
}

func timeOf(p []byte) stream.Timestamp { return stream.Timestamp(binary.LittleEndian.Uint64(p)) }

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

// CutBatch gives b the marks and row kinds that Append wrote at the front of p,
// and returns what follows them.
func CutBatch(b *stream.Batch, p []byte) (rows []byte, err error) {
	marks, p, ok := cut(p, 12)
	if !ok {
		return nil, errTruncated
	}
	for ; len(marks) > 0; marks = marks[12:] {
		b.Marks = append(b.Marks, stream.Mark{Row: int32(binary.LittleEndian.Uint32(marks)), Time: timeOf(marks[4:])})
	}
	kinds, p, ok := cut(p, 1)
	if !ok {
		return nil, errTruncated
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
