package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
)

// chunk reads the pages of one column chunk, in order. The file is read
// through a window that moves forward; strings of pages that are not
// compressed show the window itself.
//
//	file  … │ dict │ page 0 │ page 1 │ page 2 │ …
//	window         [········pos·········]
type chunk struct {
	src   io.ReaderAt
	alloc memory.Allocator
	leaf  *leaf
	meta  *columnChunk
	ahead int // bytes to read at once
	codec *decompressor

	window *memory.Buffer
	winAt  int64 // of the window's first byte, in the file
	pos    int64 // of the next byte, in the file
	end    int64 // no byte of the chunk is at or behind it
	stop   int64 // where the chunk says it ends; end has some slack
	jumped bool  // pages were left out, so that seen does not tell the last

	header  pageHeader
	page    int   // number of the current page, from 0; the dictionary counts
	seen    int64 // entries in the pages so far, the current one included
	dict    *dictionary
	entries int // left in the current page
	values  decoder
	reps    hybrid
	defs    hybrid
	body    *memory.Buffer // of the current page, when decompressed

	plainFixed plainFixed // memory for values
	plainBool  plainBool
	rleBool    rleBool
	plainBytes plainBytes
	dictValues dictValues
	deltaInts  deltaInts
	lengths    deltaLengths
	bytes      deltaBytes
	split      byteStreamSplit
}

// maxHeader bounds the header of a page; its statistics may hold long values.
const maxHeader = 16 << 20

// slack is how far behind its stated end a chunk may reach: old writers did
// not count the header of the dictionary page.
const slack = 100

// reset begins the chunk that meta describes in a file whose data end at limit.
func (c *chunk) reset(meta *columnChunk, limit int64) error {
	c.close()
	start := meta.start()
	switch {
	case meta.encrypted:
		return fmt.Errorf("%w: it is encrypted, and encrypted columns cannot be read", job.ErrInvalid)
	case meta.file != "":
		return fmt.Errorf("%w: it is in another file, %q, and such files cannot be read", job.ErrInvalid, meta.file)
	case meta.phys != c.leaf.phys:
		return fmt.Errorf("chunk holds %v where the schema says %v", meta.phys, c.leaf.phys)
	case meta.values < 0 || meta.compressed < 0 || start < 0 || start > limit || meta.compressed > limit-start:
		return fmt.Errorf("chunk of %d bytes at %d is not inside the file's %d", meta.compressed, start, limit)
	}
	c.meta, c.pos, c.winAt = meta, start, start
	c.stop = start + meta.compressed
	c.end = min(c.stop+slack, limit)
	c.page, c.seen, c.entries, c.jumped = -1, 0, 0, false
	return nil
}

func (c *chunk) close() {
	for _, b := range []**memory.Buffer{&c.window, &c.body} {
		if *b != nil {
			(*b).Release()
			*b = nil
		}
	}
	if c.dict != nil {
		c.dict.release()
		c.dict = nil
	}
	c.values, c.entries = nil, 0
}

// peek returns the next n bytes of the file, fewer only at the chunk's end.
func (c *chunk) peek(n int) ([]byte, error) {
	n = int(min(int64(n), c.end-c.pos))
	if c.window != nil {
		if have := c.winAt + int64(c.window.Len()) - c.pos; have >= int64(n) {
			return c.window.Bytes()[c.pos-c.winAt:][:n], nil
		}
		c.window.Release()
		c.window = nil
	}
	size := int(min(int64(max(n, c.ahead)), c.end-c.pos))
	w := memory.NewResizableBuffer(c.alloc)
	w.Resize(size)
	if k, err := c.src.ReadAt(w.Bytes(), c.pos); k < size {
		w.Release()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %d bytes at %d: %w", size, c.pos, err)
	}
	c.window, c.winAt = w, c.pos
	return w.Bytes()[:n], nil
}

// readHeader reads the header of the next page, up to its body.
func (c *chunk) readHeader() error {
	for size := 256; ; size *= 16 {
		b, err := c.peek(size)
		if err != nil {
			return err
		}
		h, n, err := readPageHeader(b)
		if errors.Is(err, errThriftShort) && len(b) == size && size < maxHeader {
			continue
		}
		if err != nil {
			return fmt.Errorf("page header at %d: %w", c.pos, err)
		}
		c.header = h
		c.pos += int64(n)
		c.page++
		if int64(h.compressed) > c.end-c.pos {
			return fmt.Errorf("page of %d bytes where the chunk has %d left", h.compressed, c.end-c.pos)
		}
		return nil
	}
}

