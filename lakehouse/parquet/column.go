package parquet

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// column reads the rows of one leaf in a row group.
//
// A leaf that is a column of its own, at most optional (flat), needs no levels:
// its definition levels are its validity bitmap. Every other leaf keeps the
// levels of a batch's entries, from which the nodes above it are put together.
type column struct {
	chunk
	flat bool
	rows int64 // of the row group
	row  int64 // next one

	sink   sink
	length int            // slots of the batch
	held   *memory.Buffer // values of the slots, nulls included
	valid  *memory.Buffer // nil: no nulls
	nulls  int
	array  arrow.ArrayData // made of them, or nil

	repLevels, defLevels []uint8 // of the batch, unless flat
	nextReps, nextDefs   []uint8 // decoded ahead, of the current page
	levelMem             []uint8 // of nextReps and nextDefs
}

const (
	levelBlock = 1024
	// maxEntries bounds the entries of one batch: what a few bytes of
	// run-length data can claim must not become gigabytes.
	maxEntries = 1 << 26
)

var errRowsShort = errors.New("column has fewer rows than its row group")

// begin starts a row group of rows rows.
func (c *column) begin(meta *columnChunk, rows, limit int64) error {
	c.nextReps, c.nextDefs = nil, nil
	c.rows, c.row = rows, 0
	if c.leaf.maxRep == 0 && meta.values != rows && !meta.encrypted {
		return fmt.Errorf("column has %d values in a row group of %d rows", meta.values, rows)
	}
	return c.reset(meta, limit)
}

// drop forgets the current batch.
func (c *column) drop() {
	for _, b := range []**memory.Buffer{&c.held, &c.valid} {
		if *b != nil {
			(*b).Release()
			*b = nil
		}
	}
	if c.array != nil {
		c.array.Release()
		c.array = nil
	}
	c.sink.reset()
	c.length, c.nulls = 0, 0
	c.repLevels, c.defLevels = c.repLevels[:0], c.defLevels[:0]
}

func (c *column) close() {
	c.drop()
	c.chunk.close()
}

// read reads the next n rows as the current batch.
func (c *column) read(n int) error {
	c.drop()
	if c.page < 0 { // the dictionary must be buffer 0 of the batch
		if _, err := c.nextPage(); err != nil {
			return err
		}
	}
	if c.dict != nil && c.dict.buf != nil {
		c.sink.index(c.dict.buf)
	}
	c.held = memory.NewResizableBuffer(c.alloc)
	var err error
	if c.flat {
		err = c.readFlat(n)
	} else {
		err = c.readNested(n)
	}
	c.row += int64(n)
	return err
}

func (c *column) readFlat(n int) error {
	w := c.leaf.width
	c.held.Resize(n * w)
	vals := c.held.Bytes()
	c.length = n
	for at := 0; at < n; {
		if err := c.more(); err != nil {
			return err
		}
		k := min(n-at, c.entries)
		some := k
		if c.leaf.maxDef > 0 {
			var err error
			if some, err = c.validity(at, k, n); err != nil {
				return err
			}
		}
		if err := c.values.decode(vals[at*w:(at+k)*w], some, &c.sink); err != nil {
			return err
		}
		if some < k {
			spread(vals[at*w:(at+k)*w], w, c.valid.Bytes(), at, some)
		}
		at += k
		c.entries -= k
	}
	return nil
}

// more makes sure that the current page has entries left.
func (c *column) more() error {
	for c.entries == 0 {
		ok, err := c.nextPage()
		if err != nil {
			return err
		}
		if !ok {
			return errRowsShort
		}
	}
	return nil
}

// validity reads k definition levels of a flat column into the bitmap of the
// batch's n rows, from row at on. It returns how many are not null.
func (c *column) validity(at, k, n int) (some int, err error) {
	for k > 0 {
		repeat, packed, err := c.defs.run(k)
		if err != nil {
			return 0, err
		}
		run := repeat + packed
		switch {
		case repeat > 0 && c.defs.value > 1:
			return 0, fmt.Errorf("level %d above 1", c.defs.value)
		case repeat > 0 && c.defs.value == 1:
			if c.valid != nil {
				bitutil.SetBitsTo(c.valid.Bytes(), int64(at), int64(run), true)
			}
			some += run
		default:
			c.makeValid(at, n)
			if packed > 0 {
				bitutil.CopyBitmap(c.defs.packed, int(c.defs.bit), run, c.valid.Bytes(), at)
				c.defs.advance(run)
				ones := bitutil.CountSetBits(c.valid.Bytes(), at, run)
				some += ones
				c.nulls += run - ones
			} else {
				c.nulls += run
			}
		}
		at += run
		k -= run
	}
	return some, nil
}

