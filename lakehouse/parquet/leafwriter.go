package parquet

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
)

// leafWriter writes one leaf of a row group. It begins with a dictionary; when
// that does not pay (after the first page) or grows too large (at any page)
// the pages that follow are plain.
type leafWriter struct {
	target *target
	codec  *compressor
	shred  shredder
	load   loader

	page  page
	words wordDict
	bytes bytesDict
	dict  bool // the current page is made of indices
	never bool // a dictionary did not pay in this file
	done  []byte
	index chunkIndex
	chunk columnChunk
	stats extremes
	nan   int64
	// lastRows is how many rows the page before the current one had.
	lastRows int64
	bounded  bool // the file's metrics have bounds from a chunk before

	scratch    []uint32
	body       []byte
	ownWords   []uint64 // not the loader's, which may be the caller's arrays
	ownStrings []string
}

// page is what the current page has so far.
type page struct {
	rows    int
	entries int
	nulls   int
	reps    []uint8 // of nested leaves
	defs    []uint8 // of nested leaves, and of others once there is a null
	indices []uint32
	plain   []byte
	bits    int // of booleans in plain
	stats   extremes
}

func (p *page) size() int { return 4*len(p.indices) + len(p.plain) + len(p.defs) + len(p.reps) }

func (p *page) reset() {
	*p = page{
		reps: p.reps[:0], defs: p.defs[:0], indices: p.indices[:0], plain: p.plain[:0],
		stats: extremes{min: p.stats.min[:0], max: p.stats.max[:0]},
	}
}

// chunkIndex is what the column and offset indexes of a chunk will say.
type chunkIndex struct {
	pages    []pageLocation // offsets relative to the first data page
	nulls    []int64
	nullPage []bool
	min, max [][]byte
	broken   bool // a page has values and no bounds: there can be no column index
}

func newLeafWriter(t *target, codec *compressor) *leafWriter {
	l := &leafWriter{target: t, codec: codec}
	l.reset()
	return l
}

func (l *leafWriter) reset() {
	l.page.reset()
	l.dict = !l.never && l.target.class != classBool && l.target.class != classFixed
	if l.dict {
		l.words.reset()
		l.bytes.reset()
	}
	l.done = l.done[:0]
	l.index = chunkIndex{}
	l.chunk = columnChunk{stats: statistics{}}
	l.stats = extremes{}
	l.nan = 0
}

