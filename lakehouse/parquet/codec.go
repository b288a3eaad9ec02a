package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/wadi-engine/wadi/job"
)

var codecNames = [...]string{"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"}

func (c Codec) String() string {
	if c < 0 || int(c) >= len(codecNames) {
		return fmt.Sprintf("codec %d", int8(c))
	}
	return codecNames[c]
}

// maxPageBytes bounds one decompressed page.
const maxPageBytes = 1<<31 - 1

// decompressor holds the decoders that are dear to make. It is not safe for
// concurrent use.
type decompressor struct {
	zstd   *zstd.Decoder
	gzip   gzip.Reader
	brotli *brotli.Reader
}

var decompressors = sync.Pool{New: func() any { return new(decompressor) }}

var errSizeDiffers = errors.New("decompressed size differs from the page header's")

// decompress expands src, which claims to become size bytes, into a buffer of
// alloc. Before it believes a claim far beyond what src may hold it tries with
// less, so that a forged size costs no more than the true one.
func (d *decompressor) decompress(codec Codec, src []byte, size int, alloc memory.Allocator) (*memory.Buffer, error) {
	if size > maxPageBytes {
		return nil, fmt.Errorf("%w: page of %d bytes; the limit is %d", job.ErrInvalid, size, maxPageBytes)
	}
	buf := memory.NewResizableBuffer(alloc)
	for try := min(size, 64*len(src)+64<<10); ; try = min(size, 16*try) {
		buf.ResizeNoShrink(try)
		n, err := d.into(codec, src, buf.Bytes()[:try])
		if err == nil && n == size {
			buf.Resize(size)
			return buf, nil
		}
		if try == size || err == nil && n < try {
			buf.Release()
			if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errSizeDiffers
			}
			return nil, fmt.Errorf("decompress %v: %w", codec, err)
		}
	}
}

// into fills dst and returns how many bytes there were; more than fit are an
// error or the length of dst.
func (d *decompressor) into(codec Codec, src, dst []byte) (int, error) {
	switch codec {
	case Snappy:
		return decodeSnappy(src, dst)
	case Gzip:
		if err := d.gzip.Reset(bytes.NewReader(src)); err != nil {
			return 0, err
		}
		return readAll(&d.gzip, dst)
	case Brotli:
		if d.brotli == nil {
			d.brotli = brotli.NewReader(nil)
		}
		if err := d.brotli.Reset(bytes.NewReader(src)); err != nil {
			return 0, err
		}
		return readAll(d.brotli, dst)
	case Zstd:
		if d.zstd == nil {
			var err error
			if d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true)); err != nil {
				return 0, err
			}
		}
		out, err := d.zstd.DecodeAll(src, dst[:0:len(dst)])
		return len(out), err
	case LZ4Raw:
		return lz4.UncompressBlock(src, dst)
	case LZ4:
		if n, ok := hadoopLZ4(src, dst); ok {
			return n, nil
		}
		return lz4.UncompressBlock(src, dst)
	default:
		return 0, fmt.Errorf("%w: %v cannot be read", job.ErrInvalid, codec)
	}
}

func decodeSnappy(src, dst []byte) (int, error) {
	n, err := s2.DecodedLen(src)
	if err != nil {
		return 0, err
	}
	if n > len(dst) {
		return 0, errSizeDiffers
	}
	out, err := s2.Decode(dst[:n:n], src)
	return len(out), err
}

func readAll(r io.Reader, dst []byte) (int, error) {
	n, err := io.ReadFull(r, dst)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return n, err
	}
	if n < len(dst) {
		return n, nil
	}
	var more [1]byte
	for {
		k, err := r.Read(more[:])
		if k > 0 {
			return n, errSizeDiffers
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
	}
}

// hadoopLZ4 reads blocks that each begin with their two sizes, big endian.
// The codec was never specified; other writers leave the frame out.
func hadoopLZ4(src, dst []byte) (n int, ok bool) {
	for len(src) > 0 {
		if len(src) < 8 {
			return 0, false
		}
		raw, packed := binary.BigEndian.Uint32(src), binary.BigEndian.Uint32(src[4:])
		if uint64(packed) > uint64(len(src)-8) || uint64(raw) > uint64(len(dst)-n) {
			return 0, false
		}
		k, err := lz4.UncompressBlock(src[8:8+packed], dst[n:n+int(raw)])
		if err != nil || k != int(raw) {
			return 0, false
		}
		n += k
		src = src[8+packed:]
	}
	return n, true
}