// makeValid makes the bitmap of n slots: the first at are valid, the rest not.
func (c *column) makeValid(at, n int) {
	if c.valid != nil {
		return
	}
	c.valid = memory.NewResizableBuffer(c.alloc)
	c.valid.Resize(int(bitutil.BytesForBits(int64(n))))
	clear(c.valid.Bytes())
	bitutil.SetBitsTo(c.valid.Bytes(), 0, int64(at), true)
}

// readNested reads the entries of n rows, with their levels. Where a row ends
// shows only when the next begins, so levels are decoded ahead.
func (c *column) readNested(n int) error {
	rows, dense := 0, 0
	for {
		if len(c.nextDefs) == 0 {
			if ok, err := c.levelsAhead(); err != nil {
				return err
			} else if !ok {
				if rows < n {
					return errRowsShort
				}
				break
			}
		}
		k, done := c.rowEnd(&rows, n)
		if rows == 0 && k > 0 {
			return errors.New("a row begins in the middle of a list")
		}
		some := 0
		for _, d := range c.nextDefs[:k] {
			if int(d) == c.leaf.maxDef {
				some++
			}
		}
		if len(c.defLevels)+k > maxEntries {
			return fmt.Errorf("more than %d values in %d rows", maxEntries, n)
		}
		c.repLevels = append(c.repLevels, c.nextReps[:k]...)
		c.defLevels = append(c.defLevels, c.nextDefs[:k]...)
		c.nextReps, c.nextDefs = c.nextReps[k:], c.nextDefs[k:]
		w := c.leaf.width
		c.reserve((dense + some) * w)
		if err := c.values.decode(c.held.Bytes()[dense*w:], some, &c.sink); err != nil {
			return err
		}
		dense += some
		if done {
			break
		}
	}
	return c.slots(dense)
}

// reserve grows the values to size bytes, in steps that at least double.
func (c *column) reserve(size int) {
	if size > c.held.Cap() {
		c.held.Reserve(max(size, 2*c.held.Cap()))
	}
	c.held.ResizeNoShrink(size)
}

// rowEnd returns how many of the entries decoded ahead belong to the first n
// rows, of which *rows have begun, and whether the n'th ends there for sure.
func (c *column) rowEnd(rows *int, n int) (k int, done bool) {
	if c.leaf.maxRep == 0 {
		k = min(n-*rows, len(c.nextDefs))
		*rows += k
		return k, *rows == n
	}
	for i, r := range c.nextReps {
		if r == 0 {
			if *rows == n {
				return i, true
			}
			*rows++
		}
	}
	return len(c.nextReps), false
}

// levelsAhead decodes the next levels of the current page, or of the next.
// It reports false behind the last.
func (c *column) levelsAhead() (bool, error) {
	for c.entries == 0 {
		if ok, err := c.nextPage(); !ok || err != nil {
			return false, err
		}
	}
	k := min(c.entries, levelBlock)
	if c.levelMem == nil {
		c.levelMem = make([]uint8, 2*levelBlock)
	}
	reps, defs := c.levelMem[:k], c.levelMem[levelBlock:levelBlock+k]
	if c.leaf.maxRep > 0 {
		if err := c.reps.levels(reps, c.leaf.maxRep); err != nil {
			return false, fmt.Errorf("repetition levels: %w", err)
		}
	}
	if c.leaf.maxDef > 0 {
		if err := c.defs.levels(defs, c.leaf.maxDef); err != nil {
			return false, fmt.Errorf("definition levels: %w", err)
		}
	}
	c.nextReps, c.nextDefs = reps, defs
	c.entries -= k
	return true, nil
}

// slots turns entries into the slots of the leaf: those at or above the level
// at which the innermost list has an element.
func (c *column) slots(dense int) error {
	slot := c.leaf.slot
	n := len(c.defLevels)
	if slot > 0 {
		n = 0
		for _, d := range c.defLevels {
			if int(d) >= slot {
				n++
			}
		}
	}
	c.length, c.nulls = n, n-dense
	w := c.leaf.width
	if n*w > maxPageBytes {
		return fmt.Errorf("%d values of %d bytes in one batch", n, w)
	}
	c.reserve(n * w)
	if c.nulls == 0 {
		return nil
	}
	c.makeValid(0, n)
	bits, at := c.valid.Bytes(), 0
	for _, d := range c.defLevels {
		if int(d) == c.leaf.maxDef {
			bits[at>>3] |= 1 << (at & 7)
		}
		if int(d) >= slot {
			at++
		}
	}
	spread(c.held.Bytes()[:n*w], w, bits, 0, dense)
	return nil
}

