package parquet

import (
	"errors"
	"fmt"
)

// The enumerations of parquet.thrift, with its numbers.
type (
	physical    int8
	repetition  int8
	converted   int8
	encoding    int8
	pageType    int8
	logicalKind int8
	timeUnit    int8
)

// Codec is a compression codec of pages, with the format's numbers.
type Codec int8

// The codecs. LZ4 is the deprecated one with Hadoop's frame; it can be read only, as LZO cannot at all.
const (
	Uncompressed Codec = 0
	Snappy       Codec = 1
	Gzip         Codec = 2
	LZO          Codec = 3
	Brotli       Codec = 4
	LZ4          Codec = 5
	Zstd         Codec = 6
	LZ4Raw       Codec = 7
)

const (
	group             physical = -1 // not a physical type: the element has children
	physBool          physical = 0
	physInt32         physical = 1
	physInt64         physical = 2
	physInt96         physical = 3
	physFloat         physical = 4
	physDouble        physical = 5
	physByteArray     physical = 6
	physFixedLenArray physical = 7
)

const (
	required repetition = 0
	optional repetition = 1
	repeated repetition = 2
)

const (
	convNone            converted = -1
	convUTF8            converted = 0
	convMap             converted = 1
	convMapKeyValue     converted = 2
	convList            converted = 3
	convEnum            converted = 4
	convDecimal         converted = 5
	convDate            converted = 6
	convTimeMillis      converted = 7
	convTimeMicros      converted = 8
	convTimestampMillis converted = 9
	convTimestampMicros converted = 10
	convUint8           converted = 11
	convUint16          converted = 12
	convUint32          converted = 13
	convUint64          converted = 14
	convInt8            converted = 15
	convInt16           converted = 16
	convInt32           converted = 17
	convInt64           converted = 18
	convJSON            converted = 19
	convBSON            converted = 20
)

const (
	encPlain            encoding = 0
	encPlainDict        encoding = 2
	encRLE              encoding = 3
	encBitPacked        encoding = 4
	encDeltaBinary      encoding = 5
	encDeltaLengthBytes encoding = 6
	encDeltaBytes       encoding = 7
	encRLEDict          encoding = 8
	encByteStreamSplit  encoding = 9
)

var encodingNames = map[encoding]string{
	encPlain: "PLAIN", encPlainDict: "PLAIN_DICTIONARY", encRLE: "RLE", encBitPacked: "BIT_PACKED",
	encDeltaBinary: "DELTA_BINARY_PACKED", encDeltaLengthBytes: "DELTA_LENGTH_BYTE_ARRAY",
	encDeltaBytes: "DELTA_BYTE_ARRAY", encRLEDict: "RLE_DICTIONARY", encByteStreamSplit: "BYTE_STREAM_SPLIT",
}

func (e encoding) String() string {
	if s, ok := encodingNames[e]; ok {
		return s
	}
	return fmt.Sprintf("encoding %d", int8(e))
}

var physicalNames = map[physical]string{
	group: "group", physBool: "BOOLEAN", physInt32: "INT32", physInt64: "INT64", physInt96: "INT96",
	physFloat: "FLOAT", physDouble: "DOUBLE", physByteArray: "BYTE_ARRAY", physFixedLenArray: "FIXED_LEN_BYTE_ARRAY",
}

func (p physical) String() string {
	if s, ok := physicalNames[p]; ok {
		return s
	}
	return fmt.Sprintf("physical type %d", int8(p))
}

const (
	pageData   pageType = 0
	pageIndex  pageType = 1
	pageDict   pageType = 2
	pageDataV2 pageType = 3
)

// The members of the union LogicalType; others are unknown and ignored.
const (
	logNone      logicalKind = 0
	logString    logicalKind = 1
	logMap       logicalKind = 2
	logList      logicalKind = 3
	logEnum      logicalKind = 4
	logDecimal   logicalKind = 5
	logDate      logicalKind = 6
	logTime      logicalKind = 7
	logTimestamp logicalKind = 8
	logInteger   logicalKind = 10
	logJSON      logicalKind = 12
	logBSON      logicalKind = 13
	logUUID      logicalKind = 14
	logFloat16   logicalKind = 15
)

const (
	millis timeUnit = 1
	micros timeUnit = 2
	nanos  timeUnit = 3
)

// logicalType is a member of the union LogicalType with its parameters.
type logicalType struct {
	kind      logicalKind
	unit      timeUnit // time, timestamp
	adjusted  bool     // time, timestamp: isAdjustedToUTC
	signed    bool     // integer
	bits      int8     // integer
	scale     int32    // decimal
	precision int32    // decimal
}

// schemaElement is a node of the schema, as the footer lists them: depth first.
type schemaElement struct {
	name       string
	phys       physical
	typeLength int32
	rep        repetition
	children   int32
	conv       converted
	scale      int32
	precision  int32
	fieldID    int32 // -1 for none
	logical    logicalType
}

type fileMeta struct {
	version   int32
	schema    []schemaElement
	rows      int64
	groups    []rowGroup
	keyValues []KeyValue
	createdBy string
	// ordered says of each leaf that its statistics follow the order its type defines.
	ordered []bool
	// encrypted says that the file names an encryption algorithm: its footer
	// is plain, some of its columns may not be.
	encrypted bool
}

// KeyValue is an entry of a file's own metadata.
type KeyValue struct{ Key, Value string }

