package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// conversion says how the values of a leaf, as the file has them, become
// those of its Arrow type.
type conversion uint8

const (
	asIs          conversion = iota // same bytes
	toBits                          // BOOLEAN, a byte each in memory
	toInt8                          // INT32
	toInt16                         // INT32
	fromUint8                       // INT32 → int16
	fromUint16                      // INT32 → int32
	fromUint32                      // INT32 → int64
	fromUint64                      // INT64 → decimal(20, 0)
	microsToTime                    // INT64 → time32[ms]
	nanosToTime                     // INT64 → time32[ms]
	int96ToMicros                   // INT96 → timestamp[us]
	halfToFloat                     // FIXED(2) → float32
	int32ToDecimal
	int64ToDecimal
	fixedToDecimal
	bytesToDecimal
	fixedToView // FIXED(n) → binary view
	uuidToView  // FIXED(16) → the text of a UUID
)

// leafType chooses the Arrow type of a leaf. An annotation that is unknown, or
// does not fit the physical type, is ignored. Widths that Flink does not have
// become the next that it has: unsigned integers the next wider signed one
// (64 bits: DECIMAL(20, 0)), half floats FLOAT, times of day milliseconds.
func leafType(e *schemaElement) (arrow.DataType, conversion, error) {
	if k, p, s := decimalOf(e); k {
		return decimalType(e, p, s)
	}
	switch e.phys {
	case physBool:
		return arrow.FixedWidthTypes.Boolean, toBits, nil
	case physInt32:
		return int32Type(e)
	case physInt64:
		return int64Type(e)
	case physInt96:
		return &arrow.TimestampType{Unit: arrow.Microsecond}, int96ToMicros, nil
	case physFloat:
		return arrow.PrimitiveTypes.Float32, asIs, nil
	case physDouble:
		return arrow.PrimitiveTypes.Float64, asIs, nil
	case physByteArray:
		switch {
		case e.logical.kind == logString, e.logical.kind == logEnum, e.logical.kind == logJSON,
			e.conv == convUTF8, e.conv == convEnum, e.conv == convJSON:
			return arrow.BinaryTypes.StringView, asIs, nil
		}
		return arrow.BinaryTypes.BinaryView, asIs, nil
	case physFixedLenArray:
		switch {
		case e.typeLength <= 0 || e.typeLength > 1<<20:
			return arrow.BinaryTypes.BinaryView, fixedToView,
				fmt.Errorf("%w: fixed length of %d bytes", job.ErrInvalid, e.typeLength)
		case e.logical.kind == logUUID && e.typeLength == 16 && !e.stored:
			return arrow.BinaryTypes.StringView, uuidToView, nil
		case e.logical.kind == logFloat16 && e.typeLength == 2:
			return arrow.PrimitiveTypes.Float32, halfToFloat, nil
		}
		return arrow.BinaryTypes.BinaryView, fixedToView, nil
	default:
		return arrow.Null, asIs, fmt.Errorf("%w: unknown %v", job.ErrInvalid, e.phys)
	}
}

func int32Type(e *schemaElement) (arrow.DataType, conversion, error) {
	switch {
	case e.logical.kind == logDate || e.conv == convDate:
		return arrow.FixedWidthTypes.Date32, asIs, nil
	case e.logical.kind == logTime && e.logical.unit == millis, e.conv == convTimeMillis:
		return arrow.FixedWidthTypes.Time32ms, asIs, nil
	}
	bits, signed := integerOf(e)
	switch {
	case bits == 8 && signed:
		return arrow.PrimitiveTypes.Int8, toInt8, nil
	case bits == 16 && signed:
		return arrow.PrimitiveTypes.Int16, toInt16, nil
	case bits == 8:
		return arrow.PrimitiveTypes.Int16, fromUint8, nil
	case bits == 16:
		return arrow.PrimitiveTypes.Int32, fromUint16, nil
	case bits == 32 && !signed:
		return arrow.PrimitiveTypes.Int64, fromUint32, nil
	}
	return arrow.PrimitiveTypes.Int32, asIs, nil
}

func int64Type(e *schemaElement) (arrow.DataType, conversion, error) {
	l := e.logical
	switch {
	case e.stored && (l.kind == logTime && l.unit == micros || l.kind == logNone && e.conv == convTimeMicros):
		return arrow.FixedWidthTypes.Time64us, asIs, nil
	case e.stored && l.kind == logTime && l.unit == nanos:
		return arrow.FixedWidthTypes.Time64ns, asIs, nil
	case l.kind == logTimestamp && l.unit >= millis && l.unit <= nanos:
		return timestampType(l.unit, l.adjusted), asIs, nil
	case l.kind == logTime && l.unit == micros:
		return arrow.FixedWidthTypes.Time32ms, microsToTime, nil
	case l.kind == logTime && l.unit == nanos:
		return arrow.FixedWidthTypes.Time32ms, nanosToTime, nil
	case l.kind != logNone && l.kind != logInteger: // not for this physical type
	case e.conv == convTimestampMillis:
		return timestampType(millis, true), asIs, nil
	case e.conv == convTimestampMicros:
		return timestampType(micros, true), asIs, nil
	case e.conv == convTimeMicros:
		return arrow.FixedWidthTypes.Time32ms, microsToTime, nil
	}
	if bits, signed := integerOf(e); bits == 64 && !signed {
		return &arrow.Decimal128Type{Precision: 20, Scale: 0}, fromUint64, nil
	}
	return arrow.PrimitiveTypes.Int64, asIs, nil
}

func timestampType(u timeUnit, adjusted bool) arrow.DataType {
	t := &arrow.TimestampType{Unit: arrow.Millisecond}
	switch u {
	case micros:
		t.Unit = arrow.Microsecond
	case nanos:
		t.Unit = arrow.Nanosecond
	default: // milliseconds
	}
	if adjusted {
		t.TimeZone = "UTC"
	}
	return t
}

func integerOf(e *schemaElement) (bits int8, signed bool) {
	if e.logical.kind == logInteger {
		return e.logical.bits, e.logical.signed
	}
	switch e.conv {
	case convUint8, convUint16, convUint32, convUint64:
		return 8 << (e.conv - convUint8), false
	case convInt8, convInt16, convInt32, convInt64:
		return 8 << (e.conv - convInt8), true
	default:
		return 0, true
	}
}

func decimalOf(e *schemaElement) (is bool, precision, scale int32) {
	switch {
	case e.phys == physBool || e.phys == physInt96 || e.phys == physFloat || e.phys == physDouble:
		return false, 0, 0
	case e.logical.kind == logDecimal:
		return true, e.logical.precision, e.logical.scale
	case e.conv == convDecimal:
		return true, e.precision, e.scale
	}
	return false, 0, 0
}

func decimalType(e *schemaElement, p, s int32) (arrow.DataType, conversion, error) {
	t := &arrow.Decimal128Type{Precision: p, Scale: s}
	if p < 1 || p > 38 || s < 0 || s > p {
		return t, asIs, fmt.Errorf("%w: DECIMAL(%d,%d); precisions from 1 to 38 can be read", job.ErrInvalid, p, s)
	}
	switch e.phys {
	case physInt32:
		return t, int32ToDecimal, nil
	case physInt64:
		return t, int64ToDecimal, nil
	case physByteArray:
		return t, bytesToDecimal, nil
	default:
	}
	if e.typeLength <= 0 || e.typeLength > 1<<10 {
		return t, fixedToDecimal, fmt.Errorf("%w: decimal of %d bytes", job.ErrInvalid, e.typeLength)
	}
	return t, fixedToDecimal, nil
}