// spread moves the first k values of v, each width bytes, to the slots that
// are valid from bit off on, and clears the others.
func spread(v []byte, width int, valid []byte, off, k int) {
	switch width {
	case 1:
		spreadOf(v, valid, off, k)
	case 4:
		spreadOf(cast[uint32](v), valid, off, k)
	case 8:
		spreadOf(cast[uint64](v), valid, off, k)
	case viewBytes:
		spreadOf(cast[view](v), valid, off, k)
	default:
		for i := len(v)/width - 1; i >= k; i-- {
			to := v[i*width : (i+1)*width]
			if bitutil.BitIsSet(valid, off+i) {
				k--
				copy(to, v[k*width:])
			} else {
				clear(to)
			}
		}
	}
}

func spreadOf[T any](v []T, valid []byte, off, k int) {
	var zero T
	for i := len(v) - 1; i >= k; i-- {
		if at := off + i; valid[at>>3]>>(at&7)&1 != 0 {
			k--
			v[i] = v[k]
		} else {
			v[i] = zero
		}
	}
}

// data returns the current batch as Arrow data; the caller gets a reference.
func (c *column) data(typ arrow.DataType) (arrow.ArrayData, error) {
	if c.array == nil {
		bufs, err := c.convert()
		if err != nil {
			return nil, err
		}
		c.array = array.NewData(typ, c.length, bufs, nil, c.nulls, 0)
		for _, b := range bufs {
			if b != nil {
				b.Release()
			}
		}
	}
	c.array.Retain()
	return c.array, nil
}

// seek moves to a row of the row group. It may move backwards only by
// starting the chunk again.
func (c *column) seek(row int64, index []pageLocation, limit int64) error {
	c.drop()
	if row < c.row {
		if err := c.begin(c.meta, c.rows, limit); err != nil {
			return err
		}
	}
	if err := c.jump(row, index); err != nil {
		return err
	}
	for c.row < row {
		if c.flat && c.entries == 0 {
			ok, err := c.nextHeader()
			if err != nil {
				return err
			}
			if !ok {
				return errRowsShort
			}
			if n := int64(c.header.values); n <= row-c.row {
				c.skipPage()
				c.row += n
				continue
			}
			if err := c.open(); err != nil {
				return err
			}
		}
		if err := c.skip(int(min(row-c.row, levelBlock))); err != nil {
			return err
		}
	}
	return nil
}

// jump goes to the page that holds row, as the offset index says, when that
// is not the current one.
func (c *column) jump(row int64, index []pageLocation) error {
	to := -1
	for i, p := range index {
		if p.firstRow <= row {
			to = i
		}
	}
	if to < 0 || index[to].firstRow <= c.row {
		return nil
	}
	if c.page < 0 { // the dictionary stands in front of the first page
		if _, err := c.nextHeader(); err != nil {
			return err
		}
	}
	p := index[to]
	if p.offset < c.pos || p.offset >= c.end {
		return fmt.Errorf("page %d at %d is not inside the chunk", to, p.offset)
	}
	if c.window != nil && p.offset >= c.winAt+int64(c.window.Len()) {
		c.window.Release()
		c.window = nil
	}
	c.pos, c.entries, c.row = p.offset, 0, p.firstRow
	c.nextReps, c.nextDefs = nil, nil
	c.jumped, c.seen = true, 0
	if c.leaf.maxRep == 0 {
		c.seen = p.firstRow
	}
	return nil
}

// skip passes over n rows.
func (c *column) skip(n int) error {
	if !c.flat {
		err := c.read(n)
		c.drop()
		return err
	}
	if err := c.more(); err != nil {
		return err
	}
	k := min(n, c.entries)
	some := k
	if c.leaf.maxDef > 0 {
		var err error
		if some, err = c.validity(0, k, k); err != nil {
			return err
		}
		c.drop()
	}
	c.entries -= k
	c.row += int64(k)
	return c.values.skip(some)
}