type rowGroup struct {
	columns []columnChunk
	rows    int64
	bytes   int64
}

type columnChunk struct {
	file              string // of another file that holds the chunk
	phys              physical
	codec             Codec
	encrypted         bool
	encodings         []encoding // written only
	path              []string   // written only
	values            int64
	uncompressed      int64
	compressed        int64
	dataOffset        int64
	dictOffset        int64 // 0: unknown or none
	stats             statistics
	offsetIndexOffset int64
	offsetIndexLength int32
	columnIndexOffset int64
	columnIndexLength int32
	bloomOffset       int64
	bloomLength       int32
}

// statistics are the bounds of a chunk or page; a nil slice is a bound that is
// not known. nulls is -1 when it is not known.
type statistics struct {
	min, max       []byte // in the order of the logical type
	oldMin, oldMax []byte // deprecated fields: signed bytewise order
	nulls          int64
}

func readFileMeta(b []byte) (*fileMeta, error) {
	r := &thriftReader{b: b}
	m := &fileMeta{}
	var seen uint
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			break
		}
		seen |= 1 << min(uint(id), 31)
		switch id {
		case 1:
			m.version = r.i32(typ)
		case 2:
			n, elem := r.list(typ)
			for range n {
				m.schema = append(m.schema, r.schemaElement(elem))
				if r.err != nil {
					break
				}
			}
		case 3:
			m.rows = r.i64(typ)
		case 4:
			n, elem := r.list(typ)
			for range n {
				m.groups = append(m.groups, r.rowGroup(elem))
				if r.err != nil {
					break
				}
			}
		case 5:
			n, elem := r.list(typ)
			for i := 0; i < n && r.err == nil; i++ {
				m.keyValues = append(m.keyValues, r.keyValue(elem))
			}
		case 6:
			m.createdBy = r.string(typ)
		case 7:
			n, elem := r.list(typ)
			for i := 0; i < n && r.err == nil; i++ {
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
	if !r.begin(typ) {
		return kv
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return kv
		}
		switch id {
		case 1:
			kv.Key = r.string(typ)
		case 2:
			kv.Value = r.string(typ)
		default:
			r.skip(typ, 0)
		}
	}
}

// columnOrder reports whether the order is TYPE_ORDER, the union's first member.
func (r *thriftReader) columnOrder(typ byte) (ordered bool) {
	if !r.begin(typ) {
		return false
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return ordered
		}
		ordered = id == 1
		r.skip(typ, 0)
	}
}

func (r *thriftReader) schemaElement(typ byte) schemaElement {
	e := schemaElement{phys: group, conv: convNone, fieldID: -1}
	if !r.begin(typ) {
		return e
	}
	named := false
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			break
		}
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
	if !r.begin(typ) {
		return l
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return l
		}
		l = logicalType{kind: logicalKind(min(max(id, 0), 127))}
		switch l.kind {
		case logDecimal, logTime, logTimestamp, logInteger:
			r.logicalParameters(typ, &l)
		default:
			r.skip(typ, 0)
		}
	}
}

func (r *thriftReader) logicalParameters(typ byte, l *logicalType) {
	if !r.begin(typ) {
		return
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return
		}
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
	if !r.begin(typ) {
		return 0
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return u
		}
		u = timeUnit(min(max(id, 0), 127))
		r.skip(typ, 0)
	}
}

func (r *thriftReader) rowGroup(typ byte) (g rowGroup) {
	if !r.begin(typ) {
		return g
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return g
		}
		switch id {
		case 1:
			n, elem := r.list(typ)
			for range n {
				g.columns = append(g.columns, r.columnChunk(elem))
				if r.err != nil {
					break
				}
			}
		case 2:
			g.bytes = r.i64(typ)
		case 3:
			g.rows = r.i64(typ)
		default:
			r.skip(typ, 0)
		}
	}
}

func (r *thriftReader) columnChunk(typ byte) columnChunk {
	c := columnChunk{stats: statistics{nulls: -1}}
	if !r.begin(typ) {
		return c
	}
	known := false
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			break
		}
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
	if !r.begin(typ) {
		return
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return
		}
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
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return s
		}
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
}

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
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			break
		}
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
	if !r.begin(typ) {
		return
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return
		}
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
	if !r.begin(typ) {
		return
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return
		}
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
	if !r.begin(typ) {
		return
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return
		}
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

// pageLocation says where a page begins, in the file and in the row group.
type pageLocation struct {
	offset   int64
	size     int32 // with its header
	firstRow int64
}

func readOffsetIndex(b []byte) (pages []pageLocation, err error) {
	r := &thriftReader{b: b}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return pages, r.err
		}
		if id != 1 {
			r.skip(typ, 0)
			continue
		}
		n, elem := r.list(typ)
		for i := 0; i < n && r.err == nil; i++ {
			pages = append(pages, r.pageLocation(elem))
		}
	}
}

func (r *thriftReader) pageLocation(typ byte) (p pageLocation) {
	if !r.begin(typ) {
		return p
	}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return p
		}
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
}

// columnIndex holds the bounds of each page of a chunk.
type columnIndex struct {
	nullPages []bool
	min, max  [][]byte
	nulls     []int64 // nil when not known
}

func readColumnIndex(b []byte) (x columnIndex, err error) {
	r := &thriftReader{b: b}
	for last := int16(0); ; {
		id, typ, ok := r.field(&last)
		if !ok {
			return x, r.err
		}
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
}
