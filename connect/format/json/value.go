package json

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/decimal"
	"github.com/wadi-engine/wadi/vector/expr"
)

// read appends the value at which s stands, whose first byte is given.
func (c *column) read(s *scanner, first byte) error {
	if first == 'n' {
		if _, err := s.word(); err != nil {
			return err
		}
		c.null()
		return nil
	}
	switch c.kind {
	case integers:
		from := s.i
		if v, ok := s.integer(); ok && fits(v, c.of) {
			c.word(uint64(v))
			return nil
		}
		s.i = from
	case texts:
		if first == '"' {
			b, err := s.text()
			if err != nil {
				return err
			}
			return c.put(b)
		}
	case lists:
		return c.list(s, first)
	case maps:
		return c.pairs(s, first)
	case rows:
		return c.row(s, first)
	case floats, doubles, booleans, dates, times, timestamps, decimals, blobs:
	}
	b, err := s.scalar(first)
	if err != nil {
		return err
	}
	if err := c.parse(unsafe.String(unsafe.SliceData(b), len(b))); err != nil {
		return fmt.Errorf("%q is no %s", excerpt(b), expr.TypeName(c.of))
	}
	return nil
}

// excerpt is the beginning of a value, for an error.
func excerpt(b []byte) string {
	const most = 80
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}

// scalar is the content of a text, or any other value as it is written: what is
// nested is a text too, where the column is one.
func (s *scanner) scalar(first byte) ([]byte, error) {
	switch first {
	case '"':
		return s.text()
	case '{', '[':
		from := s.i
		if err := s.skip(0); err != nil {
			return nil, err
		}
		return s.b[from:s.i], nil
	}
	return s.word()
}

// integer reads an integer of up to 18 digits that nothing follows but the end of
// the value. Otherwise it stays where it is.
func (s *scanner) integer() (int64, bool) {
	at, negative := s.i, false
	if at < len(s.b) && s.b[at] == '-' {
		negative = true
		at++
	}
	from := at
	var v int64
	for at < len(s.b) && s.b[at]-'0' <= 9 {
		v = v*10 + int64(s.b[at]-'0')
		at++
	}
	digits := at - from
	if digits == 0 || digits > 18 || digits > 1 && s.b[from] == '0' || at < len(s.b) && inWord[s.b[at]] {
		return 0, false
	}
	if negative {
		v = -v
	}
	s.i = at
	return v, true
}

func fits(v int64, t arrow.DataType) bool {
	bits := t.(arrow.FixedWidthDataType).BitWidth()
	return bits == 64 || v>>(bits-1) == 0 || v>>(bits-1) == -1
}

// parse appends the value that a text stands for. The text must not be kept.
func (c *column) parse(text string) error {
	switch c.kind {
	case texts:
		return c.put([]byte(text))
	case blobs:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return err
		}
		return c.put(b)
	case decimals:
		t := c.of.(*arrow.Decimal128Type)
		v, err := decimal.Parse(strings.TrimSpace(text), t.Precision, t.Scale)
		if err != nil {
			return err
		}
		c.decimals = append(c.decimals, v)
		c.mark(true)
		return nil
	case integers, floats, doubles, booleans, dates, times, timestamps, lists, maps, rows:
	}
	w, err := c.parseWord(text)
	if err != nil {
		return err
	}
	c.word(w)
	return nil
}

func (c *column) parseWord(text string) (uint64, error) {
	switch c.kind {
	case integers:
		v, err := parseInteger(text, c.of.(arrow.FixedWidthDataType).BitWidth())
		return uint64(v), err
	case floats:
		v, err := strconv.ParseFloat(text, 32)
		return uint64(math.Float32bits(float32(v))), err
	case doubles:
		v, err := strconv.ParseFloat(text, 64)
		return math.Float64bits(v), err
	case booleans:
		v, err := strconv.ParseBool(strings.ToLower(text))
		if v {
			return 1, err
		}
		return 0, err
	case dates:
		d, err := time.Parse(time.DateOnly, text)
		return uint64(d.Unix() / 86400), err
	case times:
		return parseTime(text, c.of.(*arrow.Time32Type).Unit)
	case timestamps:
		return parseTimestamp(text, c.of.(*arrow.TimestampType).Unit)
	case texts, blobs, decimals, lists, maps, rows:
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

// list appends an array.
func (c *column) list(s *scanner, first byte) error {
	if first != '[' {
		return s.unlike("array")
	}
	s.i++
	if s.space() == ']' {
		s.i++
		return c.end()
	}
	for {
		if err := c.children[0].read(s, s.space()); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.i++
		case ']':
			s.i++
			return c.end()
		default:
			return s.bad()
		}
	}
}

// end ends a list or a map.
func (c *column) end() error {
	if c.children[0].n > math.MaxInt32 {
		return errors.New("more than 2³¹ elements in a batch")
	}
	c.ends = append(c.ends, int32(c.children[0].n))
	c.mark(true)
	return nil
}

// pairs appends an object as a map.
func (c *column) pairs(s *scanner, first byte) error {
	if first != '{' {
		return s.unlike("object")
	}
	s.i++
	if s.space() == '}' {
		s.i++
		return c.end()
	}
	for {
		if s.space() != '"' {
			return s.bad()
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := c.children[0].parse(unsafe.String(unsafe.SliceData(key), len(key))); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		if s.space() != ':' {
			return s.bad()
		}
		s.i++
		if err := c.children[1].read(s, s.space()); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.i++
		case '}':
			s.i++
			return c.end()
		default:
			return s.bad()
		}
	}
}

// row appends an object as a row.
func (c *column) row(s *scanner, first byte) error {
	if first != '{' {
		return s.unlike("object")
	}
	if err := c.object.read(s, c.n); err != nil {
		return err
	}
	for _, f := range c.children {
		if f.n == c.n {
			f.null()
		}
	}
	c.mark(true)
	return nil
}

// unlike says that the value here should be something else.
func (s *scanner) unlike(want string) error {
	from := s.i
	if err := s.skip(0); err != nil {
		return err
	}
	return fmt.Errorf("%q is no %s", excerpt(s.b[from:s.i]), want)
}