// nextHeader moves to the header of the next data page, reading the
// dictionary on the way. It reports false behind the last page.
func (c *chunk) nextHeader() (bool, error) {
	for c.seen < c.meta.values && (!c.jumped || c.pos < c.stop) {
		if err := c.readHeader(); err != nil {
			return false, err
		}
		switch c.header.kind {
		case pageData, pageDataV2:
			c.seen += int64(c.header.values)
			if c.seen > c.meta.values {
				return false, fmt.Errorf("pages hold more than the %d values of the chunk", c.meta.values)
			}
			return true, nil
		case pageDict:
			if err := c.readDict(); err != nil {
				return false, fmt.Errorf("dictionary: %w", err)
			}
		default: // index pages and what may come
			c.pos += int64(c.header.compressed)
		}
	}
	return false, nil
}

// nextPage opens the next data page. It reports false behind the last one.
func (c *chunk) nextPage() (bool, error) {
	ok, err := c.nextHeader()
	if !ok || err != nil {
		return false, err
	}
	return true, c.open()
}

// skipPage passes over the body of the page whose header was read.
func (c *chunk) skipPage() {
	c.pos += int64(c.header.compressed)
	c.entries = 0
}

// raw takes the body of the page as it is in the file, checking its sum.
func (c *chunk) raw() ([]byte, error) {
	b, err := c.peek(int(c.header.compressed))
	if err != nil {
		return nil, err
	}
	if len(b) < int(c.header.compressed) {
		return nil, io.ErrUnexpectedEOF
	}
	if c.header.hasCRC && crc32.ChecksumIEEE(b) != c.header.crc {
		return nil, fmt.Errorf("checksum is %08x, the header says %08x; the file is damaged",
			crc32.ChecksumIEEE(b), c.header.crc)
	}
	c.pos += int64(len(b))
	return b, nil
}

// inflate returns the bytes of a page body and the buffer that holds them:
// whole[at:] are the bytes, whole begins where the buffer does. The caller
// owns a reference to the buffer.
func (c *chunk) inflate(b []byte, size int, plain bool) (whole []byte, at int, buf *memory.Buffer, err error) {
	if plain || c.meta.codec == Uncompressed {
		if len(b) != size {
			return nil, 0, nil, errSizeDiffers
		}
		c.window.Retain()
		to := int(c.pos - c.winAt)
		return c.window.Bytes()[:to], to - size, c.window, nil
	}
	if size == 0 {
		buf = memory.NewResizableBuffer(c.alloc)
		return nil, 0, buf, nil
	}
	if buf, err = c.codec.decompress(c.meta.codec, b, size, c.alloc); err != nil {
		return nil, 0, nil, err
	}
	return buf.Bytes(), 0, buf, nil
}

// open decompresses the page whose header was read and makes its decoders.
func (c *chunk) open() error {
	h := &c.header
	b, err := c.raw()
	if err != nil {
		return err
	}
	if c.body != nil {
		c.body.Release()
		c.body = nil
	}
	var levels []byte
	size, plain := int(h.uncompressed), false
	if h.kind == pageDataV2 {
		n := int64(h.defBytes) + int64(h.repBytes)
		if n > int64(len(b)) || n > int64(size) {
			return fmt.Errorf("levels of %d bytes in a page of %d", n, len(b))
		}
		levels, b, size, plain = b[:n], b[n:], size-int(n), h.plain || len(b) == int(n)
		if plain {
			size = len(b)
		}
	}
	whole, at, buf, err := c.inflate(b, size, plain)
	if err != nil {
		return err
	}
	c.body = buf
	if h.kind == pageDataV2 {
		if c.reps, err = newHybrid(levels[:h.repBytes], bitWidth(c.leaf.maxRep)); err != nil {
			return err
		}
		c.defs, err = newHybrid(levels[h.repBytes:], bitWidth(c.leaf.maxDef))
	} else {
		at, err = c.levelsV1(whole, at)
	}
	if err != nil {
		return err
	}
	c.entries = int(h.values)
	if c.values, err = c.decoder(h.encoding, whole, at, buf); err != nil {
		return fmt.Errorf("%v: %w", h.encoding, err)
	}
	return nil
}

