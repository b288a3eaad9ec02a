package parquet

import "errors"

func readFileMeta(b []byte) (*fileMeta, error) {
	r := &thriftReader{b: b}
	m := &fileMeta{}
	var seen uint
	for id, typ := range r.fields() {
		seen |= 1 << min(uint(id), 31)
		switch id {
		case 1:
			m.version = r.i32(typ)
		case 2:
			for elem := range r.elements(typ) {
				m.schema = append(m.schema, r.schemaElement(elem))
			}
		case 3:
			m.rows = r.i64(typ)
		case 4:
			for elem := range r.elements(typ) {
				m.groups = append(m.groups, r.rowGroup(elem))
			}
		case 5:
			for elem := range r.elements(typ) {
				m.keyValues = append(m.keyValues, r.keyValue(elem))
			}
		case 6:
			m.createdBy = r.string(typ)
		case 7:
			for elem := range r.elements(typ) {
				m.ordered = append(m.ordered, r.columnOrder(elem))
			}
		case 8:
			m.encrypted = true
			r.skip(typ, 0)
		default:
			r.skip(typ, 0)
		}
	}
	if r.err == nil && seen&(1<<2) == 0 {
		r.err = errors.New("metadata has no schema")
	}
	return m, r.err
}

func (r *thriftReader) keyValue(typ byte) (kv KeyValue) {
	for id, typ := range r.fieldsOf(typ) {
		switch id {
		case 1:
			kv.Key = r.string(typ)
		case 2:
			kv.Value = r.string(typ)
		default:
			r.skip(typ, 0)
		}
	}
	return kv
}

// columnOrder reports whether the order is TYPE_ORDER, the union's first member.
func (r *thriftReader) columnOrder(typ byte) (ordered bool) {
	for id, typ := range r.fieldsOf(typ) {
		ordered = id == 1
		r.skip(typ, 0)
	}
	return ordered
}

func (r *thriftReader) schemaElement(typ byte) schemaElement {
	e := schemaElement{phys: group, conv: convNone, fieldID: -1}
	if !r.begin(typ) {
		return e
	}
	named := false
	for id, typ := range r.fields() {
		switch id {
		case 1:
			e.phys = physical(r.enum(typ))
		case 2:
			e.typeLength = r.i32(typ)
		case 3:
			e.rep = repetition(r.enum(typ))
		case 4:
			e.name, named = r.string(typ), true
		case 5:
			e.children = r.i32(typ)
		case 6:
			e.conv = converted(r.enum(typ))
		case 7:
			e.scale = r.i32(typ)
		case 8:
			e.precision = r.i32(typ)
		case 9:
			e.fieldID = r.i32(typ)
		case 10:
			e.logical = r.logicalType(typ)
		default:
			r.skip(typ, 0)
		}
	}
	if r.err == nil && !named {
		r.fail(errors.New("metadata has a schema element without a name"))
	}
	return e
}

func (r *thriftReader) logicalType(typ byte) (l logicalType) {
	for id, typ := range r.fieldsOf(typ) {
		l = logicalType{kind: logicalKind(min(max(id, 0), 127))}
		switch l.kind {
		case logDecimal, logTime, logTimestamp, logInteger:
			r.logicalParameters(typ, &l)
		default:
			r.skip(typ, 0)
		}
	}
	return l
}

func (r *thriftReader) logicalParameters(typ byte, l *logicalType) {
	for id, typ := range r.fieldsOf(typ) {
		switch {
		case l.kind == logDecimal && id == 1:
			l.scale = r.i32(typ)
		case l.kind == logDecimal && id == 2:
			l.precision = r.i32(typ)
		case l.kind == logInteger && id == 1:
			l.bits = int8(r.i64(typ))
		case l.kind == logInteger && id == 2:
			l.signed = r.bool(typ)
		case l.kind == logInteger:
			r.skip(typ, 0)
		case id == 1:
			l.adjusted = r.bool(typ)
		case id == 2:
			l.unit = r.timeUnit(typ)
		default:
			r.skip(typ, 0)
		}
	}
}

func (r *thriftReader) timeUnit(typ byte) (u timeUnit) {
	for id, typ := range r.fieldsOf(typ) {
		u = timeUnit(min(max(id, 0), 127))
		r.skip(typ, 0)
	}
	return u
}

func (r *thriftReader) rowGroup(typ byte) (g rowGroup) {
	for id, typ := range r.fieldsOf(typ) {
		switch id {
		case 1:
			for elem := range r.elements(typ) {
				g.columns = append(g.columns, r.columnChunk(elem))
			}
		case 2:
			g.bytes = r.i64(typ)
		case 3:
			g.rows = r.i64(typ)
		default:
			r.skip(typ, 0)
		}
	}
	return g
}

func (r *thriftReader) columnChunk(typ byte) columnChunk {
	c := columnChunk{stats: statistics{nulls: -1}}
	if !r.begin(typ) {
		return c
	}
	known := false
	for id, typ := range r.fields() {
		switch id {
		case 1:
			c.file = r.string(typ)
		case 3:
			known = true
			r.columnMeta(typ, &c)
		case 4:
			c.offsetIndexOffset = r.i64(typ)
		case 5:
			c.offsetIndexLength = r.i32(typ)
		case 6:
			c.columnIndexOffset = r.i64(typ)
		case 7:
			c.columnIndexLength = r.i32(typ)
		case 8, 9:
			c.encrypted = true
			r.skip(typ, 0)
		default:
			r.skip(typ, 0)
		}
	}
	if r.err == nil && !known && !c.encrypted {
		r.fail(errors.New("metadata has a column chunk without metadata"))
	}
	return c
}

func (r *thriftReader) columnMeta(typ byte, c *columnChunk) {
	for id, typ := range r.fieldsOf(typ) {
		switch id {
		case 1:
			c.phys = physical(r.enum(typ))
		case 4:
			c.codec = Codec(r.enum(typ))
		case 5:
			c.values = r.i64(typ)
		case 6:
			c.uncompressed = r.i64(typ)
		case 7:
			c.compressed = r.i64(typ)
		case 9:
			c.dataOffset = r.i64(typ)
		case 11:
			c.dictOffset = r.i64(typ)
		case 12:
			c.stats = r.statistics(typ)
		case 14:
			c.bloomOffset = r.i64(typ)
		case 15:
			c.bloomLength = r.i32(typ)
		default:
			r.skip(typ, 0)
		}
	}
}

func (r *thriftReader) statistics(typ byte) statistics {
	s := statistics{nulls: -1}
	if !r.begin(typ) {
		return s
	}
	for id, typ := range r.fields() {
		switch id {
		case 1:
			s.oldMax = r.bytes(typ)
		case 2:
			s.oldMin = r.bytes(typ)
		case 3:
			s.nulls = r.i64(typ)
		case 5:
			s.max = r.bytes(typ)
		case 6:
			s.min = r.bytes(typ)
		default:
			r.skip(typ, 0)
		}
	}
	return s
}
