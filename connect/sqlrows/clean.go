package sqlrows

import (
	"bytes"
	"encoding/hex"

	"github.com/apache/arrow-go/v18/arrow"
)

// PostgreSQL reads values as PostgreSQL writes them with DateStyle ISO and
// TimeZone UTC.
func PostgreSQL(t arrow.DataType) Clean {
	switch t.ID() {
	case arrow.BINARY_VIEW:
		return hexBytes
	case arrow.TIMESTAMP:
		return withoutZone
	}
	return nil
}

// hexBytes reads \xdeadbeef. Text of other types is its bytes.
func hexBytes(dst, v []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(v, []byte(`\x`))
	if !ok {
		return append(dst, v...), nil
	}
	return hex.AppendDecode(dst, text)
}

// withoutZone reads a time of UTC that says so.
func withoutZone(dst, v []byte) ([]byte, error) {
	return append(dst, bytes.TrimSuffix(v, []byte("+00"))...), nil
}

// MySQL reads values as MySQL and MariaDB write them with time_zone +00:00.
func MySQL(t arrow.DataType) Clean {
	if t.ID() == arrow.BOOL {
		return bit
	}
	return nil
}

// bit reads BIT(1), which comes as a byte, and TINYINT(1).
func bit(dst, v []byte) ([]byte, error) {
	if len(v) == 1 && v[0] <= 1 {
		return append(dst, '0'+v[0]), nil
	}
	return append(dst, v...), nil
}