// levelsV1 finds the levels at whole[at:], each behind its length, and
// returns where the values begin.
func (c *chunk) levelsV1(whole []byte, at int) (int, error) {
	for _, l := range []struct {
		h   *hybrid
		max int
		enc encoding
	}{{&c.reps, c.leaf.maxRep, c.header.repEnc}, {&c.defs, c.leaf.maxDef, c.header.defEnc}} {
		if l.max == 0 {
			*l.h = hybrid{}
			continue
		}
		if l.enc != encRLE {
			return 0, fmt.Errorf("%w: levels in %v cannot be read", job.ErrInvalid, l.enc)
		}
		if len(whole)-at < 4 {
			return 0, errLevelsShort
		}
		n := binary.LittleEndian.Uint32(whole[at:])
		at += 4
		if uint64(n) > uint64(len(whole)-at) {
			return 0, errLevelsShort
		}
		var err error
		if *l.h, err = newHybrid(whole[at:at+int(n)], bitWidth(l.max)); err != nil {
			return 0, err
		}
		at += int(n)
	}
	return at, nil
}

// bitWidth is how many bits levels up to n take.
func bitWidth(n int) (w uint) {
	for ; n > 0; n >>= 1 {
		w++
	}
	return w
}

var errEncoding = errors.New("the encoding does not fit the column's type")

// decoder makes the decoder of the values whole[at:].
func (c *chunk) decoder(enc encoding, whole []byte, at int, buf *memory.Buffer) (_ decoder, err error) {
	b, l := whole[at:], c.leaf
	if len(b) == 0 {
		return noValues{}, nil
	}
	switch enc {
	case encPlain:
		switch l.phys {
		case physBool:
			c.plainBool = plainBool{b: b}
			return &c.plainBool, nil
		case physByteArray:
			c.plainBytes = plainBytes{b: whole, at: at, buf: buf}
			return &c.plainBytes, nil
		default:
			c.plainFixed = plainFixed{b: b, width: l.width}
			return &c.plainFixed, nil
		}
	case encPlainDict, encRLEDict:
		if c.dict == nil {
			return nil, errors.New("the chunk has no dictionary")
		}
		c.dictValues = dictValues{dict: c.dict, width: l.width}
		c.dictValues.h, err = newHybrid(b[1:], uint(b[0]))
		return &c.dictValues, err
	case encRLE:
		if l.phys != physBool || len(b) < 4 {
			return nil, errEncoding
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return nil, errValuesShort
		}
		c.rleBool.h, err = newHybrid(b[4:4+n], 1)
		return &c.rleBool, err
	case encDeltaBinary:
		if l.phys != physInt32 && l.phys != physInt64 {
			return nil, errEncoding
		}
		c.deltaInts.width = l.width
		c.deltaInts.d, err = newDeltaBinary(b)
		return &c.deltaInts, err
	case encDeltaLengthBytes:
		if l.phys != physByteArray {
			return nil, errEncoding
		}
		c.lengths, err = newDeltaLengths(b, whole, buf)
		return &c.lengths, err
	case encDeltaBytes:
		width := 0
		if l.phys == physFixedLenArray {
			width = l.width
		} else if l.phys != physByteArray {
			return nil, errEncoding
		}
		c.bytes, err = newDeltaBytes(b, whole, buf, width)
		return &c.bytes, err
	case encByteStreamSplit:
		if l.phys == physBool || l.phys == physByteArray {
			return nil, errEncoding
		}
		c.split = byteStreamSplit{b: b, width: l.width}
		return &c.split, nil
	default:
		return nil, fmt.Errorf("%w: it cannot be read", job.ErrInvalid)
	}
}

// readDict reads the dictionary page whose header was read.
func (c *chunk) readDict() error {
	h := &c.header
	switch {
	case c.dict != nil:
		return errors.New("the chunk has two")
	case h.encoding != encPlain && h.encoding != encPlainDict:
		return fmt.Errorf("%v: %w", h.encoding, errEncoding)
	case c.leaf.phys == physBool:
		return errEncoding
	}
	b, err := c.raw()
	if err != nil {
		return err
	}
	whole, at, buf, err := c.inflate(b, int(h.uncompressed), false)
	if err != nil {
		return err
	}
	defer buf.Release()
	n, least := int(h.values), c.leaf.width
	if c.leaf.phys == physByteArray {
		least = 4
	}
	if n > (len(whole)-at)/least {
		return errValuesShort
	}
	d := &dictionary{n: n, held: memory.NewResizableBuffer(c.alloc)}
	d.held.Resize(n * c.leaf.width)
	d.values = d.held.Bytes()
	if c.leaf.phys == physByteArray {
		s := sink{alloc: c.alloc}
		defer s.reset()
		values := plainBytes{b: whole, at: at, buf: buf}
		err = values.decode(d.values, n, &s)
		buf.Retain()
		d.buf = buf
	} else {
		copy(d.values, whole[at:])
	}
	if err != nil {
		d.release()
		return err
	}
	c.dict = d
	return nil
}
