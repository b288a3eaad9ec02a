package parquet

// pageLocation says where a page begins, in the file and in the row group.
type pageLocation struct {
	offset   int64
	size     int32 // with its header
	firstRow int64
}

func readOffsetIndex(b []byte) (pages []pageLocation, err error) {
	r := &thriftReader{b: b}
	for id, typ := range r.fields() {
		if id != 1 {
			r.skip(typ, 0)
			continue
		}
		n, elem := r.list(typ)
		for i := 0; i < n && r.err == nil; i++ {
			pages = append(pages, r.pageLocation(elem))
		}
	}
	return pages, r.err
}

func (r *thriftReader) pageLocation(typ byte) (p pageLocation) {
	for id, typ := range r.fieldsOf(typ) {
		switch id {
		case 1:
			p.offset = r.i64(typ)
		case 2:
			p.size = r.i32(typ)
		case 3:
			p.firstRow = r.i64(typ)
		default:
			r.skip(typ, 0)
		}
	}
	return p
}

// columnIndex holds the bounds of each page of a chunk.
type columnIndex struct {
	nullPages []bool
	min, max  [][]byte
	nulls     []int64 // nil when not known
}

func readColumnIndex(b []byte) (x columnIndex, err error) {
	r := &thriftReader{b: b}
	for id, typ := range r.fields() {
		if id < 1 || id > 5 || id == 4 {
			r.skip(typ, 0)
			continue
		}
		n, elem := r.list(typ)
		for i := 0; i < n && r.err == nil; i++ {
			switch id {
			case 1:
				x.nullPages = append(x.nullPages, r.elemBool())
			case 2:
				x.min = append(x.min, r.bytes(elem))
			case 3:
				x.max = append(x.max, r.bytes(elem))
			case 5:
				x.nulls = append(x.nulls, r.i64(elem))
			}
		}
	}
	return x, r.err
}
