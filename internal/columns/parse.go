package columns

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/decimal"
)

// Parse appends the value that a text stands for. Bytes are base64. The
// text is not kept.
func (c *Column) Parse(text string) error {
	switch c.Kind {
	case Texts:
		return c.Put([]byte(text))
	case Blobs:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return err
		}
		return c.Put(b)
	case Decimals:
		t := c.Type.(*arrow.Decimal128Type)
		v, err := decimal.Parse(strings.TrimSpace(text), t.Precision, t.Scale)
		if err != nil {
			return err
		}
		c.Decimal(v)
		return nil
	case Integers, Floats, Doubles, Booleans, Dates, Times, Timestamps, Lists, Maps, Rows:
	}
	w, err := c.parseWord(text)
	if err != nil {
		return err
	}
	c.Word(w)
	return nil
}

func (c *Column) parseWord(text string) (uint64, error) {
	switch c.Kind {
	case Integers:
		v, err := parseInteger(text, c.Type.(arrow.FixedWidthDataType).BitWidth())
		return uint64(v), err
	case Floats:
		v, err := strconv.ParseFloat(text, 32)
		return uint64(math.Float32bits(float32(v))), err
	case Doubles:
		v, err := strconv.ParseFloat(text, 64)
		return math.Float64bits(v), err
	case Booleans:
		v, err := strconv.ParseBool(strings.ToLower(text))
		if v {
			return 1, err
		}
		return 0, err
	case Dates:
		d, err := time.Parse(time.DateOnly, text)
		return uint64(d.Unix() / 86400), err
	case Times:
		return parseTime(text, c.Type.(arrow.TemporalWithUnit).TimeUnit())
	case Timestamps:
		return parseTimestamp(text, c.Type.(*arrow.TimestampType).Unit)
	case Texts, Blobs, Decimals, Lists, Maps, Rows:
	}
	return 0, errors.New("not a scalar")
}

// parseInteger takes 1e3 and 5.0 for whole numbers too.
func parseInteger(text string, bits int) (int64, error) {
	n, err := strconv.ParseInt(text, 10, bits)
	if err == nil {
		return n, nil
	}
	f, ferr := strconv.ParseFloat(text, 64)
	if limit := math.Ldexp(1, bits-1); ferr != nil || f != math.Trunc(f) || f < -limit || f >= limit {
		return 0, err
	}
	return int64(f), nil
}
