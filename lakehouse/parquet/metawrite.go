package parquet

import (
	"encoding/binary"
)

// appendPageHeader appends the header of a data page of version 1 or of a
// dictionary page.
func appendPageHeader(dst []byte, h pageHeader) []byte {
	w := &thriftWriter{b: dst}
	w.begin()
	w.i32(1, int32(h.kind))
	w.i32(2, h.uncompressed)
	w.i32(3, h.compressed)
	w.i32(4, int32(h.crc))
	if h.kind == pageDict {
		w.beginField(7)
		w.i32(1, h.values)
		w.i32(2, int32(h.encoding))
	} else {
		w.beginField(5)
		w.i32(1, h.values)
		w.i32(2, int32(h.encoding))
		w.i32(3, int32(encRLE))
		w.i32(4, int32(encRLE))
	}
	w.end()
	w.end()
	return w.b
}

// writeIndexes writes the column indexes of all chunks and then their offset
// indexes, and notes where they are.
func (w *Writer) writeIndexes() {
	for g := range w.groups {
		for i := range w.indexes[g] {
			if x := &w.indexes[g][i]; !x.broken && len(x.pages) > 0 {
				b := appendColumnIndex(nil, x)
				c := &w.groups[g].columns[i]
				c.columnIndexOffset, c.columnIndexLength = w.at, int32(len(b))
				w.emit(b)
			}
		}
	}
	for g := range w.groups {
		for i := range w.indexes[g] {
			if x := &w.indexes[g][i]; len(x.pages) > 0 {
				b := appendOffsetIndex(nil, x)
				c := &w.groups[g].columns[i]
				c.offsetIndexOffset, c.offsetIndexLength = w.at, int32(len(b))
				w.emit(b)
			}
		}
	}
}

func appendColumnIndex(dst []byte, x *chunkIndex) []byte {
	w := &thriftWriter{b: dst}
	w.begin()
	w.list(1, thriftTrue, len(x.nullPage))
	for _, null := range x.nullPage {
		w.b = append(w.b, byte(thriftFalse-b2i(null)))
	}
	for id, bounds := range [][][]byte{2: x.min, 3: x.max} {
		if bounds == nil {
			continue
		}
		w.list(int16(id), thriftBinary, len(bounds))
		for _, b := range bounds {
			w.elemBytes(b)
		}
	}
	w.i32(4, 0) // unordered
	w.list(5, thriftI64, len(x.nulls))
	for _, n := range x.nulls {
		w.zigzag(n)
	}
	w.end()
	return w.b
}

func appendOffsetIndex(dst []byte, x *chunkIndex) []byte {
	w := &thriftWriter{b: dst}
	w.begin()
	w.list(1, thriftStruct, len(x.pages))
	for _, p := range x.pages {
		w.begin()
		w.i64(1, p.offset)
		w.i32(2, p.size)
		w.i64(3, p.firstRow)
		w.end()
	}
	w.end()
	return w.b
}

// writeFooter writes the metadata, its length and the magic.
func (w *Writer) writeFooter() {
	t := &thriftWriter{}
	t.begin()
	t.i32(1, footerVersion)
	t.list(2, thriftStruct, len(w.write.elements))
	for i := range w.write.elements {
		t.schemaElement(&w.write.elements[i], i == 0)
	}
	t.i64(3, w.rows)
	t.list(4, thriftStruct, len(w.groups))
	for i := range w.groups {
		t.rowGroup(&w.groups[i], i)
	}
	if len(w.o.KeyValues) > 0 {
		t.list(5, thriftStruct, len(w.o.KeyValues))
		for _, kv := range w.o.KeyValues {
			t.begin()
			t.string(1, kv.Key)
			t.string(2, kv.Value)
			t.end()
		}
	}
	t.string(6, createdBy)
	t.list(7, thriftStruct, len(w.leaves))
	for range w.leaves {
		t.begin()
		t.empty(1)
		t.end()
	}
	t.end()
	t.b = binary.LittleEndian.AppendUint32(t.b, uint32(len(t.b)))
	t.b = append(t.b, magic...)
	w.emit(t.b)
}

func (w *thriftWriter) schemaElement(e *schemaElement, root bool) {
	w.begin()
	if e.phys != group {
		w.i32(1, int32(e.phys))
	}
	if e.typeLength > 0 {
		w.i32(2, e.typeLength)
	}
	if !root {
		w.i32(3, int32(e.rep))
	}
	w.string(4, e.name)
	if e.phys == group {
		w.i32(5, e.children)
	}
	if e.conv != convNone {
		w.i32(6, int32(e.conv))
	}
	if e.logical.kind == logDecimal {
		w.i32(7, e.scale)
		w.i32(8, e.precision)
	}
	if e.fieldID >= 0 {
		w.i32(9, e.fieldID)
	}
	if e.logical.kind != logNone {
		w.beginField(10)
		w.logical(&e.logical)
		w.end()
	}
	w.end()
}

func (w *thriftWriter) logical(l *logicalType) {
	w.beginField(int16(l.kind))
	switch l.kind {
	case logDecimal:
		w.i32(1, l.scale)
		w.i32(2, l.precision)
	case logInteger:
		w.i8(1, l.bits)
		w.bool(2, l.signed)
	case logTime, logTimestamp:
		w.bool(1, l.adjusted)
		w.beginField(2)
		w.empty(int16(l.unit))
		w.end()
	default: // no parameters
	}
	w.end()
}

func (w *thriftWriter) rowGroup(g *rowGroup, ordinal int) {
	w.begin()
	w.list(1, thriftStruct, len(g.columns))
	packed := int64(0)
	for i := range g.columns {
		w.columnChunk(&g.columns[i])
		packed += g.columns[i].compressed
	}
	w.i64(2, g.bytes)
	w.i64(3, g.rows)
	w.i64(5, chunkStart(&g.columns[0]))
	w.i64(6, packed)
	if ordinal < 1<<15 {
		w.field(7, thriftI16)
		w.zigzag(int64(ordinal))
	}
	w.end()
}

func (w *thriftWriter) columnChunk(c *columnChunk) {
	w.begin()
	w.i64(2, 0) // where older readers looked for the metadata again; it is not there
	w.beginField(3)
	w.i32(1, int32(c.phys))
	w.list(2, thriftI32, len(c.encodings))
	for _, e := range c.encodings {
		w.zigzag(int64(e))
	}
	w.list(3, thriftBinary, len(c.path))
	for _, p := range c.path {
		w.elemBytes([]byte(p))
	}
	w.i32(4, int32(c.codec))
	w.i64(5, c.values)
	w.i64(6, c.uncompressed)
	w.i64(7, c.compressed)
	w.i64(9, c.dataOffset)
	if c.dictOffset > 0 {
		w.i64(11, c.dictOffset)
	}
	w.beginField(12)
	w.i64(3, c.stats.nulls)
	if c.stats.max != nil {
		w.bytes(5, c.stats.max)
	}
	if c.stats.min != nil {
		w.bytes(6, c.stats.min)
	}
	w.end()
	w.end()
	if c.offsetIndexLength > 0 {
		w.i64(4, c.offsetIndexOffset)
		w.i32(5, c.offsetIndexLength)
	}
	if c.columnIndexLength > 0 {
		w.i64(6, c.columnIndexOffset)
		w.i32(7, c.columnIndexLength)
	}
	w.end()
}
