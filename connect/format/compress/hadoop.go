package compress

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
)

// blocks reads the format of Hadoop's SnappyCodec: blocks that begin with their
// plain length, of chunks that begin with their compressed length, both big-endian.
type blocks struct {
	in    *bufio.Reader
	left  int // plain bytes of the block that are still to come
	plain []byte
	at    int
	chunk []byte
}

// most is the most bytes of a block or a chunk; Hadoop's are 256 KiB.
const most = 64 << 20

// Read implements io.Reader.
func (b *blocks) Read(p []byte) (int, error) {
	for b.at == len(b.plain) {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.plain[b.at:])
	b.at += n
	return n, nil
}

// next reads a chunk.
func (b *blocks) next() error {
	for b.left == 0 {
		n, err := b.length()
		if err != nil {
			return err // the end is here
		}
		b.left = n
	}
	n, err := b.length()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	b.chunk = append(b.chunk[:0], make([]byte, n)...)
	if _, err := io.ReadFull(b.in, b.chunk); err != nil {
		return fmt.Errorf("snappy: %w", io.ErrUnexpectedEOF)
	}
	size, err := snappy.DecodedLen(b.chunk)
	if err != nil || size > b.left {
		return fmt.Errorf("snappy: a chunk of %d bytes is none of Hadoop's", n)
	}
	if b.plain, err = snappy.Decode(b.plain[:cap(b.plain)], b.chunk); err != nil {
		return fmt.Errorf("snappy: %w", err)
	}
	b.left -= len(b.plain)
	b.at = 0
	return nil
}

func (b *blocks) length() (int, error) {
	var head [4]byte
	if _, err := io.ReadFull(b.in, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		return 0, fmt.Errorf("snappy: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > most {
		return 0, fmt.Errorf("snappy: a length of %d bytes: it is neither framed nor Hadoop's", n)
	}
	return int(n), nil
}
