// Package container reads and writes Avro's object container files: a header with
// the schema, and blocks of records, each perhaps compressed.
package container

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/job"
)

var magic = []byte("Obj\x01")

const (
	keySchema = "avro.schema"
	keyCodec  = "avro.codec"
	// mostBytes is the most bytes of a header's value, and of a block.
	mostBytes = 1 << 30
)

// Reader reads the blocks of a file, one after the other.
type Reader struct {
	// Schema is that of the records, in JSON; Codec is how blocks are compressed.
	Schema, Codec string

	codec  codec
	sync   [16]byte
	in     *bufio.Reader
	offset int64 // in the file, of what is next in in
}

// NewReader reads the header of a file.
func NewReader(r io.Reader) (*Reader, error) {
	f := &Reader{in: bufio.NewReaderSize(r, 1<<20)}
	head, err := f.take(int64(len(magic)))
	if err != nil || !bytes.Equal(head, magic) {
		return nil, fmt.Errorf("%w: it is no Avro file: it does not begin with Obj and 1", job.ErrInvalid)
	}
	if err := f.header(); err != nil {
		return nil, fmt.Errorf("%w: the header of the Avro file: %w", job.ErrInvalid, err)
	}
	return f, nil
}

func (f *Reader) header() error {
	values, err := f.pairs()
	if err != nil {
		return err
	}
	f.Schema, f.Codec = values[keySchema], values[keyCodec]
	if f.Schema == "" {
		return errors.New("it has no schema")
	}
	if f.Codec == "" {
		f.Codec = "null"
	}
	all, ok := codecs(), false
	if f.codec, ok = all[f.Codec]; !ok {
		return fmt.Errorf("codec %q is none of %q", f.Codec, slices.Sorted(maps.Keys(all)))
	}
	sync, err := f.take(int64(len(f.sync)))
	copy(f.sync[:], sync)
	return err
}

// pairs reads a map.
func (f *Reader) pairs() (map[string]string, error) {
	out := map[string]string{}
	for {
		n, err := f.long()
		if err != nil || n == 0 {
			return out, err
		}
		if n < 0 { // then the bytes of the block follow
			n = -n
			if _, err := f.long(); err != nil {
				return nil, err
			}
		}
		for ; n > 0; n-- {
			key, err := f.bytes()
			if err != nil {
				return nil, err
			}
			value, err := f.bytes()
			if err != nil {
				return nil, err
			}
			out[string(key)] = string(value)
		}
	}
}

func (f *Reader) long() (int64, error) {
	var v uint64
	for shift := 0; shift < 70; shift += 7 {
		c, err := f.in.ReadByte()
		if err != nil {
			return 0, short(err, shift > 0)
		}
		f.offset++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(v>>1) ^ -int64(v&1), nil
		}
	}
	return 0, errors.New("a number of more than 10 bytes")
}

// short is what an end in the middle of something is.
func short(err error, middle bool) error {
	if middle && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (f *Reader) bytes() ([]byte, error) {
	n, err := f.long()
	if err != nil {
		return nil, short(err, true)
	}
	return f.take(n)
}

// take reads n bytes; what is said to be long is not made room for before it is there.
func (f *Reader) take(n int64) ([]byte, error) {
	if n < 0 || n > mostBytes {
		return nil, fmt.Errorf("a length of %d bytes", n)
	}
	var b bytes.Buffer
	if n <= 1<<20 {
		b.Grow(int(n))
	}
	got, err := io.CopyN(&b, f.in, n)
	f.offset += got
	return b.Bytes(), short(err, true)
}

// Block is some records of a file.
type Block struct {
	Offset int64 // of the block in the file
	Count  int64 // of the records
	packed []byte
}

// Next reads a block. At the end of the file it returns io.EOF.
func (f *Reader) Next() (Block, error) {
	b := Block{Offset: f.offset}
	count, err := f.long()
	if errors.Is(err, io.EOF) {
		return b, io.EOF
	}
	if err == nil && count < 0 {
		err = fmt.Errorf("it has %d records", count)
	}
	b.Count = count
	if err == nil {
		b.packed, err = f.bytes()
	}
	if err == nil {
		var sync []byte
		if sync, err = f.take(int64(len(f.sync))); err == nil && !bytes.Equal(sync, f.sync[:]) {
			err = errors.New("the mark behind it is not the file's")
		}
	}
	if err != nil {
		return b, fmt.Errorf("%w: the block at byte %d: %w", job.ErrInvalid, b.Offset, err)
	}
	return b, nil
}

// Offset is where the next block begins.
func (f *Reader) Offset() int64 { return f.offset }

// Seek goes on with r, which stands at an offset where a block begins.
func (f *Reader) Seek(r io.Reader, offset int64) {
	f.in.Reset(r)
	f.offset = offset
}

// Plain is the bytes of a block's records.
func (f *Reader) Plain(b Block) ([]byte, error) {
	out, err := f.codec.unpack(b.packed)
	if err != nil {
		return nil, fmt.Errorf("%w: the block at byte %d, of codec %s: %w", job.ErrInvalid, b.Offset, f.Codec, err)
	}
	return out, nil
}

// Writer writes a file.
type Writer struct {
	w     io.Writer
	codec codec
	name  string // of the codec
	sync  [16]byte
	buf   []byte
}

// NewWriter writes the header of a file.
func NewWriter(w io.Writer, schema, codec string) (*Writer, error) {
	if err := Writable(codec); err != nil {
		return nil, err
	}
	f := &Writer{w: w, codec: codecs()[codec], name: codec, sync: uuid.New()}
	b := append([]byte{}, magic...)
	b = binary.AppendVarint(b, 2)
	for _, text := range []string{keySchema, schema, keyCodec, codec} {
		b = appendBytes(b, []byte(text))
	}
	b = append(b, 0)
	b = append(b, f.sync[:]...)
	_, err := w.Write(b)
	return f, err
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendVarint(dst, int64(len(b))), b...)
}

// Write writes records as a block.
func (f *Writer) Write(count int64, records []byte) error {
	if count == 0 {
		return nil
	}
	packed, err := f.codec.pack(records)
	if err != nil {
		return err
	}
	return f.block(count, packed)
}

func (f *Writer) block(count int64, packed []byte) error {
	f.buf = binary.AppendVarint(f.buf[:0], count)
	f.buf = appendBytes(f.buf, packed)
	f.buf = append(f.buf, f.sync[:]...)
	_, err := f.w.Write(f.buf)
	return err
}

// Copy writes the blocks of a file of the same schema.
func (f *Writer) Copy(from *Reader) error {
	for {
		b, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if from.Codec == f.name {
			if err := f.block(b.Count, b.packed); err != nil {
				return err
			}
			continue
		}
		plain, err := from.Plain(b)
		if err != nil {
			return err
		}
		if err := f.Write(b.Count, plain); err != nil {
			return err
		}
	}
}
