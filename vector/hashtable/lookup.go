package hashtable

import (
	"bytes"
	"runtime"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/vector"
)

// FindOrInsert writes the row number of each selected row's key to gids, which
// has one element per selected row, and inserts the keys that the table lacks,
// with zero accumulators. It returns the gids of those, which are valid until
// the next call. cols are the key columns, of the types given to New.
func (t *Table) FindOrInsert(cols []arrow.Array, sel vector.Sel, gids []uint32) (inserted []uint32) {
	t.inserted = t.inserted[:0]
	t.lookup(cols, sel, gids, true)
	return t.inserted
}

// Find is FindOrInsert for readers: a key that is not in the table gets None.
func (t *Table) Find(cols []arrow.Array, sel vector.Sel, gids []uint32) {
	t.lookup(cols, sel, gids, false)
}

// FindOrInsertFrom is FindOrInsert for the keys of rows of another table with
// the same key types: the way to merge tables. sel are the other's gids, in any
// order, without deleted ones; nil means all below its Gids().
func (t *Table) FindOrInsertFrom(o *Table, sel vector.Sel, gids []uint32) (inserted []uint32) {
	t.inserted = t.inserted[:0]
	n := len(sel)
	if sel == nil {
		n = o.n
	}
	for from := 0; from < n; from += chunk {
		m := min(chunk, n-from)
		t.prepare(m)
		if t.word {
			t.fromWords(o, sel, from, gids[from:from+m])
		} else {
			t.packFrom(o, sel, from, m)
			t.probeChunk(m, gids[from:from+m], true)
		}
	}
	return t.inserted
}

func (t *Table) fromWords(o *Table, sel vector.Sel, from int, gids []uint32) {
	w := t.scratch.words[:len(gids)]
	null := -1
	for i := range w {
		g := uint32(rowAt(sel, from+i))
		w[i] = *(*uint64)(o.Row(g))
		if g == o.nullRow {
			null = i
		}
	}
	if null < 0 {
		t.wordChunk(w, gids, true)
		return
	}
	t.wordChunk(w[:null], gids[:null], true)
	gids[null] = t.null(true)
	t.wordChunk(w[null+1:], gids[null+1:], true)
}

// packFrom is pack for the keys of another table's rows.
func (t *Table) packFrom(o *Table, sel vector.Sel, from, m int) {
	k := t.keyWords
	for i := range m {
		p := t.scratch.probe[i*k : (i+1)*k]
		copy(p, unsafe.Slice((*uint64)(o.Row(uint32(rowAt(sel, from+i)))), k))
		for _, at := range t.strings {
			if uint32(p[at]) > vector.Inline {
				p[at+1] += uint64(uintptr(o.arena.Base()))
			}
		}
	}
}

func (t *Table) lookup(cols []arrow.Array, sel vector.Sel, gids []uint32, insert bool) {
	t.check(cols)
	n := len(sel)
	if sel == nil {
		n = cols[0].Len()
	}
	gids = gids[:n]
	if t.word {
		t.lookupWords(cols[0], sel, gids, insert)
		return
	}
	for from := 0; from < n; from += chunk {
		m := min(chunk, n-from)
		t.prepare(m)
		t.pack(cols, sel, from, m)
		t.probeChunk(m, gids[from:from+m], insert)
	}
	runtime.KeepAlive(cols)
}

// prepare makes room for m more rows, so that nothing moves within a chunk.
func (t *Table) prepare(m int) {
	t.pool.Relieve()
	if 2*(t.n-len(t.free)+m) > len(t.slots) {
		t.grow(slotBitsFor(t.n - len(t.free) + m))
	}
	if t.n+m > t.room {
		more := max(m, min(t.n, 1<<16))
		t.rows.Grow(more * t.stride)
		t.room += more
	}
}

