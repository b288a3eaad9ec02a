package parquet

import "fmt"

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
	// stored is Options.Stored of the file.
	stored bool
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

// start is where the first page of the chunk begins.
func (m *columnChunk) start() int64 {
	if m.dictOffset > 0 && m.dictOffset < m.dataOffset {
		return m.dictOffset
	}
	return m.dataOffset
}

// statistics are the bounds of a chunk or page; a nil slice is a bound that is
// not known. nulls is -1 when it is not known.
type statistics struct {
	min, max       []byte // in the order of the logical type
	oldMin, oldMax []byte // deprecated fields: signed bytewise order
	nulls          int64
}
