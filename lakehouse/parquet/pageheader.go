package parquet

import "errors"

// pageHeader is what stands in front of each page, of any kind.
type pageHeader struct {
	kind         pageType
	uncompressed int32
	compressed   int32
	crc          uint32
	hasCRC       bool

	values   int32 // entries: values and nulls
	rows     int32 // v2 only
	encoding encoding
	defEnc   encoding // v1 only
	repEnc   encoding // v1 only
	defBytes int32    // v2 only
	repBytes int32    // v2 only
	// plain says of a v2 page that its values are not compressed.
	plain bool
}

// readPageHeader reads the header at the beginning of b and returns its length.
func readPageHeader(b []byte) (h pageHeader, n int, err error) {
	r := &thriftReader{b: b}
	var seen uint
	for id, typ := range r.fields() {
		seen |= 1 << min(uint(id), 31)
		switch id {
		case 1:
			h.kind = pageType(r.enum(typ))
		case 2:
			h.uncompressed = r.i32(typ)
		case 3:
			h.compressed = r.i32(typ)
		case 4:
			h.crc, h.hasCRC = uint32(r.i64(typ)), true
		case 5:
			r.dataPageHeader(typ, &h)
		case 7:
			r.dictPageHeader(typ, &h)
		case 8:
			r.dataPageHeaderV2(typ, &h)
		default:
			r.skip(typ, 0)
		}
	}
	if r.err != nil {
		return h, 0, r.err
	}
	if seen&0b1110 != 0b1110 {
		return h, 0, errors.New("page header without type or sizes")
	}
	if want := map[pageType]uint{pageData: 5, pageDict: 7, pageDataV2: 8}[h.kind]; want != 0 && seen&(1<<want) == 0 {
		return h, 0, errors.New("page header without the part that its type needs")
	}
	if h.uncompressed < 0 || h.compressed < 0 || h.values < 0 || h.rows < 0 || h.defBytes < 0 || h.repBytes < 0 {
		return h, 0, errors.New("page header with a negative size")
	}
	return h, r.at, nil
}

func (r *thriftReader) dataPageHeader(typ byte, h *pageHeader) {
	for id, typ := range r.fieldsOf(typ) {
		switch id {
		case 1:
			h.values = r.i32(typ)
		case 2:
			h.encoding = encoding(r.enum(typ))
		case 3:
			h.defEnc = encoding(r.enum(typ))
		case 4:
			h.repEnc = encoding(r.enum(typ))
		default:
			r.skip(typ, 0)
		}
	}
}

func (r *thriftReader) dictPageHeader(typ byte, h *pageHeader) {
	for id, typ := range r.fieldsOf(typ) {
		switch id {
		case 1:
			h.values = r.i32(typ)
		case 2:
			h.encoding = encoding(r.enum(typ))
		default:
			r.skip(typ, 0)
		}
	}
}

func (r *thriftReader) dataPageHeaderV2(typ byte, h *pageHeader) {
	for id, typ := range r.fieldsOf(typ) {
		switch id {
		case 1:
			h.values = r.i32(typ)
		case 3:
			h.rows = r.i32(typ)
		case 4:
			h.encoding = encoding(r.enum(typ))
		case 5:
			h.defBytes = r.i32(typ)
		case 6:
			h.repBytes = r.i32(typ)
		case 7:
			h.plain = !r.bool(typ)
		default:
			r.skip(typ, 0)
		}
	}
}