func (t *Table) lookupWords(col arrow.Array, sel vector.Sel, gids []uint32, insert bool) {
	alias := isWord64(col) && sel == nil && col.NullN() == 0
	var all []uint64
	if alias {
		all = vector.Values[uint64](col)
	}
	for from := 0; from < len(gids); from += chunk {
		m := min(chunk, len(gids)-from)
		t.prepare(m)
		out := gids[from : from+m]
		switch {
		case alias:
			t.wordChunk(all[from:from+m], out, insert)
		case col.NullN() == 0:
			w := t.scratch.words[:m]
			gatherWords(w, col, sel, from)
			t.wordChunk(w, out, insert)
		default:
			t.nullableChunk(col, sel, from, out, insert)
		}
	}
}

func isWord64(col arrow.Array) bool {
	switch col.(type) {
	case *array.Int64, *array.Uint64, *array.Timestamp, *array.Date64, *array.Time64, *array.Duration:
		return true
	}
	return false
}

// nullableChunk looks the valid keys of a chunk up together and gives the NULL
// row to the others.
func (t *Table) nullableChunk(col arrow.Array, sel vector.Sel, from int, gids []uint32, insert bool) {
	s := &t.scratch
	w := s.words[:len(gids)]
	gatherWords(w, col, sel, from)
	k := 0
	for i := range gids {
		if col.IsNull(rowAt(sel, from+i)) {
			gids[i] = t.null(insert)
			continue
		}
		w[k], s.which[k] = w[i], uint32(i)
		k++
	}
	t.wordChunk(w[:k], s.found[:k], insert)
	for i, g := range s.found[:k] {
		gids[s.which[i]] = g
	}
}

// null returns the row of the NULL key.
func (t *Table) null(insert bool) uint32 {
	if t.nullRow == None && insert {
		t.nullRow = t.newRow()
		*(*uint64)(t.Row(t.nullRow)) = 0
	}
	return t.nullRow
}

// newRow takes a gid and clears its accumulators; the caller writes the key.
func (t *Table) newRow() uint32 {
	g := uint32(t.n)
	if k := len(t.free); k > 0 {
		g = t.free[k-1]
		t.free = t.free[:k-1]
		t.freed[g/64] &^= 1 << (g % 64)
	} else {
		t.n++
	}
	clear(unsafe.Slice((*uint64)(unsafe.Add(t.Row(g), t.accOffset)), t.accWords))
	t.inserted = append(t.inserted, g)
	return g
}

// cached is how many bytes of slots and rows are looked up without prefetch:
// about the second-level cache of a core.
const cached = 768 << 10

func (t *Table) large() bool { return 8*len(t.slots)+t.n*t.stride > cached }

// ahead is how many keys one pass of a lookup is in front of the next.
const ahead = 64

// wordChunk looks up at most chunk keys of one word.
func (t *Table) wordChunk(keys []uint64, gids []uint32, insert bool) {
	if !t.large() {
		t.words(keys, gids, insert)
		return
	}
	hash := t.scratch.hash[:len(keys)]
	for i, k := range keys {
		hash[i] = vector.HashWord(k)
	}
	t.probe(keys, hash, gids, insert)
}

// words looks up keys of one word whose slots and rows are in the cache, in one
// pass: a branch that is mostly guessed right costs less than to pass twice.
func (t *Table) words(keys []uint64, gids []uint32, insert bool) {
	shift := uint(64-t.slotBits) & 63
	slots, base, stride := t.slots, t.rows.Base(), uintptr(t.stride)
	mask := uint64(len(slots) - 1)
	gids = gids[:len(keys)]
	for i := range keys {
		h := vector.HashWord(keys[i])
		for p := h >> shift; ; p = (p + 1) & mask {
			s := slots[p&mask]
			if uint32(s>>32) == uint32(h>>32) && uint32(s) != 0 {
				g := uint32(s) - 1
				if wordAt(base, uintptr(g)*stride) == keys[i] {
					gids[i] = g
					break
				}
			}
			if s == 0 {
				gids[i] = t.absent(p, h, keys[i:i+1], insert)
				break
			}
		}
	}
}

// probeChunk looks up the m keys in the scratch.
func (t *Table) probeChunk(m int, gids []uint32, insert bool) {
	hash := t.scratch.hash[:m]
	t.hashProbes(hash)
	t.probe(t.scratch.probe[:m*t.keyWords], hash, gids, insert)
}

