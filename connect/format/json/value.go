package json

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/columns"
	"github.com/wadi-engine/wadi/vector/expr"
)

// read appends the value at which s stands, whose first byte is given.
func (c *column) read(s *scanner, first byte) error {
	if first == 'n' {
		if _, err := s.word(); err != nil {
			return err
		}
		c.Null()
		return nil
	}
	switch c.Kind {
	case columns.Integers:
		from := s.i
		if v, ok := s.integer(); ok && fits(v, c.Type) {
			c.Word(uint64(v))
			return nil
		}
		s.i = from
	case columns.Texts:
		if first == '"' {
			b, err := s.text()
			if err != nil {
				return err
			}
			return c.Put(b)
		}
	case columns.Lists:
		return c.list(s, first)
	case columns.Maps:
		return c.pairs(s, first)
	case columns.Rows:
		return c.row(s, first)
	case columns.Floats, columns.Doubles, columns.Booleans, columns.Dates, columns.Times, columns.Timestamps, columns.Decimals, columns.Blobs:
	}
	b, err := s.scalar(first)
	if err != nil {
		return err
	}
	if err := c.Parse(unsafe.String(unsafe.SliceData(b), len(b))); err != nil {
		return fmt.Errorf("%q is no %s", excerpt(b), expr.TypeName(c.Type))
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

// list appends an array.
func (c *column) list(s *scanner, first byte) error {
	if first != '[' {
		return s.unlike("array")
	}
	s.i++
	if s.space() == ']' {
		s.i++
		return c.End()
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
			return c.End()
		default:
			return s.bad()
		}
	}
}

// pairs appends an object as a map.
func (c *column) pairs(s *scanner, first byte) error {
	if first != '{' {
		return s.unlike("object")
	}
	s.i++
	if s.space() == '}' {
		s.i++
		return c.End()
	}
	for {
		if s.space() != '"' {
			return s.bad()
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := c.children[0].Parse(unsafe.String(unsafe.SliceData(key), len(key))); err != nil {
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
			return c.End()
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
	if err := c.object.read(s, c.Len()); err != nil {
		return err
	}
	for _, f := range c.children {
		if f.Len() == c.Len() {
			f.Null()
		}
	}
	c.Row()
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