// write adds rows [from, from+n) of a column.
func (l *leafWriter) write(col arrow.Array, from, n, pageRows, pageBytes int) error {
	for n > 0 {
		k := min(n, sliceRows, pageRows-l.page.rows)
		if err := l.slice(col, from, k); err != nil {
			return err
		}
		from, n = from+k, n-k
		if l.page.rows >= pageRows || l.page.size() >= pageBytes {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// slice adds a few rows to the page.
func (l *leafWriter) slice(col arrow.Array, from, n int) error {
	p := &l.page
	l.load.sel = nil
	if len(l.target.steps) == 1 {
		if err := l.flat(col, from, n); err != nil {
			return err
		}
	} else {
		leaf, err := l.shred.shred(l.target, col, from, n)
		if err != nil {
			return err
		}
		p.reps = append(p.reps, l.shred.reps...)
		p.defs = append(p.defs, l.shred.defs...)
		p.entries += len(l.shred.defs)
		l.load.alive(l.shred.slots)
		p.nulls += len(l.shred.slots) - len(l.load.sel)
		l.load.values(l.target, leaf, 0, 0)
	}
	p.rows += n
	l.encode()
	return nil
}

// flat adds rows of a leaf that is a column itself. While it has no nulls its
// levels are not even listed.
func (l *leafWriter) flat(col arrow.Array, from, n int) error {
	p := &l.page
	nulls := 0
	if col.NullN() > 0 {
		nulls = n - bitutil.CountSetBits(col.NullBitmapBytes(), col.Data().Offset()+from, n)
	}
	if nulls > 0 {
		if _, err := l.shred.shred(l.target, col, from, n); err != nil { // refuses nulls where they must not be
			return err
		}
		for len(p.defs) < p.entries {
			p.defs = append(p.defs, 1)
		}
		p.defs = append(p.defs, l.shred.defs...)
		l.load.alive(l.shred.slots)
	} else if len(p.defs) > 0 {
		for range n {
			p.defs = append(p.defs, 1)
		}
	}
	p.entries += n
	p.nulls += nulls
	l.load.values(l.target, col, from, n)
	return nil
}

// encode adds the loaded values to the page.
func (l *leafWriter) encode() {
	p, v := &l.page, &l.load
	switch l.target.class {
	case classBool:
		p.addBools(v.bools)
	case class32, class64:
		if !l.dict {
			l.nan += p.stats.words(l.target, v.words)
			p.plain = appendWords(p.plain, v.words, l.target.class)
			return
		}
		at := len(p.indices)
		p.indices = append(p.indices, make([]uint32, len(v.words))...)
		for i, w := range v.words {
			p.indices[at+i] = l.words.index(w)
		}
	case classFixed:
		p.stats.strings(l.target, v.strings)
		for _, s := range v.strings {
			p.plain = append(p.plain, s...)
		}
	case classBytes:
		if l.dict {
			for _, s := range v.strings {
				p.indices = append(p.indices, l.bytes.index(s))
			}
			return
		}
		p.stats.strings(l.target, v.strings)
		for _, s := range v.strings {
			p.plain = binary.LittleEndian.AppendUint32(p.plain, uint32(len(s)))
			p.plain = append(p.plain, s...)
		}
	}
}

func appendWords(dst []byte, words []uint64, class valueClass) []byte {
	if class == class64 {
		return append(dst, bytesOf(words)...)
	}
	for _, w := range words {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(w))
	}
	return dst
}

func (p *page) addBools(v []bool) {
	for _, b := range v {
		if p.bits&7 == 0 {
			p.plain = append(p.plain, 0)
		}
		if b {
			p.plain[p.bits>>3] |= 1 << (p.bits & 7)
		}
		p.bits++
		p.stats.bool(b)
	}
}

// flush encodes and compresses the page.
func (l *leafWriter) flush() error {
	p := &l.page
	if p.entries == 0 {
		return nil
	}
	if l.dict {
		l.judge()
	}
	enc := encPlain
	b := l.body[:0]
	if l.target.maxRep > 0 {
		b, l.scratch = appendLevels(b, p.reps, l.target.maxRep, l.scratch)
	}
	if l.target.maxDef > 0 {
		if len(p.defs) == 0 {
			b = appendLevelRun(b, uint32(l.target.maxDef), p.entries, l.target.maxDef)
		} else {
			b, l.scratch = appendLevels(b, p.defs, l.target.maxDef, l.scratch)
		}
	}
	if len(p.indices) > 0 {
		enc = encRLEDict
		width := bitWidth(max(0, l.distinct()-1))
		b = append(b, byte(width))
		b = appendHybrid(b, p.indices, width)
		l.dictStats()
	} else {
		b = append(b, p.plain...)
	}
	l.body = b
	at := len(l.done)
	h := pageHeader{kind: pageData, uncompressed: int32(len(b)), values: int32(p.entries), encoding: enc}
	var err error
	if l.done, err = l.appendPage(l.done, h, b); err != nil {
		return err
	}
	l.addIndex(at)
	l.chunk.values += int64(p.entries)
	l.chunk.stats.nulls += int64(p.nulls)
	l.stats.merge(l.target, &p.stats)
	p.reset()
	return nil
}

// distinct is how many values the dictionary has.
func (l *leafWriter) distinct() int { return max(len(l.words.keys), len(l.bytes.ends)) }

// judge decides, when a page is full, whether to go on with the dictionary.
// The first page is turned into a plain one when too few values repeated.
func (l *leafWriter) judge() {
	p := &l.page
	n := l.distinct()
	if first := len(l.done) == 0; first && n > 64 && n*2 > len(p.indices) {
		l.dict, l.never = false, true
		l.undo()
		l.words.reset()
		l.bytes.reset()
		return
	}
	if n > maxDictValues || len(l.bytes.arena) > maxDictBytes || 8*len(l.words.keys) > maxDictBytes {
		l.dict = false // for the pages behind this one
	}
}

// undo makes the page plain.
func (l *leafWriter) undo() {
	p := &l.page
	words, strings := l.ownWords[:0], l.ownStrings[:0]
	for _, i := range p.indices {
		if l.target.class == classBytes {
			strings = append(strings, viewString(l.bytes.value(int(i))))
		} else {
			words = append(words, l.words.keys[i])
		}
	}
	p.indices = p.indices[:0]
	l.ownWords, l.ownStrings = words, strings
	l.load.words, l.load.strings = words, strings
	l.encode()
}

// dictStats finds the bounds of a page of indices: those of the distinct
// values it has.
func (l *leafWriter) dictStats() {
	p := &l.page
	used := make([]uint8, l.distinct())
	for _, i := range p.indices {
		used[i] = 1
	}
	words, strings := l.ownWords[:0], l.ownStrings[:0]
	for i, u := range used {
		if u == 0 {
			continue
		}
		if l.target.class == classBytes {
			strings = append(strings, viewString(l.bytes.value(i)))
		} else {
			words = append(words, l.words.keys[i])
		}
	}
	l.ownWords, l.ownStrings = words, strings
	if l.target.class == classBytes {
		p.stats.strings(l.target, strings)
		return
	}
	p.stats.words(l.target, words)
	if l.target.order == orderFloat {
		for _, i := range p.indices {
			l.nan += int64(b2i(isNaN(l.target.class, l.words.keys[i])))
		}
	}
}

// appendPage appends a page with its header.
func (l *leafWriter) appendPage(dst []byte, h pageHeader, body []byte) ([]byte, error) {
	packed, err := l.codec.compress(body)
	if err != nil {
		return dst, err
	}
	h.compressed = int32(len(packed))
	h.crc = crc32.ChecksumIEEE(packed)
	at := len(dst)
	dst = appendPageHeader(dst, h)
	l.chunk.uncompressed += int64(len(dst)-at) + int64(len(body))
	return append(dst, packed...), nil
}

// addIndex notes the page that begins at byte at of the chunk's data pages.
func (l *leafWriter) addIndex(at int) {
	p, x := &l.page, &l.index
	first := int64(0)
	if n := len(x.pages); n > 0 {
		first = x.pages[n-1].firstRow + l.lastRows
	}
	x.pages = append(x.pages, pageLocation{offset: int64(at), size: int32(len(l.done) - at), firstRow: first})
	x.nulls = append(x.nulls, int64(p.nulls))
	x.nullPage = append(x.nullPage, p.nulls == p.entries)
	lo, hi := p.stats.bounds(l.target)
	if p.nulls < p.entries && (lo == nil || hi == nil) {
		x.broken = true
	}
	x.min, x.max = append(x.min, lo), append(x.max, hi)
	l.lastRows = int64(p.rows)
}

// finish ends the chunk, which will stand at an offset of the file, and
// returns it with the bytes to write.
func (l *leafWriter) finish(at int64) (columnChunk, chunkIndex, [][]byte, error) {
	if err := l.flush(); err != nil {
		return columnChunk{}, chunkIndex{}, nil, err
	}
	c := &l.chunk
	c.phys, c.codec, c.path = l.target.element.phys, l.codec.codec, l.target.path
	c.encodings = []encoding{encPlain, encRLE}
	var dict []byte
	if n := l.distinct(); n > 0 {
		c.encodings = append(c.encodings, encRLEDict)
		c.dictOffset = at
		body := l.bytes.plain(l.body[:0])
		if l.target.class != classBytes {
			body = l.words.plain(body, 4+4*b2i(l.target.class == class64))
		}
		h := pageHeader{kind: pageDict, uncompressed: int32(len(body)), values: int32(n), encoding: encPlain}
		var err error
		if dict, err = l.appendPage(nil, h, body); err != nil {
			return columnChunk{}, chunkIndex{}, nil, err
		}
	}
	c.dataOffset = at + int64(len(dict))
	c.compressed = int64(len(dict) + len(l.done))
	c.stats.min, c.stats.max = l.stats.bounds(l.target)
	for i := range l.index.pages {
		l.index.pages[i].offset += c.dataOffset
	}
	return *c, l.index, [][]byte{dict, l.done}, nil
}

// addTo adds a finished chunk to the metrics of the file.
func (l *leafWriter) addTo(m *ColumnMetrics, c columnChunk) {
	m.Bytes += c.compressed
	m.Values += c.values
	m.Nulls += c.stats.nulls
	m.NaNs += l.nan
	if !l.stats.some {
		return
	}
	if l.bounded {
		m.Min, m.Max = widen(l.target, m.Min, c.stats.min, -1), widen(l.target, m.Max, c.stats.max, 1)
	} else {
		m.Min, m.Max, l.bounded = c.stats.min, c.stats.max, true
	}
}
