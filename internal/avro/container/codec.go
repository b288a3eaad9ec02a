package container

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/wadi-engine/wadi/job"
)

// codec compresses blocks. pack is nil where it only unpacks.
type codec struct {
	unpack func(b []byte) ([]byte, error)
	pack   func(b []byte) ([]byte, error)
}

// mostPlain is the most bytes of a block's records.
const mostPlain = 1 << 30

func codecs() map[string]codec {
	same := func(b []byte) ([]byte, error) { return b, nil }
	return map[string]codec{
		"null":      {same, same},
		"deflate":   {streamed(func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil }), written(newDeflate)},
		"snappy":    {unpackSnappy, packSnappy},
		"bzip2":     {streamed(func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }), nil},
		"xz":        {streamed(func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }), written(func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })},
		"zstandard": {streamed(newZstd), written(func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) })},
	}
}

// Writable reports whether blocks can be written with a codec.
func Writable(name string) error {
	switch c, ok := codecs()[name]; {
	case !ok:
		return fmt.Errorf("%w: there is no codec %q; want null, deflate, snappy, xz or zstandard", job.ErrInvalid, name)
	case c.pack == nil:
		return fmt.Errorf("%w: the codec %s is only read; want null, deflate, snappy, xz or zstandard", job.ErrInvalid, name)
	}
	return nil
}

func newDeflate(w io.Writer) (io.WriteCloser, error) {
	return flate.NewWriter(w, flate.DefaultCompression)
}

func newZstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostPlain))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// streamed unpacks with a reader.
func streamed(open func(r io.Reader) (io.Reader, error)) func(b []byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		r, err := open(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		if c, ok := r.(io.Closer); ok {
			defer c.Close()
		}
		out, err := io.ReadAll(io.LimitReader(r, mostPlain+1))
		if err == nil && len(out) > mostPlain {
			err = fmt.Errorf("it is of more than %d bytes", mostPlain)
		}
		return out, err
	}
}

// written packs with a writer.
func written(open func(w io.Writer) (io.WriteCloser, error)) func(b []byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		var out bytes.Buffer
		w, err := open(&out)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(b); err != nil {
			return nil, err
		}
		err = w.Close()
		return out.Bytes(), err
	}
}

// A block of snappy ends with the checksum of its plain bytes.
func packSnappy(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint32(snappy.Encode(nil, b), crc32.ChecksumIEEE(b)), nil
}

func unpackSnappy(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	packed, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if n, err := snappy.DecodedLen(packed); err != nil || n > mostPlain {
		return nil, fmt.Errorf("it is no block of snappy: %d bytes", n)
	}
	out, err := snappy.Decode(nil, packed)
	if err == nil && crc32.ChecksumIEEE(out) != sum {
		err = fmt.Errorf("its checksum is wrong")
	}
	return out, err
}
