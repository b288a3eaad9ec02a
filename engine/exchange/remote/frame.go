package remote

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/wadi-engine/wadi/engine/exchange/frame"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/stream"
)

// The kinds of frames that are no elements.
const (
	kindOpen frame.Kind = iota + 32
	kindSchema
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
	kind       frame.Kind
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
		kind: frame.Kind(scratch[0]), channel: binary.LittleEndian.Uint32(scratch[4:]),
		head: int(binary.LittleEndian.Uint32(scratch[8:])), body: int(binary.LittleEndian.Uint32(scratch[12:])),
	}
	if h.head > maxHead || h.body > maxBody || h.body > 0 && h.kind != frame.Batch {
		return h, broken("a frame of kind %d with %d + %d bytes", h.kind, h.head, h.body)
	}
	return h, nil
}

// broken is the error of a frame that no honest peer sends.
func broken(format string, a ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{peer.ErrRefused}, a...)...)
}

// appendElement appends the frame of e, which is not a batch: that is sent by
// its buffers.
func appendElement(dst []byte, channel uint32, e stream.Element) []byte {
	at := len(dst)
	dst = frame.Append(append(dst, make([]byte, headerSize)...), e)
	header{kind: frame.KindOf(e), channel: channel, head: len(dst) - at - headerSize}.append(dst[at:at])
	return dst
}