// probe looks up keys of keyWords words each. Most keys are at home: longer ones
// are matched there without a branch, and the others are sought one by one. A
// table that is larger than the cache is read in blocks, each announced in two
// stages.
func (t *Table) probe(keys, hash []uint64, gids []uint32, insert bool) {
	if len(hash) == 0 {
		return
	}
	if !t.large() {
		t.seek(keys, hash, gids, t.scratch.miss[:t.match(keys, hash, gids)], insert)
		return
	}
	k := t.keyWords
	for q := -2 * ahead; q < len(hash); q += ahead {
		t.prefetch(hash, q)
		if q >= 0 {
			end := min(q+ahead, len(hash))
			block, h, g := keys[q*k:end*k], hash[q:end], gids[q:end]
			if t.word {
				t.words(block, g, insert)
				continue
			}
			t.seek(block, h, g, t.scratch.miss[:t.match(block, h, g)], insert)
		}
	}
}

// prefetch asks, before the keys from q on are compared, for the rows that the
// slots of the next keys name, and for the slots of the keys after those.
func (t *Table) prefetch(hash []uint64, q int) {
	shift := uint(64 - t.slotBits)
	part := func(q int) []uint64 {
		return hash[min(max(q, 0), len(hash)):min(max(q+ahead, 0), len(hash))]
	}
	prefetchSlots(t.slots, part(q+2*ahead), shift)
	next := part(q + ahead)
	ptrs := t.scratch.ptrs[:len(next)]
	slots, base, stride := t.slots, uintptr(t.rows.Base()), uintptr(t.stride)
	mask := uint64(len(slots) - 1)
	for i, h := range next {
		// An empty slot names the first row; asking for it does no harm.
		g := uint32(slots[h>>shift&mask])
		ptrs[i] = base + uintptr(max(g, 1)-1)*stride
	}
	prefetchRows(ptrs)
}

// match writes the row that each key's first slot names, and collects in the
// scratch the positions of the keys that it does not hold. It returns how many
// those are.
func (t *Table) match(keys, hash []uint64, gids []uint32) (misses int) {
	shift := uint(64-t.slotBits) & 63
	slots, base, stride := t.slots, t.rows.Base(), uintptr(t.stride)
	mask := uint64(len(slots) - 1)
	gids = gids[:len(hash)]
	miss := &t.scratch.miss
	p := unsafe.Pointer(unsafe.SliceData(keys))
	step := uintptr(8 * t.keyWords)
	for i, h := range hash {
		s := slots[h>>shift&mask]
		g := max(uint32(s), 1) - 1 // an empty slot names the first row, and no key there
		row := unsafe.Add(base, uintptr(g)*stride)
		differ := (s^h)>>32 | wordAt(p, 0) ^ wordAt(row, 0) | uint64(one(uint32(s) == 0))
		switch step {
		case 16:
			differ |= wordAt(p, 8) ^ wordAt(row, 8)
		case 24:
			differ |= wordAt(p, 8) ^ wordAt(row, 8) | wordAt(p, 16) ^ wordAt(row, 16)
		default:
			for at := uintptr(8); at < step; at += 8 {
				differ |= wordAt(p, at) ^ wordAt(row, at)
			}
		}
		gids[i] = g
		miss[misses&(chunk-1)] = uint32(i)
		misses += one(differ != 0)
		p = unsafe.Add(p, step)
	}
	return misses
}

func wordAt(p unsafe.Pointer, at uintptr) uint64 { return *(*uint64)(unsafe.Add(p, at)) }

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// seek probes for the keys at the given positions, and inserts them or writes
// None where they are absent.
func (t *Table) seek(keys, hash []uint64, gids, positions []uint32, insert bool) {
	shift := uint(64 - t.slotBits)
	slots := t.slots
	mask := uint64(len(slots) - 1)
	k := t.keyWords
	for _, i := range positions {
		h, key := hash[i], keys[int(i)*k:int(i+1)*k]
		for p := h >> shift; ; p = (p + 1) & mask {
			s := slots[p&mask]
			if uint32(s>>32) == uint32(h>>32) && uint32(s) != 0 && t.equal(key, uint32(s)-1) {
				gids[i] = uint32(s) - 1
				break
			}
			if s == 0 {
				gids[i] = t.absent(p, h, key, insert)
				break
			}
		}
	}
}

