package write

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
)

// metricMode says what the manifests tell of a column.
type metricMode struct {
	counts bool
	// bounds is how many characters, or bytes, the bounds of a text, or of
	// bytes, have at the most; 0 is none.
	bounds int
}

// metricModes are those of a table's columns: write.metadata.metrics.default
// and .column.<name>.
type metricModes struct {
	general metricMode
	columns map[string]metricMode
}

func newMetricModes(props ice.Properties) (metricModes, error) {
	m := metricModes{general: metricMode{counts: true, bounds: 16}, columns: map[string]metricMode{}}
	for k, v := range props {
		name, column := strings.CutPrefix(k, table.MetricsModeColumnConfPrefix+".")
		if !column && k != table.DefaultWriteMetricsModeKey {
			continue
		}
		mode, ok := parseMetricMode(strings.ToLower(strings.TrimSpace(v)))
		if !ok {
			return m, fmt.Errorf("%w: table property '%s' is %q: want none, counts, truncate(n) or full", job.ErrInvalid, k, v)
		}
		if column {
			m.columns[name] = mode
		} else {
			m.general = mode
		}
	}
	return m, nil
}

func parseMetricMode(text string) (metricMode, bool) {
	switch text {
	case "none":
		return metricMode{}, true
	case "counts":
		return metricMode{counts: true}, true
	case "full":
		return metricMode{counts: true, bounds: math.MaxInt}, true
	}
	digits, open := strings.CutPrefix(text, "truncate(")
	digits, closed := strings.CutSuffix(digits, ")")
	n, err := strconv.Atoi(digits)
	return metricMode{counts: true, bounds: n}, open && closed && err == nil && n > 0
}

// of is the mode of a column.
func (m metricModes) of(s *ice.Schema, id int) metricMode {
	if len(m.columns) > 0 {
		name, _ := s.FindColumnName(id)
		if own, ok := m.columns[name]; ok {
			return own
		}
	}
	return m.general
}

// truncated shortens the bounds of a text or of bytes, so that they stay
// bounds. There may be no upper one.
func truncated(t ice.Type, lower, upper []byte, n int) (low, high []byte) {
	switch t.(type) {
	case ice.StringType:
		low = lower[:runes(lower, n)]
		at := runes(upper, n)
		if at == len(upper) {
			return low, upper
		}
		return low, nextText(upper[:at])
	case ice.BinaryType:
		low = lower[:min(n, len(lower))]
		if len(upper) <= n {
			return low, upper
		}
		return low, nextBytes(upper[:n])
	}
	return lower, upper
}

// runes is how many bytes the first n characters take.
func runes(b []byte, n int) int {
	at := 0
	for ; n > 0 && at < len(b); n-- {
		_, size := utf8.DecodeRune(b[at:])
		at += size
	}
	return at
}

// nextText is the least text of this length, or a shorter one, that is above
// all that begin with b; nil when there is none.
func nextText(b []byte) []byte {
	for len(b) > 0 {
		r, size := utf8.DecodeLastRune(b)
		b = b[:len(b)-size]
		if r++; r == 0xd800 {
			r = 0xe000 // surrogates are no characters
		}
		if r <= utf8.MaxRune {
			return utf8.AppendRune(append([]byte{}, b...), r)
		}
	}
	return nil
}

func nextBytes(b []byte) []byte {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0xff {
			out := append([]byte{}, b[:i+1]...)
			out[i]++
			return out
		}
	}
	return nil
}
