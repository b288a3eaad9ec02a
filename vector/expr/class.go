package expr

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
)

// class is what a loop needs to know of a type: how its values lie in memory.
type class uint8

const (
	noClass class = iota
	nullClass
	boolClass
	int8Class
	int16Class
	int32Class // also date32, time32 and month intervals
	int64Class // also timestamps and durations
	float32Class
	float64Class
	decimalClass
	viewClass // strings and bytes
	listClass
	mapClass
	rowClass
)

func classOf(t arrow.DataType) class {
	switch t.ID() {
	case arrow.NULL:
		return nullClass
	case arrow.BOOL:
		return boolClass
	case arrow.INT8:
		return int8Class
	case arrow.INT16:
		return int16Class
	case arrow.INT32, arrow.DATE32, arrow.TIME32, arrow.INTERVAL_MONTHS:
		return int32Class
	case arrow.INT64, arrow.TIMESTAMP, arrow.DURATION:
		return int64Class
	case arrow.FLOAT32:
		return float32Class
	case arrow.FLOAT64:
		return float64Class
	case arrow.DECIMAL128:
		return decimalClass
	case arrow.STRING_VIEW, arrow.BINARY_VIEW:
		return viewClass
	case arrow.LIST:
		return listClass
	case arrow.MAP:
		return mapClass
	case arrow.STRUCT:
		return rowClass
	default:
	}
	return noClass
}

func isInteger(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64:
		return true
	default:
	}
	return false
}

func isFloat(t arrow.DataType) bool {
	return t.ID() == arrow.FLOAT32 || t.ID() == arrow.FLOAT64
}

func isDecimal(t arrow.DataType) bool { return t.ID() == arrow.DECIMAL128 }

func isNumeric(t arrow.DataType) bool { return isInteger(t) || isFloat(t) || isDecimal(t) }

func isText(t arrow.DataType) bool { return t.ID() == arrow.STRING_VIEW }

func isBytes(t arrow.DataType) bool { return t.ID() == arrow.BINARY_VIEW }

func isTimestamp(t arrow.DataType) bool { return t.ID() == arrow.TIMESTAMP }

// isLocal tells whether a timestamp is an instant (TIMESTAMP_LTZ), which is
// shown in the session's time zone.
func isLocal(t arrow.DataType) bool {
	ts, ok := t.(*arrow.TimestampType)
	return ok && ts.TimeZone != ""
}

func isInterval(t arrow.DataType) bool {
	return t.ID() == arrow.INTERVAL_MONTHS || t.ID() == arrow.DURATION
}

// perSecond is how many ticks of a timestamp make a second.
func perSecond(t arrow.DataType) int64 {
	switch t.(*arrow.TimestampType).Unit {
	case arrow.Second:
		return 1
	case arrow.Millisecond:
		return 1e3
	case arrow.Microsecond:
		return 1e6
	default:
		return 1e9
	}
}

// digits returns the precision and scale of a decimal, and of an integer as
// the decimal that holds all its values.
func digits(t arrow.DataType) (precision, scale int32) {
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		return t.Precision, t.Scale
	case *arrow.Int8Type:
		return 3, 0
	case *arrow.Int16Type:
		return 5, 0
	case *arrow.Int32Type:
		return 10, 0
	}
	return 19, 0
}

// limits are the least and greatest value of an integer type.
func limits(c class) (lo, hi int64) {
	switch c {
	case int8Class:
		return math.MinInt8, math.MaxInt8
	case int16Class:
		return math.MinInt16, math.MaxInt16
	case int32Class:
		return math.MinInt32, math.MaxInt32
	default:
		return math.MinInt64, math.MaxInt64
	}
}