// hashProbes hashes the keys in the scratch, column by column. NULL bits stay
// out: the words of a NULL are 0.
func (t *Table) hashProbes(hash []uint64) {
	for i := range hash {
		hash[i] = 0
	}
	k := t.keyWords
	for _, c := range t.keys {
		p := t.scratch.probe[min(c.at, k-1):]
		switch c.kind {
		case wordKind:
			for i, h := range hash {
				hash[i] = vector.MixWord(h, p[i*k])
			}
		case decimalKind:
			for i, h := range hash {
				hash[i] = vector.MixWord(vector.MixWord(h, p[i*k]), p[i*k+1])
			}
		case stringKind:
			for i, h := range hash {
				hash[i] = mixString(h, p[i*k], p[i*k+1], nil)
			}
		case nullKind:
		}
	}
}

// hashKey is the hash of a row's key words.
func (t *Table) hashKey(key []uint64) uint64 {
	h := uint64(0)
	for _, c := range t.keys {
		switch c.kind {
		case wordKind:
			h = vector.MixWord(h, key[c.at])
		case decimalKind:
			h = vector.MixWord(vector.MixWord(h, key[c.at]), key[c.at+1])
		case stringKind:
			h = mixString(h, key[c.at], key[c.at+1], t.arena.Base())
		case nullKind:
		}
	}
	return h
}

// mixString adds a string's header to a hash. A long one lies at hi from arena,
// or at the address hi when arena is nil.
func mixString(h, lo, hi uint64, arena unsafe.Pointer) uint64 {
	if n := uint32(lo); n > vector.Inline {
		return vector.HashBytes(h, unsafe.Slice((*byte)(address(arena, hi)), n))
	}
	return vector.MixWord(vector.MixWord(h, lo), hi)
}

// address is where a long string lies: offset is from arena, or the address
// itself when arena is nil.
//
//go:nocheckptr
func address(arena unsafe.Pointer, offset uint64) unsafe.Pointer {
	return unsafe.Add(arena, uintptr(offset))
}

// equal compares a probe with a row. Only long strings can be equal in other
// words: the probe has their address, the row their offset.
func (t *Table) equal(key []uint64, g uint32) bool {
	row := t.Row(g)
	var differ uint64
	for i, w := range key {
		differ |= w ^ *(*uint64)(unsafe.Add(row, 8*i))
	}
	if differ == 0 {
		return true
	}
	return len(t.strings) > 0 && t.equalLong(key, unsafe.Slice((*uint64)(row), len(key)))
}

func (t *Table) equalLong(key, row []uint64) bool {
	for _, at := range t.plain {
		if key[at] != row[at] {
			return false
		}
	}
	for _, at := range t.strings {
		n := uint32(key[at])
		if n <= vector.Inline {
			if key[at+1] != row[at+1] {
				return false
			}
			continue
		}
		a := unsafe.Slice((*byte)(address(nil, key[at+1])), n)
		b := unsafe.Slice((*byte)(address(t.arena.Base(), row[at+1])), n)
		if !bytes.Equal(a, b) {
			return false
		}
	}
	return true
}

// absent inserts a key at the empty slot p, or says that it is not there.
func (t *Table) absent(p, h uint64, key []uint64, insert bool) uint32 {
	if !insert {
		return None
	}
	g := t.newRow()
	row := unsafe.Slice((*uint64)(t.Row(g)), t.keyWords)
	copy(row, key)
	for _, at := range t.strings {
		if n := int(uint32(key[at])); n > vector.Inline {
			src := unsafe.Slice((*byte)(address(nil, key[at+1])), n)
			off := t.arena.Grow(n)
			copy(t.arena.Bytes()[off:], src)
			row[at+1] = uint64(off)
		}
	}
	t.slots[p] = h>>32<<32 | uint64(g+1)
	return g
}
